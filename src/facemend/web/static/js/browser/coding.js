/** How coarsely a JPEG file was stored. */

import { isTurned, segments } from './metadata.js';

const [APP0, APP14, DQT] = [0xe0, 0xee, 0xdb];
const FRAMES = [0xc0, 0xc1, 0xc2]; // baseline, extended, progressive
const SUBSAMPLINGS = ['11,11,11', '21,11,11', '22,11,11']; // as Pillow counts them

/**
 * How coarsely a JPEG was stored: {tables, subsampling, isGrey}, as it lies once it is turned upright; null of other files.
 * Quantisation tables, one for each component, have 64 steps, row by row.
 */
export async function readCoding(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const [tables, samplings, ids, numbers] = [[], [], [], []];
  let [isJfif, isAdobeRgb] = [false, null];
  for (const { marker, data } of segments(bytes)) {
    if (marker === DQT) for (const [number, steps] of quantisation(data)) tables[number] = steps;
    if (marker === APP0) isJfif = true;
    if (marker === APP14 && String.fromCharCode(...data.subarray(0, 5)) === 'Adobe') isAdobeRgb = data[11] === 0;
    if (!FRAMES.includes(marker)) continue;
    for (let i = 0; i < data[5]; i++) {
      ids.push(data[6 + 3 * i]);
      samplings.push(data[7 + 3 * i].toString(16));
      numbers.push(data[8 + 3 * i]);
    }
  }
  if (![1, 3].includes(samplings.length)) return null; // inks are not told by three colours
  const used = numbers.map((number) => tables[number]);
  if (!used.every(Boolean)) return null;
  const isRgb = samplings.length === 3 && !isJfif && (isAdobeRgb ?? String.fromCharCode(...ids) === 'RGB');
  if (isRgb) return null; // its steps are not those of brightness and colours
  const subsampling = Math.max(0, SUBSAMPLINGS.indexOf(String(samplings)));
  const isGrey = samplings.length === 1;
  if (!isTurned(bytes)) return { tables: used, subsampling, isGrey };
  return { tables: used.map(transposed), subsampling: subsampling === 1 ? 0 : subsampling, isGrey }; // as on the server
}

/** The tables of a DQT segment: [number, steps]. */
function* quantisation(data) {
  for (let at = 0; at < data.length; ) {
    const [number, isWide] = [data[at] & 15, data[at] >> 4];
    const step = (i) => (isWide ? (data[at + 1 + 2 * i] << 8) | data[at + 2 + 2 * i] : data[at + 1 + i]);
    yield [number, ZIGZAG.map(step)];
    at += 1 + 64 * (isWide ? 2 : 1);
  }
}

/** At each place of a block, row by row, its number in a JPEG's order: from the corner down, along one diagonal after the other. */
const ZIGZAG = (() => {
  const places = Array.from({ length: 64 }, (_, i) => ({ i, row: i >> 3, column: i & 7, diagonal: (i >> 3) + (i & 7) }));
  places.sort((a, b) => a.diagonal - b.diagonal || (a.diagonal & 1 ? a.row - b.row : a.column - b.column));
  const numbers = new Array(64);
  places.forEach(({ i }, number) => (numbers[i] = number));
  return numbers;
})();

function transposed(table) {
  return table.map((_, i) => table[(i & 7) * 8 + (i >> 3)]);
}
