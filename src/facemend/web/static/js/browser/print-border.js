/** The paper round a print. Mirrors facemend/photo/print_border.py. A print's sides: upper, lower, left, right. */

import { gaussianBlur } from './filters.js';
import { picture, resizeArea, resizeLinear, roundEven } from './resample.js';
import { quantile } from './statistics.js';

const POSITIONS = 200;
const EVERY = 8;
const IN_A_ROW = 3;
const PAPER = 30;
const FIRST = 150;
const CLEAN = 0.5;
const DEPTHS = [0.01, 0.25];
const STEEPEST = 0.06;
const NEAR = 0.002;
const [JUDGED, MOSTLY] = [0.15, 0.4];
const TURNED = [1, -1, -1, 1];
const ALIKE = 0.01;
const LEAST_SIDES = 3;
const HIDDEN = 0.5;
const LARGE = 1024;
const SMALL = 128;
const SPREAD = 3;
const FAR = 9;

/**
 * Find the paper round a print.
 * @param photo picture of bytes; what lies under the hole is not looked at
 * @param hole {data, width, height}, 1 = hole
 * @returns {?{share: Float32Array, colors: object}} how much of each pixel is paper, and its colours, reduced; null where there is no
 *   paper along three sides at least, and where the hole does not reach any
 */
export function findBorder(photo, hole) {
  const edges = findEdges(photo, hole);
  if (edges.length < LEAST_SIDES) return null;
  const share = new Float32Array(hole.data.length);
  const draw = ({ side, depth, slope }) => {
    const { width, height, at } = seenFrom(hole, side);
    for (let along = 0; along < width; along++) {
      const end = depth + slope * along;
      for (let row = 0; row < Math.min(height, end); row++) share[at(row, along)] = Math.max(share[at(row, along)], Math.min(1, end - row));
    }
  };
  edges.forEach(draw);
  const fourth = findFourth(photo, hole, share, edges);
  if (fourth) draw(fourth);
  if (!share.some((part, i) => part > 0 && hole.data[i])) return null;
  const color = [0, 1, 2].map((c) => edges.reduce((sum, { paper }) => sum + paper[c], 0) / edges.length);
  const paper = hole.data.map((unknown, i) => (share[i] === 1 && !unknown ? 1 : 0));
  const every = Math.ceil(Math.max(hole.width, hole.height) / LARGE);
  return { share, colors: spread(thinned(photo, every), thinned({ ...hole, data: paper, channels: 1 }, every).data, color) };
}

/** Put paper into the hole of a picture where there is to be paper. */
export function fillBorder(image, hole, { share, colors }) {
  const paper = resizeLinear(colors, image.width, image.height).data;
  const data = image.data.slice();
  for (let i = 0; i < share.length; i++) {
    if (!hole.data[i] || share[i] === 0) continue;
    for (let c = 3 * i; c < 3 * i + 3; c++) data[c] = roundEven(data[c] + share[i] * (paper[c] - data[c]));
  }
  return { ...image, data };
}

/** The edges of a print: those that are turned alike, and are of one paper. */
function findEdges(photo, hole) {
  const found = TURNED.flatMap((sign, side) => {
    const edge = findEdge(photo, hole, seenFrom(hole, side));
    return edge ? [{ ...edge, side, turn: sign * edge.slope }] : [];
  });
  const middle = middleOf(found);
  const isOfOne = ({ turn, paper }) =>
    Math.abs(turn - middle.turn) <= ALIKE && paper.every((value, c) => Math.abs(value - middle.paper[c]) <= PAPER);
  return found.filter(isOfOne);
}

/**
 * The edge that is missing among four, taken to lie as the one across from it does; null where that side is not hidden for the most part,
 * or shows picture where there would be paper.
 */
function findFourth(photo, hole, share, edges) {
  const side = [0, 1, 2, 3].find((each) => !edges.some((edge) => edge.side === each));
  if (side === undefined) return null;
  const { width, height, at } = seenFrom(hole, side);
  const across = edges.find((edge) => edge.side === (side ^ 1));
  const depth = across.depth + (across.slope * width) / 2;
  const { turn, paper } = middleOf(edges);
  const known = colorsOf(photo, width, countFirst(hole), at, (place) => !hole.data[place] && share[place] === 0);
  if (known[0].length && medianOf(known).some((value, c) => Math.abs(value - paper[c]) > PAPER)) return null;
  let hidden = 0;
  for (let along = 0; along < width; along++) hidden += firstRun((row) => hole.data[at(row, along)], Math.min(height, Math.ceil(depth)), 1) < depth;
  const slope = TURNED[side] * turn;
  return hidden > HIDDEN * width ? { depth: depth - (slope * width) / 2, slope, paper, side } : null;
}

/** The turn and the paper in the middle among edges. */
function middleOf(edges) {
  const middle = (valueOf) => quantile(edges.map(valueOf), 0.5);
  return { turn: middle((edge) => edge.turn), paper: [0, 1, 2].map((c) => middle((edge) => edge.paper[c])) };
}

