/** Fills no sharper than their photo. Mirrors facemend/photo/sharpness.py. */

import { lumaAt } from './colors.js';
import { boxBlur, gaussianBlur } from './filters.js';
import { quantile, sum } from './statistics.js';

const FINEST = 0.7;
const EDGES = [1, 2.5];
const APART = 4;
const EXCESS = 1.25;
const LEAST_KNOWN = 0.03;
const LEAST_SHARE = 0.02;
const REACH = 4; // of a square of 9 pixels
const NEARLY_ALL = 0.9;
const PLAINEST = 0.1;
const BLURS = [0.5, 0.7, 1, 1.4, 2, 2.8];

/**
 * Blur a fill until it is no sharper than what is known beside it.
 * @param {Float32Array} colors three planes in [-1, 1], `size` pixels wide and high, the hole filled
 * @param hole one plane, 1 = filled
 * @param alike one plane, 1 = may be compared with the fill; null: all of it
 */
export function matchSharpness(colors, hole, size, alike = null) {
  const area = size * size;
  const blurred = (data, sigma) => gaussianBlur({ data, width: size, height: size }, sigma).data;
  const inside = Uint8Array.from(hole, (value) => (value > 0 ? 1 : 0));
  const known = apart(inside, size).map((far, i) => (alike && !alike[i] ? 0 : far));
  const [filled, left] = [sum(inside), sum(known)];
  if (!filled || left < LEAST_KNOWN * area) return colors;

  const energies = (planes) => {
    const luma = Float32Array.from({ length: area }, (_, i) => lumaAt(planes, i));
    const [fine, finer, coarser] = [FINEST, ...EDGES].map((sigma) => blurred(luma, sigma));
    return { finest: luma.map((light, i) => (light - fine[i]) ** 2), edges: finer.map((light, i) => (light - coarser[i]) ** 2) };
  };
  const mean = (energy, places, count) => energy.reduce((total, value, i) => total + (places[i] ? value : 0), 0) / count;

  let { finest, edges } = energies(colors);
  const beside = mean(edges, known, left);
  if (beside <= LEAST_SHARE * mean(edges, inside, filled)) return colors;
  const [grain, coarseGrain] = [finest, edges].map((energy) => floor(energy, known, size));
  const most = (EXCESS * (mean(finest, known, left) - grain)) / Math.max(1e-9, beside - coarseGrain);
  let result = colors;
  for (const sigma of BLURS) {
    if (mean(finest, inside, filled) <= most * mean(edges, inside, filled)) break;
    result = colors.slice();
    for (let c = 0; c < 3; c++) {
      const soft = blurred(colors.subarray(c * area, (c + 1) * area), sigma);
      for (let i = 0; i < area; i++) if (inside[i]) result[c * area + i] = soft[i];
    }
    ({ finest, edges } = energies(result));
  }
  return result;
}

/** The mean energy of the plainest known squares, which have hardly more than grain. */
function floor(energy, known, size) {
  const squares = (data) => boxBlur({ data, width: size, height: size, channels: 1 }, REACH).data;
  const share = squares(Float32Array.from(known));
  const sums = squares(energy.map((value, i) => (known[i] ? value : 0)));
  const means = sums.map((sum, i) => sum / share[i]).filter((_, i) => known[i] && share[i] > NEARLY_ALL);
  return means.length ? quantile(means, PLAINEST) : 0;
}

/** Pixels more than APART from all of a hole: each of the others lies in a square round one. */
function apart(hole, size) {
  const known = new Uint8Array(hole.length).fill(1);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (!hole[y * size + x]) continue;
      const [left, right] = [Math.max(0, x - APART), Math.min(size, x + APART + 1)];
      for (let row = Math.max(0, y - APART); row < Math.min(size, y + APART + 1); row++) known.fill(0, row * size + left, row * size + right);
    }
  }
  return known;
}
