/** The paper round a print. Mirrors facemend/photo/print_border.py. A print's sides: upper, lower, left, right. */

import { gaussianBlur } from './filters.js';
import {
  PAPER_LEVELS, TURNED, colorsOf, countFirst, edgeAt, findEdge, firstRun, look, medianOf, middleOf, seenFrom,
} from './paper-edges.js';
import { picture, resizeArea, resizeLinear, roundEven } from './resample.js';
import { sum } from './statistics.js';

const MOSTLY = 0.4;
const ALIKE = 0.01;
const LEAST_SIDES = 3;
const HIDDEN = 0.5;
const LARGE = 1024;
const SMALL = 128;
const SPREAD = 3;

/**
 * Find the paper round a print, and what a print lies on.
 * @param photo picture of bytes; what lies under the hole is not looked at
 * @param hole {data, width, height}, 1 = hole
 * @returns {?{share: Float32Array, shares: Float32Array[], colors: object[]}} of each pixel what lies outside the end of each band, from
 *   outside in, the last of these, and the colours of each, reduced; null where there is neither along three sides at least, and where
 *   the hole does not reach any
 */
export function findBorder(photo, hole) {
  const bands = findBands(photo, hole);
  const share = bands.at(-1)?.share;
  if (!share?.some((part, i) => part > 0 && hole.data[i])) return null;
  const every = Math.ceil(Math.max(hole.width, hole.height) / LARGE);
  const known = hole.data.map((unknown) => 1 - unknown);
  const colors = bands.map((band) => {
    const paper = known.map((isKnown, i) => (isKnown && band.share[i] === 1 ? 1 : 0));
    band.share.forEach((part, i) => part > 0 && (known[i] = 0));
    return spreadPaper(thinned(photo, every), thinned({ ...hole, data: paper, channels: 1 }, every).data, band.color);
  });
  return { share, shares: bands.map((band) => band.share), colors };
}

/** Put paper into the hole of a picture where there is to be paper. */
export function fillBorder(image, hole, { shares, colors }) {
  const data = image.data.slice();
  for (const [k, share] of [...shares.entries()].reverse()) {
    const paper = resizeLinear(colors[k], image.width, image.height).data;
    for (let i = 0; i < share.length; i++) {
      if (!hole.data[i] || share[i] === 0) continue;
      for (let c = 3 * i; c < 3 * i + 3; c++) data[c] = roundEven(data[c] + share[i] * (paper[c] - data[c]));
    }
  }
  return { ...image, data };
}

/**
 * Find what lies round a print and round its picture, from outside in: up to two bands. The arguments are `findBorder`'s.
 * A print in a scanner's corner has the lid along two sides only, but paper along all of them.
 * @returns {{edges: object[], share: Float32Array, color: number[]}[]} edges: {side, depth, slope, paper, support}
 */
export function findBands(photo, hole) {
  for (const outer of findEdges(photo, hole, [])) {
    const inner = findEdges(photo, hole, outer)[0] ?? [];
    if (inner.length >= LEAST_SIDES) {
      const band = makeBand(photo, hole, outer);
      return [band, makeBand(photo, hole, inner, band)];
    }
    if (outer.length >= LEAST_SIDES) return [makeBand(photo, hole, outer)];
  }
  return [];
}

function makeBand(photo, hole, edges, outer) {
  const share = outer ? outer.share.slice() : new Float32Array(hole.data.length);
  edges.forEach((edge) => draw(share, hole, edge));
  const fourth = findFourth(photo, hole, share, edges, outer?.edges ?? []);
  if (fourth) draw(share, hole, fourth);
  const color = [0, 1, 2].map((c) => sum(edges.map(({ paper }) => paper[c])) / edges.length);
  return { edges: fourth ? [...edges, fourth] : edges, share, color };
}

/** Put what lies outside an edge into what each pixel has of it. */
function draw(share, size, { side, depth, slope }) {
  const { width, height, at } = seenFrom(size, side);
  for (let along = 0; along < width; along++) {
    const end = depth + slope * along;
    for (let row = 0; row < Math.min(height, end); row++) share[at(row, along)] = Math.max(share[at(row, along)], Math.min(1, end - row));
  }
}

/**
 * The edges of a print, or of its picture, beyond those found before: those turned alike, and of one paper.
 * @returns {object[][]} grouped by what they have in common, large groups first
 */
function findEdges(photo, hole, before) {
  const edges = TURNED.flatMap((sign, side) => {
    const edge = findEdge(look(photo, hole, side, before));
    return edge ? [{ ...edge, side, turn: sign * edge.slope }] : [];
  });
  const sure = edges.filter(({ support }) => support >= MOSTLY);
  const groups = new Map();
  for (const edge of sure) {
    const few = chooseAlike(sure, edge);
    const group = few.length >= LEAST_SIDES ? chooseAlike(edges, middleOf(few)) : few;
    const key = group.map(({ side }) => side).join();
    if (!groups.has(key)) groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

function chooseAlike(edges, { turn, paper }) {
  const isAlike = (edge) => Math.abs(edge.turn - turn) <= ALIKE && edge.paper.every((value, c) => Math.abs(value - paper[c]) <= PAPER_LEVELS);
  return edges.filter(isAlike);
}

/**
 * The edge that is missing among four, taken to be as far in as the one across from it; null where that side is not hidden for the most
 * part, or shows picture where there would be paper.
 */
function findFourth(photo, hole, share, edges, before) {
  const side = [0, 1, 2, 3].find((each) => !edgeAt(edges, each));
  if (side === undefined || edges.length < LEAST_SIDES) return null;
  const opposite = side ^ 1;
  const seen = look(photo, hole, side, before);
  const half = seen.width / 2;
  const outer = (each) => (edgeAt(before, each) ? edgeAt(before, each).depth + edgeAt(before, each).slope * half : 0);
  const across = edgeAt(edges, opposite);
  const deep = across.depth + across.slope * half - outer(opposite);
  const { turn, paper } = middleOf(edges);
  const isToldOf = (row, i) => {
    const place = seen.at(Math.min(seen.height - 1, Math.max(0, seen.start[i] + row)), seen.along[i]);
    return seen.isHidden(row, i) || share[place] > 0; // by the sides beside it
  };
  const known = colorsOf(seen, countFirst(seen), (row, i) => !isToldOf(row, i));
  if (known[0].length && medianOf(known).some((value, c) => Math.abs(value - paper[c]) > PAPER_LEVELS)) return null;
  const rows = Math.min(seen.rows, Math.ceil(deep));
  const hidden = seen.along.filter((_, i) => firstRun((row) => seen.isHidden(row, i), rows, 1) < rows);
  const slope = TURNED[side] * turn;
  return hidden.length > HIDDEN * seen.along.length ? { depth: outer(side) + deep - slope * half, slope, paper, side } : null;
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
export function spreadPaper(photo, paper, color) {
  const scale = Math.min(1, SMALL / Math.max(photo.width, photo.height));
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, roundEven(side * scale)));
  const isClean = (i) => paper[i] && color.every((value, c) => Math.abs(photo.data[3 * i + c] - value) <= PAPER_LEVELS);
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
