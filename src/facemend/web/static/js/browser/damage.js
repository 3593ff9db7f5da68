/** Finds scratches, tears, creases, dust, burnt-out spots and writing. Mirrors facemend/damage/finding.py. */

import { brightness } from './colors.js';
import { label } from './components.js';
import { median, reflect101 } from './filters.js';
import { correct, judgePrint } from './prints.js';
import { picture, resizeArea, resizeLinear, roundEven } from './resample.js';

const TILE_SIZE = 512;
const MARGIN = 64;
const MEDIAN_SIDES = [5, 17];
const MAX_VIEW_PIXELS = 6_000_000;
const MIN_VIEW_SIDE = 384;
const MIN_PIXELS = 4;
const CERTAIN = 200; // at the middling strictness of 0.5
const LIKELY_SHARE = 0.8;

/** @returns {Promise<Uint8Array>} 255 where the photo is damaged, a little wider than the damage itself */
export async function findDamage(rgb, net, onRun) {
  const chances = await judge(rgb, net, onRun);
  const found = touching(chances);
  const { width, height } = chances;
  const grown = picture(width, height, 1);
  found.forEach((value, i) => {
    if (!value) return;
    const x = i % width;
    for (const [at, isThere] of [[i, true], [i - 1, x > 0], [i + 1, x < width - 1], [i - width, i >= width], [i + width, i + width < found.length]]) {
      if (isThere) grown.data[at] = 255;
    }
  });
  const hole = { width: rgb.width, height: rgb.height, data: resizeLinear(grown, rgb.width, rgb.height).data.map((value) => value >> 7) };
  const print = judgePrint(rgb);
  return (print ? correct(hole, print) : hole).data.map((there) => 255 * there);
}

/** Run the net at every size; the highest chances, at the largest of these sizes. */
async function judge(rgb, net, onRun) {
  const shrink = Math.max(1, Math.sqrt((rgb.width * rgb.height) / MAX_VIEW_PIXELS));
  let view = resizeArea(rgb, roundEven(rgb.width / shrink), roundEven(rgb.height / shrink));
  const chances = await judgeView(view, net, onRun);
  while (Math.min(view.width, view.height) >> 1 >= MIN_VIEW_SIDE) {
    view = resizeArea(view, view.width >> 1, view.height >> 1);
    const coarser = resizeLinear(await judgeView(view, net, onRun), chances.width, chances.height).data;
    chances.data.forEach((value, i) => (chances.data[i] = Math.max(value, coarser[i])));
  }
  return chances;
}

/** Near an edge of a tile that is not the picture's the next tile knows better. */
async function judgeView(view, net, onRun) {
  const chances = picture(view.width, view.height, 1);
  for (const [top, firstRow] of tileStarts(view.height)) {
    for (const [left, firstColumn] of tileStarts(view.width)) {
      await onRun();
      const [output] = Object.values(await net(netInput(tileOf(view, left, top)), [1, 5, TILE_SIZE, TILE_SIZE]));
      for (let y = firstRow; y < Math.min(top + TILE_SIZE, view.height); y++) {
        for (let x = firstColumn; x < Math.min(left + TILE_SIZE, view.width); x++) {
          chances.data[y * view.width + x] = roundEven(255 * output.data[(y - top) * TILE_SIZE + x - left]);
        }
      }
    }
  }
  return chances;
}

/** Lay tiles along a side: where each begins, and where what is taken from it does. */
function tileStarts(length) {
  const last = Math.max(0, length - TILE_SIZE);
  const starts = [];
  for (let start = 0; start < last; start += TILE_SIZE - 2 * MARGIN) starts.push(start);
  return [...starts, last].map((start) => [start, start ? start + MARGIN : 0]);
}

/** A square of the picture, mirrored beyond its edges. */
function tileOf(view, left, top) {
  const tile = picture(TILE_SIZE, TILE_SIZE, 3);
  for (let y = 0; y < TILE_SIZE; y++) {
    const row = reflect101(top + y, view.height) * view.width;
    for (let x = 0; x < TILE_SIZE; x++) {
      const from = 3 * (row + reflect101(left + x, view.width));
      for (let c = 0; c < 3; c++) tile.data[3 * (y * TILE_SIZE + x) + c] = view.data[from + c];
    }
  }
  return tile;
}

/** [5, H, W]: colours in [-1, 1], and by how much each pixel is brighter than the medians of its surroundings. */
function netInput(rgb) {
  const size = rgb.width * rgb.height;
  const input = new Float32Array(5 * size);
  const luma = picture(rgb.width, rgb.height, 1);
  for (let i = 0; i < size; i++) {
    luma.data[i] = brightness(rgb.data, 3 * i);
    for (let c = 0; c < 3; c++) input[c * size + i] = rgb.data[3 * i + c] / 127.5 - 1;
  }
  MEDIAN_SIDES.forEach((side, k) => {
    const middle = median(luma, side).data;
    for (let i = 0; i < size; i++) input[(3 + k) * size + i] = (luma.data[i] - middle[i]) / 64;
  });
  return input;
}

/** Keep the connected parts of what is likely damaged that hold something certain and are no mere noise. */
function touching({ data, width, height }) {
  const likely = { data: data.map((chance) => (chance >= LIKELY_SHARE * CERTAIN ? 1 : 0)), width, height };
  const { labels, parts } = label(likely);
  const sure = new Uint8Array(parts.length + 1);
  data.forEach((chance, i) => chance >= CERTAIN && (sure[labels[i]] = 1));
  for (const { number, area } of parts) if (area < MIN_PIXELS) sure[number] = 0;
  sure[0] = 0;
  return Uint8Array.from(labels, (number) => sure[number]);
}
