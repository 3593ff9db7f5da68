/**
 * A hole filled from its edge by fast marching (Telea 2004): what faces are searched in. Mirrors cv2.inpaint with INPAINT_TELEA,
 * for a picture and a mask {data, width, height} of the same size, 1 = fill.
 */

import { Heap } from './heap.js';
import { toByte } from './resample.js';

const [KNOWN, BAND, UNKNOWN] = [0, 1, 2];
const FAR = 1e6;
const f32 = Math.fround; // as coarse as OpenCV computes: a level more or less goes on through the whole hole

export function fillHole(rgb, mask, radius) {
  if (!mask.data.includes(1)) return rgb;
  // A border of one pixel, not to be filled, spares every test for the picture's edge.
  const [width, height] = [rgb.width + 2, rgb.height + 2];
  const neighbours = around(width);
  const state = new Uint8Array(width * height);
  for (let y = 0; y < rgb.height; y++) {
    for (let x = 0; x < rgb.width; x++) if (mask.data[y * rgb.width + x]) state[(y + 1) * width + x + 1] = UNKNOWN;
  }
  const time = march(state, width, height, radius);
  const result = { ...rgb, data: rgb.data.slice() };
  const heap = new Heap();
  begin(state, width, height, (i) => heap.push(i, 0));
  while (heap.size) {
    const at = heap.pop();
    state[at] = KNOWN;
    for (const step of neighbours) {
      const i = at + step;
      if (state[i] !== UNKNOWN || isBorder(i, width, height)) continue;
      time[i] = arrival(i, state, time, width);
      paint(result, i, state, time, width, radius);
      state[i] = BAND;
      heap.push(i, time[i]);
    }
  }
  return result;
}

function around(stride) {
  return [-stride, -1, stride, 1];
}

function isBorder(i, width, height) {
  const x = i % width;
  return x === 0 || x === width - 1 || i < width || i >= width * (height - 1);
}

/** Mark the known pixels that touch the hole as its band. */
function begin(state, width, height, found) {
  const neighbours = around(width);
  const band = [];
  for (let i = width; i < width * (height - 1); i++) {
    if (state[i] === UNKNOWN || isBorder(i, width, height)) continue;
    if (neighbours.some((step) => state[i + step] === UNKNOWN)) band.push(i);
  }
  for (const i of band) {
    state[i] = BAND;
    found(i);
  }
}

/** How far outside the hole each pixel near it is, as a negative time; within it, far. */
function march(state, width, height, radius) {
  const time = new Float32Array(state.length).fill(FAR);
  const outside = new Uint8Array(state.length); // UNKNOWN: to be measured
  const reach = 2 * radius + 1;
  for (let i = 0; i < state.length; i++) {
    if (state[i] !== UNKNOWN) continue;
    const x = i % width;
    const y = (i - x) / width;
    for (let ny = Math.max(1, y - reach); ny <= Math.min(height - 2, y + reach); ny++) {
      outside.fill(UNKNOWN, ny * width + Math.max(1, x - reach), ny * width + Math.min(width - 2, x + reach) + 1);
    }
  }
  const neighbours = around(width);
  const heap = new Heap();
  const edge = state.slice();
  begin(edge, width, height, (i) => (heap.push(i, 0), (time[i] = 0)));
  for (let i = 0; i < state.length; i++) if (edge[i] !== KNOWN) outside[i] = KNOWN;
  while (heap.size) {
    const at = heap.pop();
    outside[at] = KNOWN;
    for (const step of neighbours) {
      const i = at + step;
      if (outside[i] !== UNKNOWN) continue;
      time[i] = arrival(i, outside, time, width);
      outside[i] = BAND;
      heap.push(i, time[i]);
    }
  }
  for (let i = 0; i < state.length; i++) if (state[i] !== UNKNOWN && time[i] < FAR) time[i] = -time[i];
  return time;
}

