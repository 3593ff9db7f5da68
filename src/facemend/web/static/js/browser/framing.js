/** The network's view of a photo, and the way back: one square, its side a multiple of 16. Mirrors facemend/photo/framing.py. */

import { cut, inverted, mapped, picture, resizeArea, roundEven, warpCubic, warpNearest } from './resample.js';

export const VIEW_SIZE = 256;
const PADDING = 16;

/** A square of the photo, perhaps turned; `size` is the side of the view. */
export class Window {
  constructor(center, side, size = VIEW_SIZE, angle = 0) {
    Object.assign(this, { center, side, size, angle });
  }

  /** Whether the view shows the photo's own pixels, none of them resampled. */
  get isPlain() {
    return this.angle === 0 && this.side === this.size && this.center.every((middle) => Number.isInteger(middle - this.side / 2));
  }

  /** Where a point of the view lies in the photo. */
  get toPhoto() {
    const scale = this.side / this.size;
    const turn = (this.angle * Math.PI) / 180;
    const [cos, sin, half] = [scale * Math.cos(turn), scale * Math.sin(turn), this.size / 2];
    return [cos, -sin, this.center[0] - (cos - sin) * half, sin, cos, this.center[1] - (sin + cos) * half];
  }

  /** The photo's points under the view's corners: upper left, upper right, lower right, lower left. */
  get corners() {
    const { toPhoto, size } = this;
    return [[0, 0], [size, 0], [size, size], [0, size]].map(([x, y]) => mapped(toPhoto, x, y));
  }

  scaled(factor) {
    return new Window(this.center, this.side * factor, this.size, this.angle);
  }

  withSize(size) {
    return new Window(this.center, this.side, size, this.angle);
  }

  /** The upright part {left, top, right, bottom} of a photo that holds all the window sees of it. */
  region({ width, height }) {
    const [xs, ys] = [0, 1].map((i) => this.corners.map((corner) => corner[i]));
    const low = (values, most) => Math.min(most, Math.max(0, Math.floor(Math.min(...values) + 1e-6)));
    const high = (values, most) => Math.min(most, Math.max(0, Math.ceil(Math.max(...values) - 1e-6)));
    return { left: low(xs, width), top: low(ys, height), right: high(xs, width), bottom: high(ys, height) };
  }

  /** Which pixels of a region lie in the window, 0 or 1 each; along slanted edges OpenCV may take a pixel more or less. */
  inside({ left, top, right, bottom }) {
    const width = right - left;
    const seen = new Uint8Array(width * (bottom - top));
    const points = this.corners;
    for (let y = top; y < bottom; y++) {
      let [first, last] = [left, right - 1];
      for (let i = 0; i < 4; i++) {
        const [[px, py], [qx, qy]] = [points[i], points[(i + 1) % 4]];
        const slope = qy - py; // inside is where slope * (x - px) <= (qx - px) * (y - py), at the pixel's middle
        const rest = (qx - px) * (y + 0.5 - py);
        if (Math.abs(slope) < 1e-9) {
          if (rest < -1e-6) last = -1;
        } else if (slope > 0) {
          last = Math.min(last, Math.floor(px + rest / slope - 0.5 + 1e-6));
        } else {
          first = Math.max(first, Math.ceil(px + rest / slope - 0.5 - 1e-6));
        }
      }
      if (last >= first) seen.fill(1, (y - top) * width + first - left, (y - top) * width + last - left + 1);
    }
    return seen;
  }
}

/** The pixels of a hole {data, width, height} that are set, as {left, top, right, bottom}; null where there are none. */
export function extent({ data, width, height }) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first < 0) continue;
    left = Math.min(left, first);
    right = Math.max(right, row.lastIndexOf(1) + 1);
    top = Math.min(top, y);
    bottom = y + 1;
  }
  return bottom ? { left, top, right, bottom } : null;
}

/** Visit a region's pixels: their number in the region, and in the photo. */
export function eachPixel({ left, top, right, bottom }, width, visit) {
  for (let y = top, k = 0; y < bottom; y++) for (let at = y * width + left; at < y * width + right; at++, k++) visit(k, at);
}

/** Choose one square for a photo: as wide as its short side and round the hole if that fits in, else the whole photo. */
export function chooseWindow(hole) {
  const { width, height } = hole;
  const box = extent(hole);
  const fits = Math.max(box.right - box.left, box.bottom - box.top) <= Math.min(width, height);
  return windowRound(box, hole, fits ? Math.min(width, height) : Math.max(width, height));
}

/** Lay an upright window of whole pixels round a box, inside the photo where it fits in. */
export function windowRound({ left, top, right, bottom }, { width, height }, wanted) {
  const side = VIEW_SIZE - PADDING < wanted && wanted < VIEW_SIZE ? VIEW_SIZE : wanted;
  const [x, y] = [startOf(left + right, width, side), startOf(top + bottom, height, side)];
  return new Window([x + side / 2, y + side / 2], side);
}

function startOf(ends, length, side) {
  if (side >= length) return -Math.floor((side - length) / 2);
  return Math.min(Math.max(0, Math.floor((ends - side) / 2)), length - side);
}

