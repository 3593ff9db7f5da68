/** Colours that follow brightness, for paint whose colours glitter. Mirrors facemend/photo/coloring.py. */

import { lumaAt } from './colors.js';
import { boxBlur } from './filters.js';

const RADIUS = 4;
const LEAST_VARIANCE = 0.003;

/**
 * Let colours in a hole follow brightness: a guided filter (He et al. 2013) of what they have beside it.
 * @param {Float32Array} colors three planes in [-1, 1], `size` pixels wide and high
 * @param hole one plane, 1 = to be changed
 */
export function calmColors(colors, hole, size) {
  const area = size * size;
  const blurred = (data) => boxBlur({ data, width: size, height: size, channels: 1 }, RADIUS).data;
  const luma = Float32Array.from({ length: area }, (_, i) => lumaAt(colors, i));
  const mean = blurred(luma);
  const variance = blurred(luma.map((light) => light * light)).map((square, i) => square - mean[i] * mean[i]);
  const calm = colors.slice();
  for (let c = 0; c < 3; c++) {
    const chroma = luma.map((light, i) => colors[c * area + i] - light);
    const meanChroma = blurred(chroma);
    const products = blurred(chroma.map((value, i) => value * luma[i]));
    const slope = products.map((product, i) => (product - mean[i] * meanChroma[i]) / (variance[i] + LEAST_VARIANCE));
    const [slopes, starts] = [blurred(slope), blurred(meanChroma.map((value, i) => value - slope[i] * mean[i]))];
    for (let i = 0; i < area; i++) if (hole[i]) calm[c * area + i] = luma[i] + slopes[i] * luma[i] + starts[i];
  }
  return calm;
}
