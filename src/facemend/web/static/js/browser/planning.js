/** Which squares of a photo the network is to see, in which order, and which pixels each paints. Mirrors facemend/photo/planning.py. */

import { distances, label } from './components.js';
import { VIEW_SIZE, chooseWindow, eachPixel, extent, windowRound } from './framing.js';
import { roundEven } from './resample.js';

const LARGEST_PORTRAIT = 1024;
const CELL = 16;
const TILE = 32;
const MARGIN = 64;
const THIN = 1;
const CONTEXT = 16;
const MIDDLE = 0.6;

/**
 * Share a hole out among views: of the faces first, so that the views of what is left see them mended.
 * @returns {{window, region, area: Uint8Array}[]} in the order of their runs
 */
export function planViews(hole, faces) {
  const free = filled(hole, 1);
  const views = claim(free, hole, faces);
  const rest = { ...hole, data: hole.data.map((value, i) => value & free.data[i]) };
  if (rest.data.includes(1)) {
    const fits = !faces.length && Math.min(hole.width, hole.height) <= LARGEST_PORTRAIT;
    for (const { window, isThin } of fits ? [{ window: chooseWindow(hole), isThin: false }] : cover(rest))
      views.push(...claim(free, hole, [window]).map((view) => ({ ...view, beside: faces.length > 0 || isThin })));
  }
  return views;
}

/** Share a photo out among its faces, surest first; the whole of it is one where there are none. */
export function planFaces(size, faces) {
  const everything = filled(size, 1);
  return claim(filled(size, 1), everything, faces.length ? faces : [chooseWindow(everything)]);
}

function filled({ width, height }, value) {
  return { data: new Uint8Array(width * height).fill(value), width, height };
}

/** Give each window in turn what is free in it, but for the middle of those still to come, if that holds some of the hole. */
function claim(free, hole, windows) {
  const views = [];
  windows.forEach((window, i) => {
    const region = window.region(hole);
    const { left, top, right, bottom } = region;
    if (right <= left || bottom <= top) return;
    const area = window.inside(region);
    const own = window.scaled(MIDDLE).inside(region);
    for (const other of windows.slice(i + 1)) {
      const theirs = other.scaled(MIDDLE).inside(region);
      for (let k = 0; k < area.length; k++) if (theirs[k] && !own[k]) area[k] = 0;
    }
    let holds = false;
    eachPixel(region, hole.width, (k, at) => {
      area[k] &= free.data[at];
      holds ||= (area[k] & hole.data[at]) === 1;
    });
    if (!holds) return;
    eachPixel(region, hole.width, (k, at) => (free.data[at] &= 1 - area[k]));
    views.push({ window, region, area });
  });
  return views;
}

/** Find windows that hold all of a hole: a wide one round each broad part, tiles for what is narrow (scratches, specks). */
function* cover(rest) {
  const share = shareOfCells(rest);
  const { width, height } = share;
  const depth = distances({ ...share, data: share.data.map((value) => (value > 0.5 ? 1 : 0)) });
  const narrow = { width, height, data: Uint8Array.from(share.data, (value) => (value > 0 ? 1 : 0)) };
  const { labels } = label(narrow);
  for (const number of new Set(labels.filter((_, i) => depth[i] > TILE / 4).sort())) {
    const part = { width, height, data: Uint8Array.from(labels, (each) => (each === number ? 1 : 0)) };
    narrow.data.forEach((_, i) => part.data[i] && (narrow.data[i] = 0));
    yield { window: windowAt(part, rest, (length) => 2 * length), isThin: false };
  }
  for (let first; (first = narrow.data.indexOf(1)) >= 0; ) {
    const [top, left] = [Math.floor(first / width), first % width];
    const tile = { left, top, right: Math.min(left + TILE, width), bottom: Math.min(top + TILE, height) };
    const part = { width, height, data: new Uint8Array(width * height) };
    let deepest = 0;
    eachPixel(tile, width, (_, i) => {
      if (!narrow.data[i]) return;
      part.data[i] = 1;
      narrow.data[i] = 0;
      deepest = Math.max(deepest, depth[i]);
    });
    const margin = Math.max(MARGIN, roundEven(CONTEXT * CELL * deepest));
    yield { window: windowAt(part, rest, (length) => length + 2 * margin), isThin: deepest <= THIN };
  }
}

/** Lay a window round some cells, of a side that depends on their extent, but neither tiny nor larger than the photo. */
function windowAt(cells, shape, side) {
  const { left, top, right, bottom } = extent(cells);
  const wished = side(Math.max(right - left, bottom - top) * CELL);
  const box = { left: left * CELL, top: top * CELL, right: right * CELL, bottom: bottom * CELL };
  return windowRound(box, shape, Math.min(Math.max(wished, VIEW_SIZE), Math.max(shape.width, shape.height)));
}

function shareOfCells({ data, width, height }) {
  const [columns, rows] = [Math.ceil(width / CELL), Math.ceil(height / CELL)];
  const share = new Float32Array(columns * rows);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / CELL) * columns;
    for (let x = 0; x < width; x++) share[row + (x >> 4)] += data[y * width + x];
  }
  return { data: share.map((sum) => sum / CELL ** 2), width: columns, height: rows };
}