/** When the front reaches a pixel: the least of what its four pairs of neighbours say (the eikonal equation). */
function arrival(i, state, time, stride) {
  let least = Infinity;
  for (const row of [-stride, stride]) {
    for (const column of [-1, 1]) least = Math.min(least, solve(i + row, i + column, state, time));
  }
  return least;
}

function solve(a, b, state, time) {
  const first = time[a];
  const second = time[b];
  if (state[a] === UNKNOWN) return 1 + (state[b] === UNKNOWN ? Math.min(first, second) : second);
  if (state[b] === UNKNOWN) return 1 + first;
  const apart = first - second;
  return Math.abs(apart) >= 1 ? 1 + Math.min(first, second) : (first + second + Math.sqrt(2 - apart * apart)) / 2;
}

/** Blend the known pixels round one: more those that are near, that lie across the front, and that it reached as early. */
function paint(result, i, state, time, stride, radius) {
  const { data, width, height } = result;
  const x = (i % stride) - 1;
  const y = Math.floor(i / stride) - 1;
  const slopeX = f32(slope(i, 1, state, time));
  const slopeY = f32(slope(i, stride, state, time));
  const [sums, alongX, alongY] = [new Float32Array(3), new Float32Array(3), new Float32Array(3)];
  let total = f32(1e-20);
  for (let ny = Math.max(0, y - radius); ny <= Math.min(height - 1, y + radius); ny++) {
    for (let nx = Math.max(0, x - radius); nx <= Math.min(width - 1, x + radius); nx++) {
      const near = (ny + 1) * stride + nx + 1;
      const rx = x - nx;
      const ry = y - ny;
      const square = rx * rx + ry * ry;
      if (square > radius * radius || state[near] === UNKNOWN) continue;
      let across = f32(f32(rx * slopeX) + f32(ry * slopeY));
      if (Math.abs(across) <= 0.01) across = f32(1e-6);
      const [close, level] = [f32(1 / (square * Math.sqrt(square))), f32(1 / (1 + Math.abs(f32(time[near] - time[i]))))];
      const weight = Math.abs(f32(f32(close * level) * across));
      // OpenCV takes the second pixel for the first of a row, and so on: that keeps all it looks at in the picture.
      const x0 = nx + (nx === 0);
      const y0 = ny + (ny === 0);
      const here = 3 * (y0 * width + x0);
      const right = here + 3 * (nx - (nx === width - 1) - x0);
      const below = here + 3 * width * (ny - (ny === height - 1) - y0);
      for (let c = 0; c < 3; c++) {
        sums[c] += f32(weight * data[here + c]);
        alongX[c] -= f32(weight * rx * steepness(data, here + c, right + c, 3, state, near, 1));
        alongY[c] -= f32(weight * ry * steepness(data, here + c, below + c, 3 * width, state, near, stride));
      }
      total = f32(total + weight);
    }
  }
  for (let c = 0; c < 3; c++) {
    const length = Math.sqrt(f32(f32(alongX[c] * alongX[c]) + f32(alongY[c] * alongY[c])));
    const tilt = f32(alongX[c] + alongY[c]) / (length + Number.MIN_VALUE);
    data[(y * width + x) * 3 + c] = toByte(f32(f32(sums[c] / total) + tilt + 0.5)); // half a level too bright, as in OpenCV
  }
}

function slope(i, step, state, time) {
  const [before, after] = [state[i - step] !== UNKNOWN, state[i + step] !== UNKNOWN];
  if (after) return before ? (time[i + step] - time[i - step]) / 2 : time[i + step] - time[i];
  return before ? time[i] - time[i - step] : 0;
}

/** How much a colour rises at a pixel along x or y. */
function steepness(data, low, high, step, state, near, stride) {
  const before = state[near - stride] !== UNKNOWN;
  if (state[near + stride] !== UNKNOWN) return before ? 2 * (data[high + step] - data[low - step]) : data[high + step] - data[low];
  return before ? data[high] - data[low - step] : 0;
}
