/** What lies round a print. Mirrors facemend/photo/print_bands.py. A print's sides: upper, lower, left, right. */

import {
  PAPER_LEVELS, TURNED, colorsOf, countFirst, edgeAt, findEdge, firstRun, look, medianOf, middleOf, seenFrom,
} from './paper-edges.js';
import { sum } from './statistics.js';

const MOSTLY = 0.4;
const ALIKE = 0.01;
const LEAST_SIDES = 3;
const HIDDEN = 0.5;

/**
 * Find what lies round a print and round its picture, from outside in: up to two bands.
 * A print in a scanner's corner has the lid along two sides only, but paper along all of them.
 * @param photo picture of bytes; what lies under the hole is not looked at
 * @param hole {data, width, height}, 1 = hole
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