/** The colours of the first rows, of what is asked for there: three lists. */
function colorsOf(photo, width, rows, at, isAsked) {
  const values = [[], [], []];
  for (let row = 0; row < rows; row++) {
    for (let along = 0; along < width; along++) {
      const place = at(row, along);
      if (isAsked(place)) values.forEach((each, c) => each.push(photo.data[3 * place + c]));
    }
  }
  return values;
}

function medianOf(colors) {
  return colors.map((values) => quantile(values, 0.5));
}

/** How many of the first rows must be paper. */
function countFirst({ width, height }) {
  return Math.max(2, Math.floor(Math.min(width, height) / FIRST));
}

/** A picture turned so that one of its sides comes first: its sides then, and where it has which pixel. */
function seenFrom({ width, height }, side) {
  const at = [
    (row, along) => row * width + along,
    (row, along) => (height - 1 - row) * width + along,
    (row, along) => along * width + row,
    (row, along) => along * width + width - 1 - row,
  ][side];
  return side < 2 ? { width, height, at } : { width: height, height: width, at };
}

/** The straight line at which the picture begins below a photo's upper side. */
function findEdge(photo, hole, { width, height, at }) {
  const [shorter, deepest] = [Math.min(height, width), roundEven(DEPTHS[1] * height)];
  const first = countFirst(hole);
  if (deepest <= first + IN_A_ROW || width < 4 * EVERY) return null;
  const strip = colorsOf(photo, width, first, at, (place) => !hole.data[place]);
  if (!strip[0].length) return null;
  const paper = medianOf(strip);
  const clean = strip[0].filter((_, i) => paper.every((value, c) => Math.abs(strip[c][i] - value) <= PAPER)).length;
  if (clean < CLEAN * strip[0].length) return null;

  const columns = (along) => Array.from({ length: IN_A_ROW }, (_, i) => along + i - Math.floor(IN_A_ROW / 2));
  const isPicture = (row, along) => {
    const places = columns(along).map((column) => 3 * at(row, column));
    return paper.some((color, c) => Math.abs(places.reduce((sum, place) => sum + photo.data[place + c], 0) / IN_A_ROW - color) > PAPER);
  };
  const isHole = (row, along) => columns(along).some((column) => hole.data[at(row, column)]);
  const count = Math.min(POSITIONS, width - 2);
  const [x, y] = [[], []];
  for (let i = 0; i < count; i++) {
    const along = 1 + Math.floor((i * (width - 3)) / (count - 1));
    const depth = firstRun((row) => isPicture(row, along), deepest, IN_A_ROW);
    if (firstRun((row) => isHole(row, along), deepest, 1) < Math.min(depth + IN_A_ROW, deepest)) continue;
    x.push(along);
    y.push(depth);
  }
  if (x.length < Math.max(2 * EVERY, JUDGED * count)) return null;
  const { depth, slope, onIt } = fit(x, y, Math.max(1.5, NEAR * width));
  const middle = depth + (slope * width) / 2;
  const isBorder = Math.max(first, DEPTHS[0] * shorter) <= middle && middle < deepest && Math.abs(slope) <= STEEPEST && onIt >= MOSTLY;
  return isBorder ? { depth, slope, paper } : null;
}

/** The first row from which so many are true; far beyond all of them if there is none. */
function firstRun(isTrue, rows, length) {
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
  return { depth: height - slope * middle, slope, onIt: best.length / x.length };
}

/** One pixel of every so many, along rows and columns. */
function thinned({ data, width, height, channels }, every) {
  const part = picture(Math.ceil(width / every), Math.ceil(height / every), channels);
  for (let i = 0, y = 0; y < height; y += every) {
    for (let x = 0; x < width; x += every) for (let c = 0; c < channels; c++) part.data[i++] = data[(y * width + x) * channels + c];
  }
  return part;
}

/** Spread paper's colours, where it is known and clean, over all of a reduced picture. */
function spread(photo, paper, color) {
  const scale = Math.min(1, SMALL / Math.max(photo.width, photo.height));
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, roundEven(side * scale)));
  const isClean = (i) => paper[i] && color.every((value, c) => Math.abs(photo.data[3 * i + c] - value) <= PAPER);
  const clean = paper.map((_, i) => (isClean(i) ? 1 : 0));
  const reduced = (value) => {
    const plane = resizeArea({ ...photo, channels: 1, data: clean.map((there, i) => (there ? value(i) : 0)) }, width, height);
    return gaussianBlur({ ...plane, data: Float32Array.from(plane.data) }, SPREAD).data;
  };
  const weight = reduced(() => 255);
  const little = 1e-3;
  const data = new Uint8Array(3 * width * height);
  color.forEach((mean, c) => {
    reduced((i) => photo.data[3 * i + c]).forEach((sum, i) => (data[3 * i + c] = roundEven((sum + little * mean) / (weight[i] / 255 + little))));
  });
  return { data, width, height, channels: 3 };
}
