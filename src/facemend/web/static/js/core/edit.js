/**
 * Changes to a layer that can be taken back. An `Edit` grows while the pointer moves: shapes raise its coverage, and what it
 * has covered is blended with the layer as it was before. Done, it becomes a `Change`: the tiles it changed, packed small, so
 * that undo has no limit worth speaking of.
 */

import { clip, isEmpty, union } from './layer.js';

const TILE = 128;

/** How coverage (0 to 255) changes a byte; `i` is the pixel's place in the layer. */
export const blends = {
  add: (before, coverage) => before + Math.round(((255 - before) * coverage) / 255),
  erase: (before, coverage) => Math.round((before * (255 - coverage)) / 255),
  put: (id) => (before, coverage) => (coverage >= 128 ? id : before),
  putEach: (at, width) => (before, coverage, i) => (coverage >= 128 ? at(i % width, Math.floor(i / width)) : before),
};

export class Edit {
  touched = null; // the part of the layer that may have changed
  #blend;
  #across; // tiles in a row
  #before = new Map(); // tile number -> its bytes before the edit
  #coverage = new Map();

  constructor(layer, blend) {
    this.layer = layer;
    this.#blend = blend;
    this.#across = Math.ceil(layer.width / TILE);
  }

  /** Cover a shape, `{rect, at(x, y)}`; returns the part of the layer that may have changed. */
  cover(shape) {
    const rect = clip(shape.rect, this.layer.bounds);
    if (isEmpty(rect)) return null;
    forEachTile(rect, this.#across, (number, left, top) => {
      const coverage = this.#open(number, left, top);
      this.#blendTile(shape, coverage, this.#before.get(number), left, top, rect);
    });
    this.layer.refresh(rect);
    this.touched = union(this.touched, rect);
    return rect;
  }

  #open(number, left, top) {
    if (!this.#before.has(number)) {
      this.#before.set(number, readTile(this.layer, left, top));
      this.#coverage.set(number, new Uint8Array(TILE * TILE));
    }
    return this.#coverage.get(number);
  }

  #blendTile(shape, coverage, before, left, top, rect) {
    const { data, width } = this.layer;
    const blend = this.#blend;
    const x0 = Math.max(rect.left, left);
    const x1 = Math.min(rect.right, left + TILE);
    const y1 = Math.min(rect.bottom, top + TILE);
    for (let y = Math.max(rect.top, top); y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const covered = shape.at(x, y);
        const i = (y - top) * TILE + x - left;
        if (covered <= coverage[i]) continue;
        coverage[i] = covered;
        data[y * width + x] = blend(before[i], covered, y * width + x);
      }
    }
  }

  /** Take back everything at once, as if the edit had never begun. */
  revert() {
    for (const [number, before] of this.#before) writeTile(this.layer, ...corner(number, this.#across), before);
    if (this.touched) this.layer.refresh(this.touched);
  }

  /** End the edit. Returns its Change, or null when nothing has changed. */
  commit() {
    const tiles = new Map();
    for (const [number, before] of this.#before) {
      const [left, top] = corner(number, this.#across);
      if (!sameBytes(before, readTile(this.layer, left, top))) tiles.set(number, pack(before));
    }
    return tiles.size ? new Change(this.layer, tiles, this.touched) : null;
  }
}

/** Tiles of a layer to be exchanged for what the layer holds now: undo, then redo, then undo... */
class Change {
  constructor(layer, tiles, rect) {
    this.layer = layer;
    this.tiles = tiles;
    this.rect = rect;
  }

  swap() {
    const across = Math.ceil(this.layer.width / TILE);
    for (const [number, packed] of this.tiles) {
      const [left, top] = corner(number, across);
      const current = pack(readTile(this.layer, left, top));
      writeTile(this.layer, left, top, unpack(packed));
      this.tiles.set(number, current);
    }
    this.layer.refresh(this.rect);
  }
}

/** A layer's bytes, packed to be kept. */
export function snapshot(layer) {
  return pack(layer.data);
}

/** Replace a layer's bytes by others of the same number; returns the Change, or null when nothing has changed. */
export function replaceAll(layer, bytes) {
  const tiles = new Map();
  const across = Math.ceil(layer.width / TILE);
  const old = { width: layer.width, height: layer.height, data: layer.data.slice() };
  layer.data.set(bytes);
  forEachTile(layer.bounds, across, (number, left, top) => {
    const before = readTile(old, left, top);
    if (!sameBytes(before, readTile(layer, left, top))) tiles.set(number, pack(before));
  });
  layer.refresh();
  return tiles.size ? new Change(layer, tiles, layer.bounds) : null;
}

/** Run lengths: pairs of a byte and how often it follows itself (0 to 255 more times). */
export function pack(bytes) {
  const packed = [];
  for (let i = 0; i < bytes.length; ) {
    let run = 1;
    while (run < 256 && i + run < bytes.length && bytes[i + run] === bytes[i]) run++;
    packed.push(bytes[i], run - 1);
    i += run;
  }
  return { length: bytes.length, runs: Uint8Array.from(packed) };
}

export function unpack({ length, runs }) {
  const bytes = new Uint8Array(length);
  for (let i = 0, at = 0; i < runs.length; i += 2) {
    bytes.fill(runs[i], at, at + runs[i + 1] + 1);
    at += runs[i + 1] + 1;
  }
  return bytes;
}

export function samePacked(a, b) {
  return a.runs.length === b.runs.length && sameBytes(a.runs, b.runs);
}

function forEachTile(rect, across, visit) {
  for (let row = Math.floor(rect.top / TILE); row * TILE < rect.bottom; row++) {
    for (let column = Math.floor(rect.left / TILE); column * TILE < rect.right; column++) {
      visit(row * across + column, column * TILE, row * TILE);
    }
  }
}

function corner(number, across) {
  return [(number % across) * TILE, Math.floor(number / across) * TILE];
}

function readTile(layer, left, top) {
  const tile = new Uint8Array(TILE * TILE);
  const columns = Math.min(TILE, layer.width - left);
  const rows = Math.min(TILE, layer.height - top);
  for (let y = 0; y < rows; y++) {
    const start = (top + y) * layer.width + left;
    tile.set(layer.data.subarray(start, start + columns), y * TILE);
  }
  return tile;
}

function writeTile(layer, left, top, tile) {
  const columns = Math.min(TILE, layer.width - left);
  const rows = Math.min(TILE, layer.height - top);
  for (let y = 0; y < rows; y++) {
    layer.data.set(tile.subarray(y * TILE, y * TILE + columns), (top + y) * layer.width + left);
  }
}

function sameBytes(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
