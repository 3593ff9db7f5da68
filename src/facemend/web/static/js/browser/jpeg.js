/** What a picture loses when it is stored as a JPEG and read again, as libjpeg does it: halved colours, coarse waves. No file is made. */

import { fromYcc, toYcc } from './colors.js';

const BLOCK = 8;
const HALVED = [[1, 1], [2, 1], [2, 2]]; // how many pixels of colour become one, across and along, by Pillow's number
const WAVES = Float64Array.from({ length: BLOCK * BLOCK }, (_, i) => {
  const [wave, at] = [Math.floor(i / BLOCK), i % BLOCK];
  return wave ? Math.cos(((2 * at + 1) * wave * Math.PI) / (2 * BLOCK)) / 2 : Math.SQRT1_2 / 2;
});

/**
 * Store and read again.
 * @param rgb picture of bytes
 * @param coding {tables, subsampling, isGrey}: quantisation tables of 64 steps row by row, and Pillow's number of the subsampling
 */
export function storedAsJpeg(rgb, { tables, subsampling, isGrey }) {
  const planes = toYcc(rgb).slice(0, isGrey ? 1 : 3);
  return fromYcc(
    planes.map((plane, i) => {
      const [across, along] = HALVED[i ? subsampling : 0];
      const small = coarse(reduced(plane, across, along), tables[Math.min(i, tables.length - 1)]);
      return across === 1 ? small : widened(along === 1 ? small : lengthened(small, plane.height), plane.width, along);
    }),
  );
}

/** The mean of so many pixels across and along; the last column goes on until whole blocks are full. */
function reduced({ data, width, height }, across, along) {
  const wide = Math.ceil(Math.ceil(width / across) / BLOCK) * BLOCK;
  const high = Math.ceil(height / along);
  const small = { data: new Uint8Array(wide * high), width: wide, height: high, used: Math.ceil(width / across) };
  const [count, biases] = [across * along, { 1: [0, 0], 2: [0, 1], 4: [1, 2] }[across * along]]; // halves up and down in turn
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      let sum = biases[x & 1];
      for (let v = 0; v < along; v++) {
        const row = Math.min(height - 1, along * y + v) * width;
        for (let u = 0; u < across; u++) sum += data[row + Math.min(width - 1, across * x + u)];
      }
      small.data[y * wide + x] = Math.floor(sum / count);
    }
  }
  return small;
}

/** Round the waves of each block to the table's steps; gives the part of the plane that is used. */
function coarse({ data, width, height, used }, table) {
  const result = { data: new Uint8ClampedArray(used * height), width: used, height };
  const [block, between] = [new Float64Array(BLOCK * BLOCK), new Float64Array(BLOCK * BLOCK)];
  for (let top = 0; top < height; top += BLOCK) {
    for (let left = 0; left < width; left += BLOCK) {
      for (let i = 0; i < block.length; i++) block[i] = data[Math.min(height - 1, top + (i >> 3)) * width + left + (i & 7)] - 128;
      transform(block, between, false);
      for (let i = 0; i < block.length; i++) block[i] = Math.sign(block[i]) * Math.floor(Math.abs(block[i]) / table[i] + 0.5) * table[i];
      transform(block, between, true);
      const [rows, columns] = [Math.min(BLOCK, height - top), Math.min(BLOCK, used - left)];
      for (let v = 0; v < rows; v++) for (let u = 0; u < columns; u++) result.data[(top + v) * used + left + u] = Math.round(block[v * BLOCK + u] + 128);
    }
  }
  return result;
}

/** A block's cosine transform, or with `back` the way back, in its own place. */
function transform(block, between, back) {
  const wave = back ? (i, k) => WAVES[k * BLOCK + i] : (i, k) => WAVES[i * BLOCK + k];
  for (let v = 0; v < BLOCK; v++) {
    for (let i = 0; i < BLOCK; i++) {
      let sum = 0;
      for (let k = 0; k < BLOCK; k++) sum += block[v * BLOCK + k] * wave(i, k);
      between[v * BLOCK + i] = sum;
    }
  }
  for (let u = 0; u < BLOCK; u++) {
    for (let i = 0; i < BLOCK; i++) {
      let sum = 0;
      for (let k = 0; k < BLOCK; k++) sum += between[k * BLOCK + u] * wave(i, k);
      block[i * BLOCK + u] = sum;
    }
  }
}

/** Twice as many rows, three quarters of the nearer and one of the farther: in quarters, not yet divided. */
function lengthened({ data, width, height }, wanted) {
  const tall = { data: new Uint16Array(width * wanted), width, height: wanted };
  for (let y = 0; y < wanted; y++) {
    const near = (y >> 1) * width;
    const far = Math.min(height - 1, Math.max(0, (y >> 1) + (y & 1 ? 1 : -1))) * width;
    for (let x = 0; x < width; x++) tall.data[y * width + x] = 3 * data[near + x] + data[far + x];
  }
  return tall;
}

/** Twice as many columns likewise; `along` is 2 where the rows are still in quarters. */
function widened({ data, width, height }, wanted, along) {
  const wide = { data: new Uint8Array(wanted * height), width: wanted, height };
  const [left, right, shift] = along === 2 ? [8, 7, 4] : [1, 2, 2]; // halves go up and down in turn
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < wanted; x++) {
      const near = data[row + (x >> 1)];
      const far = data[row + Math.min(width - 1, Math.max(0, (x >> 1) + (x & 1 ? 1 : -1)))];
      wide.data[y * wanted + x] = (3 * near + far + (x & 1 ? right : left)) >> shift;
    }
  }
  return wide;
}
