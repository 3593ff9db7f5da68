/** The paper round a print, put where a hole takes it. Mirrors facemend/photo/print_border.py. */

import { gaussianBlur } from './filters.js';
import { PAPER_LEVELS } from './paper-edges.js';
import { findBands } from './print-bands.js';
import { picture, resizeArea, resizeLinear, roundEven } from './resample.js';

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
