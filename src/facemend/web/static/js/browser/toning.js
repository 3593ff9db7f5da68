/** One colour for each brightness, in photos that have no more: grey ones, and old ones faded to brown. Mirrors facemend/photo/toning.py. */

import { brightness } from './colors.js';
import { eachPixel } from './framing.js';
import { cut, resizeArea, toByte } from './resample.js';
import { interpolated, quantile, sum } from './statistics.js';

const CELL = 4;
const LEVELS = 16;
const FEW = 20;
const [NEARLY_ALL, ALIKE] = [0.98, 8];
const [FULL_CONTRAST, LEAST_ALIKE] = [110, 5];
const MIDDLE = 0.75;
const LEAST_KNOWN = 0.3;

/** Give the wanted part of a picture, 1 = wanted, the tones that were measured, if there are hardly others. */
export function matchTones(painted, wanted, { colors, share }) {
  if (share <= NEARLY_ALL) return painted;
  const result = { ...painted, data: painted.data.slice() };
  for (let i = 0; i < wanted.length; i++) {
    if (!wanted[i]) continue;
    const level = 3 * brightness(painted.data, 3 * i);
    for (let c = 0; c < 3; c++) result.data[3 * i + c] = toByte(colors[level + c]);
  }
  return result;
}

/**
 * Measure which colours a photo has where it is known.
 * @param known one plane, 1 = known
 * @returns {?{colors: Float32Array, share: number}} the mean colour [256, 3] at each brightness, and how much of what was measured has it;
 *   null where too little is known to tell
 */
export function measureTones(photo, known) {
  const colors = average(photo, known);
  const bins = Array.from({ length: LEVELS }, () => ({ count: 0, light: 0, cast: [0, 0, 0] }));
  for (let at = 0; at < colors.length; at += 3) {
    const light = brightness(colors, at);
    const bin = bins[Math.floor((light * LEVELS) / 256)];
    bin.count++;
    bin.light += light;
    for (let c = 0; c < 3; c++) bin.cast[c] += colors[at + c] - light;
  }
  const used = bins.filter(({ count }) => count >= FEW);
  if (!used.length) return null;
  const lights = used.map(({ light, count }) => light / count);
  const casts = [0, 1, 2].map((c) => used.map(({ cast, count }) => cast[c] / count));
  const tint = new Float32Array(3 * 256);
  for (let level = 0; level < 256; level++) for (let c = 0; c < 3; c++) tint[3 * level + c] = level + interpolated(level, lights, casts[c]);
  const off = new Float32Array(colors.length / 3);
  const brightnesses = off.map((_, i) => brightness(colors, 3 * i));
  for (let i = 0; i < off.length; i++) {
    const level = 3 * brightnesses[i];
    for (let c = 0; c < 3; c++) off[i] = Math.max(off[i], Math.abs(colors[3 * i + c] - tint[level + c]));
  }
  const contrast = quantile(brightnesses, 0.99) - quantile(brightnesses, 0.01);
  const alike = Math.max(LEAST_ALIKE, ALIKE * Math.min(1, contrast / FULL_CONTRAST));
  return { colors: tint, share: off.filter((distance) => distance < alike).length / off.length };
}

/** Measure the colours that a face has in the middle of its square; null where too little of it is left to tell. */
export function measureFaceTones(photo, hole, window) {
  const middle = window.scaled(MIDDLE);
  const region = middle.region(hole);
  const known = middle.inside(region);
  const all = sum(known);
  eachPixel(region, hole.width, (k, at) => (known[k] &= 1 - hole.data[at]));
  return sum(known) > LEAST_KNOWN * all ? measureTones(cut(photo, region), known) : null;
}

/** The colours of cells that are wholly known, three bytes each. */
function average(photo, known) {
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, Math.floor(side / CELL)));
  const colors = resizeArea(photo, width, height).data;
  const unknown = { ...photo, channels: 1, data: Uint8Array.from(known, (there) => (there ? 0 : 255)) };
  const shares = resizeArea(unknown, width, height).data;
  return colors.filter((_, i) => shares[Math.floor(i / 3)] === 0);
}
