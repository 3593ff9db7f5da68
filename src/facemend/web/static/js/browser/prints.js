/** What the paper round a print tells of its damage. Mirrors facemend/damage/prints.py. */

import { label } from './components.js';
import { median } from './filters.js';
import { dilate, open } from './morphology.js';
import { PAPER_LEVELS } from './paper-edges.js';
import { findBands } from './print-bands.js';
import { spreadPaper } from './print-border.js';
import { resizeArea, resizeLinear, roundEven } from './resample.js';
import { quantile, sum } from './statistics.js';

const LONGER_SIDE = 1024;
const SMOOTHED = 5;
const MIXED = 0.015;
const CLEAN_LEVELS = 12;
const BEHIND_LEVELS = 20;
const LEAST_OTHER = 0.01;
const OPENED = 0.004;
const TORN_EDGE = 0.012;
const [LEAST, MOST] = [0.001, 0.5];

/**
 * Judge a photo as a print with paper round its picture.
 * @returns {?{clean: object, torn: object}} masks, reduced: where it is paper that nothing has happened to, or no print at all, and what
 *   is torn off; null if it is none
 */
export function judgePrint(rgb) {
  const scale = Math.min(1, LONGER_SIDE / Math.max(rgb.width, rgb.height));
  const [width, height] = [rgb.width, rgb.height].map((side) => Math.max(1, roundEven(side * scale)));
  const small = resizeArea(rgb, width, height);
  const bands = findBands(small, { data: new Uint8Array(width * height), width, height });
  if (!bands.length) return null;
  const smooth = smoothed(small);
  return { clean: findClean(smooth, bands), torn: findTorn(smooth, bands) };
}

/** Take what is clean from the damage found, {data, width, height}, and add what is torn off. */
export function correct(found, { clean, torn }) {
  const scaled = (mask, resize, { width, height }) => resize({ ...mask, channels: 1, data: mask.data.map((set) => 255 * set) }, width, height).data;
  const reduced = scaled(found, resizeArea, clean);
  const touched = widened(maskOf(clean, (i) => reduced[i] > 0 && !clean.data[i]), MIXED).data; // a scratch goes on across the paper's end
  const isClean = scaled(maskOf(clean, (i) => clean.data[i] && !touched[i]), resizeLinear, found);
  const isTorn = scaled(torn, resizeLinear, found);
  return maskOf(found, (i) => (found.data[i] && isClean[i] <= 127) || isTorn[i] > 127);
}

function findClean(rgb, bands) {
  const [outer, { share, color }] = [bands[0].share, bands.at(-1)];
  const isOutside = (i) => bands.length > 1 && outer[i] > 0;
  const known = maskOf(rgb, (i) => share[i] === 1 && !isOutside(i)).data;
  const paper = resizeLinear(spreadPaper(rgb, known, color), rgb.width, rgb.height).data;
  const isPaper = (i) => share[i] > 0 && isWithin(rgb, i, paper.subarray(3 * i, 3 * i + 3), CLEAN_LEVELS);
  const ends = bands.map(({ share }) => {
    const [inside, beyond] = [(i) => share[i] < 0.5, (i) => share[i] >= 0.5].map((isPart) => widened(maskOf(rgb, isPart), MIXED).data);
    return inside.map((near, i) => near & beyond[i]);
  });
  return maskOf(rgb, (i) => isOutside(i) || isPaper(i) || ends.some((end) => end[i]));
}

function findTorn(rgb, bands) {
  const [outer, inner] = [bands[0], bands.at(-1)];
  const isAlone = bands.length === 1;
  const sides = new Set([...outer.edges, ...inner.edges].map(({ side }) => side));
  const behind = isAlone ? colorBehind(rgb, outer) : sides.size === 4 ? outer.color : null; // else the lid may be what is seen along the fourth
  if (!behind) return maskOf(rgb, () => false);
  const isOutside = (i) => !isAlone && outer.share[i] > 0.5;
  const alike = open(maskOf(rgb, (i) => isWithin(rgb, i, behind, BEHIND_LEVELS)), radiusOf(OPENED, rgb)).data;
  const reached = reachedFromBeyond(maskOf(rgb, (i) => alike[i] || isOutside(i)));
  const { labels, parts } = label(maskOf(rgb, (i) => reached[i] && !isOutside(i)));
  const whole = sum(maskOf(rgb, (i) => !isOutside(i)).data);
  const onPaper = new Set(labels.filter((_, i) => inner.share[i] > 0));
  const kept = new Set(parts.filter(({ number, area }) => area >= LEAST * whole && area <= MOST * whole && onPaper.has(number)).map(({ number }) => number));
  const grown = widened(maskOf(rgb, (i) => kept.has(labels[i])), TORN_EDGE).data;
  return maskOf(rgb, (i) => grown[i] && !isOutside(i));
}

/** What of a mask hangs together with what is beyond the picture. */
function reachedFromBeyond({ data, width, height }) {
  const wide = maskOf({ width: width + 2, height: height + 2 }, (i) => {
    const [x, y] = [(i % (width + 2)) - 1, Math.floor(i / (width + 2)) - 1];
    return x < 0 || y < 0 || x >= width || y >= height || data[y * width + x];
  });
  const { labels } = label(wide);
  return maskOf({ width, height }, (i) => labels[(Math.floor(i / width) + 1) * (width + 2) + (i % width) + 1] === labels[0]).data;
}

/** The colour that is seen instead of paper where a scan ends in it; null if there is only paper. */
function colorBehind(rgb, { share, color }) {
  const seen = [...share.keys()].filter((i) => share[i] > 0.5);
  const other = seen.filter((i) => !isWithin(rgb, i, color, PAPER_LEVELS));
  return other.length > LEAST_OTHER * seen.length ? [0, 1, 2].map((c) => quantile(other.map((i) => rgb.data[3 * i + c]), 0.5)) : null;
}

function smoothed({ data, width, height, channels }) {
  const result = data.slice();
  for (let c = 0; c < channels; c++) {
    const plane = { data: Uint8Array.from({ length: width * height }, (_, i) => data[channels * i + c]), width, height };
    median(plane, SMOOTHED).data.forEach((value, i) => (result[channels * i + c] = value));
  }
  return { data: result, width, height, channels };
}

function isWithin({ data }, i, color, levels) {
  return color.every((value, c) => Math.abs(data[3 * i + c] - value) <= levels);
}

function maskOf({ width, height }, isSet) {
  return { data: Uint8Array.from({ length: width * height }, (_, i) => (isSet(i) ? 1 : 0)), width, height };
}

function widened(mask, share) {
  return dilate(mask, radiusOf(share, mask));
}

/** A radius in shares of the shorter side. */
function radiusOf(share, { width, height }) {
  return Math.ceil(share * Math.min(width, height));
}
