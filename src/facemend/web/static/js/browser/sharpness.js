/** Fills no sharper than their photo. Mirrors facemend/photo/sharpness.py. */

import { gaussianBlur } from './filters.js';

const FINEST = 0.7;
const EDGES = [1, 2.5];
const APART = 4;
const EXCESS = 1.25;
const FEW = 500;
const LEAST_SHARE = 0.02;
const BLURS = [0.5, 0.7, 1, 1.4, 2, 2.8];
const TO_LUMA = [0.299, 0.587, 0.114];

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
  const [filled, left] = [inside, known].map((places) => places.reduce((sum, place) => sum + place, 0));
  if (!filled || left < FEW) return colors;

  const energies = (planes) => {
    const luma = Float32Array.from({ length: area }, (_, i) => TO_LUMA.reduce((sum, share, c) => sum + share * planes[c * area + i], 0));
    const [fine, finer, coarser] = [FINEST, ...EDGES].map((sigma) => blurred(luma, sigma));
    return (places) => {
      let [finest, edges] = [0, 0];
      for (let i = 0; i < area; i++) {
        if (!places[i]) continue;
        finest += (luma[i] - fine[i]) ** 2;
        edges += (finer[i] - coarser[i]) ** 2;
      }
      return { finest, edges };
    };
  };

  let within = energies(colors);
  const beside = within(known);
  if (beside.edges / left <= (LEAST_SHARE * within(inside).edges) / filled) return colors;
  let result = colors;
  for (const sigma of BLURS) {
    const { finest, edges } = within(inside);
    if (finest * beside.edges <= EXCESS * beside.finest * edges) break;
    result = colors.slice();
    for (let c = 0; c < 3; c++) {
      const soft = blurred(colors.subarray(c * area, (c + 1) * area), sigma);
      for (let i = 0; i < area; i++) if (inside[i]) result[c * area + i] = soft[i];
    }
    within = energies(result);
  }
  return result;
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
