/**
 * A layer: one byte per photo pixel. The mask is one (0 = keep, 128 and up = repaint), the layout another (class ids).
 * Beside the full size it keeps ever smaller copies, so that the view never reads more pixels than the screen has.
 */

import { encodePng } from './png.js';

const SMALLEST = 512;

export class Layer {
  /** @param {boolean} keepThin whether a smaller copy keeps the greatest of four bytes: thin scratches stay in sight. */
  constructor(width, height, keepThin) {
    this.width = width;
    this.height = height;
    this.keepThin = keepThin;
    this.levels = [{ width, height, data: new Uint8Array(width * height) }];
    for (let w = width, h = height; Math.max(w, h) > SMALLEST; ) {
      w = (w + 1) >> 1;
      h = (h + 1) >> 1;
      this.levels.push({ width: w, height: h, data: new Uint8Array(w * h) });
    }
  }

  get data() {
    return this.levels[0].data;
  }

  get bounds() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  at(x, y) {
    return this.data[y * this.width + x];
  }

  /** Bring the smaller copies up to date after a change within `rect`. */
  refresh(rect = this.bounds) {
    let { left, top, right, bottom } = rect;
    for (let i = 1; i < this.levels.length; i++) {
      const from = this.levels[i - 1];
      const to = this.levels[i];
      left >>= 1;
      top >>= 1;
      right = (right + 1) >> 1;
      bottom = (bottom + 1) >> 1;
      for (let y = top; y < bottom; y++) {
        const row = 2 * y * from.width;
        const below = 2 * y + 1 < from.height ? row + from.width : row;
        for (let x = left; x < right; x++) {
          const x0 = 2 * x;
          const x1 = x0 + 1 < from.width ? x0 + 1 : x0;
          to.data[y * to.width + x] = this.keepThin
            ? Math.max(from.data[row + x0], from.data[row + x1], from.data[below + x0], from.data[below + x1])
            : from.data[row + x0];
        }
      }
    }
  }

  /** The copy to look at when one photo pixel is `scale` screen pixels wide. */
  levelFor(scale) {
    const wanted = Math.max(0, Math.floor(Math.log2(1 / scale)));
    return Math.min(wanted, this.levels.length - 1);
  }

  /** The bytes as a PNG file: greys, or the numbers of a palette of RGB triples. */
  toPng(palette) {
    return encodePng(this.width, this.height, this.data, palette);
  }
}

export function clip(rect, bounds) {
  return {
    left: Math.max(bounds.left, Math.floor(rect.left)),
    top: Math.max(bounds.top, Math.floor(rect.top)),
    right: Math.min(bounds.right, Math.ceil(rect.right)),
    bottom: Math.min(bounds.bottom, Math.ceil(rect.bottom)),
  };
}

export function union(a, b) {
  if (!a || isEmpty(a)) return b;
  if (!b || isEmpty(b)) return a;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

export function isEmpty(rect) {
  return rect.right <= rect.left || rect.bottom <= rect.top;
}
