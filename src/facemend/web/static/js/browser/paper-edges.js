/** The straight line at which a band of paper ends, looked for from each side of a scan. Mirrors facemend/photo/paper_edges.py. */

import { roundEven } from './resample.js';
import { quantile } from './statistics.js';

export const PAPER_LEVELS = 30;
export const TURNED = [1, -1, -1, 1];
const POSITIONS = 200;
const EVERY = 8;
const IN_A_ROW = 3;
const FIRST = 150;
const CLEAN = 0.5;
const DEPTHS = [0.01, 0.25];
const STEEPEST = 0.06;
const NEAR = 0.002;
const [JUDGED, ENDS] = [0.15, 0.2];
const FEW = 0.2;
const SHADE = 0.005;
const FAR = 9;

/** The one of edges {side, depth, slope, paper, support} that is along a side: upper, lower, left or right. */
export function edgeAt(edges, side) {
  return edges.find((edge) => edge.side === side);
}

/** The turn and the paper in the middle among edges. */
export function middleOf(edges) {
  const middle = (valueOf) => quantile(edges.map(valueOf), 0.5);
  return { turn: middle((edge) => edge.turn), paper: [0, 1, 2].map((c) => middle((edge) => edge.paper[c])) };
}

/** The colours of the first rows of what is seen, of what is asked for there: three lists. */
export function colorsOf({ along, colors }, rows, isAsked) {
  const values = [[], [], []];
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < along.length; i++) {
      if (isAsked(row, i)) values.forEach((each, c) => each.push(colors[3 * (row * along.length + i) + c]));
    }
  }
  return values;
}

export function medianOf(colors) {
  return colors.map((values) => quantile(values, 0.5));
}

/** How many of the first rows must be paper. */
export function countFirst({ width, height }) {
  return Math.max(2, Math.floor(Math.min(width, height) / FIRST));
}

/** A picture turned so that one of its sides comes first: its sides then, and where it has which pixel. */
export function seenFrom({ width, height }, side) {
  const at = [
    (row, along) => row * width + along,
    (row, along) => (height - 1 - row) * width + along,
    (row, along) => along * width + row,
    (row, along) => along * width + width - 1 - row,
  ][side];
  return side < 2 ? { width, height, at } : { width: height, height: width, at };
}

/**
 * Look from a side, or from beyond its edge among those found before, as far into a photo as paper may reach.
 * @returns the sides and `at` of `seenFrom`; along, start: the places, and the row at each from which on is seen; rows: how many;
 *   colors: each the mean of three pixels in a row; isHidden(row, i): what is not to be looked at
 */
export function look(photo, hole, side, before) {
  const seen = seenFrom(hole, side);
  const { width, height, at } = seen;
  const count = Math.max(0, Math.min(POSITIONS, width - 2));
  const along = Array.from({ length: count }, (_, i) => 1 + Math.floor((i * (width - 3)) / Math.max(1, count - 1)));
  const beyond = edgeAt(before, side);
  const shade = Math.max(2, SHADE * Math.min(width, height));
  const start = along.map((place) => (beyond ? Math.ceil(beyond.depth + beyond.slope * place + shade) : 0));
  const rows = roundEven(DEPTHS[1] * height);
  const colors = new Float64Array(3 * rows * count);
  const hidden = new Uint8Array(rows * count);
  for (let row = 0, k = 0; row < rows; row++) {
    for (let i = 0; i < count; i++, k++) {
      const deep = Math.min(height - 1, Math.max(0, start[i] + row));
      for (let j = 0; j < IN_A_ROW; j++) {
        const place = at(deep, along[i] + j - Math.floor(IN_A_ROW / 2));
        hidden[k] |= hole.data[place];
        for (let c = 0; c < 3; c++) colors[3 * k + c] += photo.data[3 * place + c];
      }
    }
  }
  colors.forEach((sum, k) => (colors[k] = sum / IN_A_ROW));
  // Where what lies before those edges is seen, the print is torn.
  const isTorn = along.map((_, i) => before.length > 0 && rows > 0 && isAlike(colors, i, middleOf(before).paper));
  return { ...seen, along, start, rows, colors, isHidden: (row, i) => isTorn[i] || hidden[row * count + i] === 1 };
}

/** Whether a place in a list of colours is about of this one. */
function isAlike(colors, place, color) {
  return color.every((value, c) => Math.abs(colors[3 * place + c] - value) <= PAPER_LEVELS);
}

/** The straight line at which the colour ends that a scan begins with. */
export function findEdge(seen) {
  const { width, height, along, start, rows, colors, isHidden } = seen;
  const first = countFirst(seen);
  if (rows <= first + IN_A_ROW || width < 4 * EVERY) return null;
  const strip = colorsOf(seen, first, (row, i) => !isHidden(row, i));
  if (!strip[0].length) return null;
  const paper = medianOf(strip);
  const clean = strip[0].filter((_, i) => paper.every((value, c) => Math.abs(strip[c][i] - value) <= PAPER_LEVELS)).length;
  if (clean < CLEAN * strip[0].length) return null;

  let judged = 0;
  const [x, y] = [[], []];
  along.forEach((place, i) => {
    const depth = firstRun((row) => !isAlike(colors, row * along.length + i, paper), rows, IN_A_ROW);
    if (firstRun((row) => isHidden(row, i), rows, 1) < Math.min(depth + IN_A_ROW, rows)) return;
    judged++;
    if (depth >= rows) return;
    x.push(place);
    y.push(start[i] + depth);
  });
  if (judged < JUDGED * along.length || x.length < Math.max(2 * EVERY, ENDS * judged)) return null;
  const { depth, slope, onIt } = fit(x, y, Math.max(1.5, NEAR * width));
  const support = onIt / x.length;
  const wide = along.reduce((sum, place, i) => sum + depth + slope * place - start[i], 0) / along.length;
  const isWide = Math.max(first, DEPTHS[0] * Math.min(width, height)) <= wide && wide < rows;
  return isWide && Math.abs(slope) <= STEEPEST && support >= FEW ? { depth, slope, paper, support } : null;
}

/** The first row from which so many are true; far beyond all of them if there is none. */
export function firstRun(isTrue, rows, length) {
  for (let row = 0, run = 0; row < rows; row++) {
    run = isTrue(row) ? run + 1 : 0;
    if (run === length) return row - length + 1;
  }
  return FAR * rows;
}

/** Fit a line to points of which some lie elsewhere: through the two that have most others near it, then to all of these. */
function fit(x, y, near) {
  let best = [];
  for (let i = 0; i < x.length; i += EVERY) {
    for (let j = i + EVERY; j < x.length; j += EVERY) {
      const slope = (y[j] - y[i]) / (x[j] - x[i]);
      const height = y[i] - slope * x[i];
      const close = x.flatMap((place, k) => (Math.abs(height + slope * place - y[k]) <= near ? [k] : []));
      if (close.length > best.length) best = close;
    }
  }
  const mean = (values) => best.reduce((sum, k) => sum + values[k], 0) / best.length;
  const [middle, height] = [mean(x), mean(y)];
  const [up, along] = [y, x].map((values) => best.reduce((sum, k) => sum + (x[k] - middle) * values[k], 0));
  const slope = up / (along - middle * best.reduce((sum, k) => sum + x[k] - middle, 0));
  return { depth: height - slope * middle, slope, onIt: best.length };
}
