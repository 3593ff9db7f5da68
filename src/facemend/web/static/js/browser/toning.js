/** One colour for each brightness, in photos that have no more: grey ones, and old ones faded to brown. Mirrors facemend/photo/toning.py. */

import { brightness } from './colors.js';
import { resizeArea, roundEven } from './resample.js';

const CELL = 4;
const LEVELS = 16;
const FEW = 20;
const [NEARLY_ALL, ALIKE] = [0.99, 10];

/** Give a fill the tint that the photo has at each brightness, if colours hardly differ from that. */
export function matchTone(painted, photo, hole) {
  const tint = measure(average(photo, hole));
  if (!tint) return painted;
  const result = { ...painted, data: painted.data.slice() };
  for (let i = 0; i < hole.data.length; i++) {
    if (!hole.data[i]) continue;
    const level = 3 * brightness(painted.data, 3 * i);
    for (let c = 0; c < 3; c++) result.data[3 * i + c] = Math.min(255, Math.max(0, roundEven(tint[level + c])));
  }
  return result;
}

/** The colours of cells without a hole, three bytes each. */
function average(photo, hole) {
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, Math.floor(side / CELL)));
  const colors = resizeArea(photo, width, height).data;
  const shares = resizeArea({ ...hole, channels: 1, data: hole.data.map((set) => 255 * set) }, width, height).data;
  return colors.filter((_, i) => shares[Math.floor(i / 3)] === 0);
}

/** The mean colour [256, 3] at each brightness, or null where the colours differ from it. */
function measure(colors) {
  const sums = Array.from({ length: LEVELS }, () => ({ count: 0, light: 0, cast: [0, 0, 0] }));
  for (let at = 0; at < colors.length; at += 3) {
    const light = brightness(colors, at);
    const bin = sums[Math.floor((light * LEVELS) / 256)];
    bin.count++;
    bin.light += light;
    for (let c = 0; c < 3; c++) bin.cast[c] += colors[at + c] - light;
  }
  const used = sums.filter(({ count }) => count >= FEW).map(({ count, light, cast }) => ({ light: light / count, cast: cast.map((sum) => sum / count) }));
  if (!used.length) return null;
  const tint = new Float32Array(3 * 256);
  for (let level = 0; level < 256; level++) for (let c = 0; c < 3; c++) tint[3 * level + c] = level + castAt(level, used, c);
  const off = new Float32Array(colors.length / 3);
  for (let i = 0; i < off.length; i++) {
    const level = 3 * brightness(colors, 3 * i);
    for (let c = 0; c < 3; c++) off[i] = Math.max(off[i], Math.abs(colors[3 * i + c] - tint[level + c]));
  }
  return off.sort()[Math.floor(NEARLY_ALL * (off.length - 1))] < ALIKE ? tint : null;
}

function castAt(level, used, c) {
  const next = used.findIndex(({ light }) => light > level);
  if (next < 0) return used.at(-1).cast[c];
  if (next === 0) return used[0].cast[c];
  const [a, b] = [used[next - 1], used[next]];
  return a.cast[c] + ((level - a.light) / (b.light - a.light)) * (b.cast[c] - a.cast[c]);
}
