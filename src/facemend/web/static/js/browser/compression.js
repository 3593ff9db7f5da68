/**
 * JPEG's squares: a fill has none, so in a photo that shows them it is stored as coarsely as the photo was. Mirrors
 * facemend/photo/compression.py.
 */

import { brightness } from './colors.js';
import { eachPixel, extent } from './framing.js';
import { storedAsJpeg } from './jpeg.js';
import { cut } from './resample.js';

const BLOCK = 8;
const UNIT = 2 * BLOCK;
const BAND = 32 * UNIT;
const MARGIN = 8 * UNIT;
const VISIBLE = 1.15;

/**
 * Store a fill as a JPEG photo was stored, where the squares show round it.
 * @param coding how the photo was stored (`readCoding`), or null
 */
export function matchCompression(painted, photo, hole, coding) {
  if (!coding) return painted;
  const around = surroundings(hole);
  if (blockiness(photo, hole, around) < VISIBLE) return painted;
  const result = { ...painted, data: painted.data.slice() };
  for (let top = around.top; top < around.bottom; top += BAND) {
    const band = { ...around, top, bottom: Math.min(hole.height, top + BAND) };
    const stored = storedAsJpeg(cut(painted, band), coding).data;
    eachPixel(band, hole.width, (k, at) => {
      if (hole.data[at]) for (let c = 0; c < 3; c++) result.data[3 * at + c] = stored[3 * k + c];
    });
  }
  return result;
}

/** What is to be looked at round a hole, from a corner of JPEG's largest squares on. */
function surroundings(hole) {
  const { left, top, right, bottom } = extent(hole);
  const start = (first) => Math.max(0, Math.floor((first - MARGIN) / UNIT) * UNIT);
  return { left: start(left), top: start(top), right: Math.min(hole.width, right + MARGIN), bottom: Math.min(hole.height, bottom + MARGIN) };
}

/** How far JPEG's squares show: the mean step between known neighbours across their edges over that inside them. */
function blockiness(photo, hole, { left, top, right, bottom }) {
  const [inside, across] = [[0, 0], [0, 0]]; // sum and number of the steps
  const compare = (at, neighbour, place) => {
    if (hole.data[neighbour]) return;
    const steps = place % BLOCK === BLOCK - 1 ? across : inside;
    steps[0] += Math.abs(brightness(photo.data, 3 * at) - brightness(photo.data, 3 * neighbour));
    steps[1] += 1;
  };
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = y * hole.width + x;
      if (hole.data[at]) continue;
      if (x + 1 < right) compare(at, at + 1, x - left);
      if (y + 1 < bottom && (y + 1 - top) % BAND) compare(at, at + hole.width, y - top);
    }
  }
  return across[1] && inside[0] ? across[0] / across[1] / (inside[0] / inside[1]) : 0;
}