/**
 * Bring a window of the photo to the network's size. Colours under the hole have no say in it.
 * @returns {{image: Float32Array, unknown: Float32Array}} [3, S, S] in [-1, 1], and [S, S], 1 where nothing is known
 */
export function viewPhoto(rgb, hole, window) {
  const size = window.size ** 2;
  const [image, unknown] = [new Float32Array(3 * size), new Float32Array(size)];
  const region = window.region(hole);
  if (region.left === region.right || region.top === region.bottom) return { image, unknown: unknown.fill(1) };
  const [colors, holed] = [cut(rgb, region), cut({ ...hole, channels: 1 }, region)];
  const known = picture(holed.width, holed.height, 1);
  for (let i = 0; i < known.data.length; i++) {
    if (holed.data[i]) colors.data.fill(0, 3 * i, 3 * i + 3);
    else known.data[i] = 255;
  }
  const source = fromRegion(region, window);
  const [shares, sums] = [known, colors].map((image) => resampled(image, source, window).data);
  for (let i = 0; i < size; i++) {
    const share = shares[i] / 255;
    if (share < 0.5) {
      unknown[i] = 1;
      continue;
    }
    for (let c = 0; c < 3; c++) image[c * size + i] = Math.min(255, Math.max(0, sums[3 * i + c] / share)) / 127.5 - 1;
  }
  return { image, unknown };
}

/** Bring a window of class ids {data, width, height} to the network's size; 0 (background) beyond the photo. */
export function viewLayout(layout, window) {
  const region = window.region(layout);
  const part = cut({ ...layout, channels: 1 }, region);
  return warpNearest(part, betweenMiddles(fromRegion(region, window)), window.size, window.size, false);
}

/** Bring the network's picture, [3, S, S] in [-1, 1], to a region of the photo, in bytes. */
export function unviewPhoto(completed, window, region) {
  const colors = toPixels(completed, window.size);
  const warp = window.isPlain ? plainNearest : warped;
  return warp(colors, inverted(fromRegion(region, window)), region.right - region.left, region.bottom - region.top);
}

/** Bring class ids [S, S] to a region of the photo. */
export function unviewLayout(ids, window, region) {
  return plainNearest(ids, inverted(fromRegion(region, window)), region.right - region.left, region.bottom - region.top);
}

/** [3, S, S] in [-1, 1] as a picture of bytes. */
export function toPixels(image, size) {
  const result = picture(size, size, 3);
  const plane = size * size;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) result.data[3 * i + c] = roundEven((Math.min(1, Math.max(-1, image[c * plane + i])) + 1) * 127.5);
  }
  return result;
}

/** Shrink a hole to at most `side` pixels, each of which belongs to it that it touches. */
export function shrinkHole(hole, side) {
  const scale = Math.min(1, side / Math.max(hole.width, hole.height));
  const [width, height] = [hole.width, hole.height].map((length) => Math.max(1, roundEven(length * scale)));
  const grey = resizeArea({ ...hole, channels: 1, data: hole.data.map((value) => value * 255) }, width, height);
  return { touched: { ...grey, data: grey.data.map((value) => (value > 0 ? 1 : 0)) }, scale };
}

function plainNearest(image, source, width, height) {
  return warpNearest(image, betweenMiddles(source), width, height, true);
}

/** Where in a region of the photo a point of the view comes from. */
function fromRegion({ left, top }, window) {
  const [a, b, c, d, e, f] = window.toPhoto;
  return [a, b, c - left, d, e, f - top];
}

function resampled(image, source, window) {
  if (window.isPlain) return warpNearest(image, betweenMiddles(source), window.size, window.size, false);
  return warped(image, source, window.size, window.size, { replicate: false, Kind: Float32Array });
}

/** Resample bytes through an affine map: bicubic, and where it shrinks, averaged over what each pixel covers. */
function warped(image, source, width, height, { replicate = true, Kind = Uint8Array } = {}) {
  let [a, b, c, d, e, f] = source;
  const ratio = Math.sqrt(Math.abs(a * e - b * d));
  const oversampling = ratio > 1 ? 2 : 1; // twice too fine and then averaged: sharper than in one step
  if (ratio > oversampling) {
    const smaller = [image.width, image.height].map((side) => Math.max(1, roundEven((side * oversampling) / ratio)));
    const [fx, fy] = [smaller[0] / image.width, smaller[1] / image.height];
    image = resizeArea(image, ...smaller);
    [a, b, c, d, e, f] = [a * fx, b * fx, c * fx, d * fy, e * fy, f * fy];
  }
  const finer = [a / oversampling, b / oversampling, c, d / oversampling, e / oversampling, f];
  const typed = Kind === Uint8Array ? image : { ...image, data: Float32Array.from(image.data) };
  const fine = warpCubic(typed, betweenMiddles(finer), width * oversampling, height * oversampling, replicate);
  return oversampling === 1 ? fine : resizeArea(fine, width, height);
}

/** Turn a map of points into one of pixel indices, which stand for the pixels' middles. */
function betweenMiddles([a, b, c, d, e, f]) {
  return [a, b, (a + b) / 2 + c - 0.5, d, e, (d + e) / 2 + f - 0.5];
}
