/** Detail finer than the network saw, carried from the known part of a photo into the hole. Mirrors facemend/photo/residuals.py. */

import { boxBlur } from './filters.js';
import { uniforms } from './random.js';
import { inverted, mapped, picture, planeOf, resizeArea, resizeLinear, roundEven, toByte } from './resample.js';

const SIZE = 128;
const CELL = 2;
const PATCH = 2 * CELL;
const SOURCE_STEP = 2;
const SCORE_WEIGHT = 0.05;
const LAYOUT_WEIGHT = 0.1;
const CHOICE = 0.005;
const STRIDE = 101;
const LIKENESS = 0.2 * 255;
const SURE_SHARE = 0.25;

/**
 * Add to what the network painted the fine detail that the known part of the photo has, and its fills lack.
 * @param photo the whole photo as painted so far; `hole` what of it is not known
 * @param wanted the part of the hole to be filled, as bytes of the region
 * @param soft the view, `softened`, brought to the region
 * @param view what the network made of the window: {window, completed, unknown, scores, layout}
 */
export function carryResiduals(photo, hole, wanted, soft, view, region) {
  const { window } = view;
  if (!wanted.includes(1)) return soft;
  const around = new Surroundings(photo, hole, region);
  const grid = new Grid(window, region, wanted);
  const result = { ...soft, data: soft.data.slice() };
  const { width } = soft;
  for (const [top, carried] of carriedBands(around, soft, grid, matches(view, grid))) {
    const joined = join(carried, around, soft, top, window.side / window.size);
    for (let i = 0; i < joined.width * joined.height; i++) {
      const at = top * width + i;
      if (!wanted[at]) continue;
      for (let c = 0; c < 3; c++) result.data[3 * at + c] = toByte(soft.data[3 * at + c] + joined.data[3 * i + c]);
    }
  }
  return result;
}

/** The photo and its hole, by places in the region. */
class Surroundings {
  constructor(photo, hole, { left, top }) {
    Object.assign(this, { photo: photo.data, hole: hole.data, stride: photo.width, start: top * photo.width + left });
  }

  at(x, y) {
    return this.start + y * this.stride + x;
  }
}

/** Where the patches to be filled lie in the region, and where its pixels lie in the matching picture. */
class Grid {
  constructor(window, region, wanted) {
    this.width = region.right - region.left;
    this.height = region.bottom - region.top;
    this.wanted = wanted;
    this.cell = (CELL * window.side) / SIZE;
    this.size = Math.max(1, Math.floor(2 * this.cell)); // so that no two of every second ones overlap
    this.bump = Float32Array.from({ length: this.size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 1)) / (this.size + 1)));
    const [a, b, c, d, e, f] = window.toPhoto;
    const scale = window.size / SIZE;
    this.toRegion = [a * scale, b * scale, c - region.left, d * scale, e * scale, f - region.top];
    this.fromRegion = inverted(this.toRegion);
    const [rows, columns] = [new Uint8Array(this.height), new Uint8Array(this.width)];
    for (let y = 0; y < this.height; y++) for (let x = 0; x < this.width; x++) if (wanted[y * this.width + x]) rows[y] = columns[x] = 1;
    this.tops = this.#starts(rows);
    this.lefts = this.#starts(columns);
  }

  #starts(touched) {
    const [first, last] = [touched.indexOf(1), touched.lastIndexOf(1) + 1];
    const starts = [];
    for (let i = -1; i < Math.ceil((last - first) / this.cell); i++) starts.push(roundEven(first + i * this.cell));
    return starts;
  }

  /** The left edges of the row's patches that hold anything to be filled. */
  touchedLefts(top) {
    const columns = new Uint8Array(this.width);
    for (let y = Math.max(0, top); y < Math.min(this.height, top + this.size); y++) {
      for (let x = 0; x < this.width; x++) columns[x] |= this.wanted[y * this.width + x];
    }
    return this.lefts.filter((left) => columns.subarray(Math.max(0, left), Math.max(0, left + this.size)).includes(1));
  }

  inMatchingPicture(left, top) {
    const place = mapped(this.fromRegion, left + this.size / 2, top + this.size / 2);
    return place.map((middle) => Math.min(SIZE - CELL, Math.max(-CELL, roundEven(middle - CELL))));
  }

  inRegion(x, y) {
    return mapped(this.toRegion, x + CELL, y + CELL).map((middle) => roundEven(middle - this.size / 2));
  }
}

/** For each row of patches, from which corner [x, y] of the region each left edge is filled, and how akin the parts are there, 0 to 1. */
function* matches(view, grid) {
  const patches = new Patches(view);
  const sources = patches.known();
  const places = sources.map(([x, y]) => grid.inRegion(x, y));
  const features = sources.map(([x, y]) => patches.features(x, y));
  const tokens = sources.map(([x, y]) => patches.token(x, y));
  const chances = new Chances(sources.length);
  for (const top of grid.tops) {
    const row = [];
    for (const left of sources.length ? grid.touchedLefts(top) : []) {
      const [x, y] = grid.inMatchingPicture(left, top);
      const [wanted, token] = [patches.features(x, y), patches.token(x, y)];
      const chance = chances.next();
      let [best, least] = [0, Infinity];
      for (let i = 0; i < sources.length; i++) {
        const offered = features[i];
        let cost = -SCORE_WEIGHT * patches.attention(token, tokens[i]) - chance[i];
        // Squares only add to it, so most sources are out of the question before all are summed.
        for (let k = 0; k < offered.length && cost < least; k++) cost += (wanted[k] - offered[k]) ** 2;
        if (cost < least) [best, least] = [i, cost];
      }
      row.push({ left, source: places[best], kinship: patches.kinship([x, y], sources[best]) });
    }
    yield row;
  }
}

/** What makes the least of `cost - chance` a draw with likelihood exp(-cost / CHOICE): Gumbel's numbers, each target's from another place on. */
class Chances {
  #length;
  #numbers = [];
  #draw = uniforms(0);

  constructor(length) {
    this.#length = length;
  }

  next() {
    this.#numbers.splice(0, this.#numbers.length ? STRIDE : 0);
    const length = Math.max(STRIDE, this.#length); // fewer sources pass the rest over
    while (this.#numbers.length < length) this.#numbers.push(-CHOICE * Math.log(-Math.log(this.#draw())));
    return this.#numbers;
  }
}

/** All patches of the matching picture by their corners, which may lie a cell outside it. */
class Patches {
  constructor({ window: { size }, completed, unknown, scores, layout }) {
    const resize = size > SIZE ? resizeArea : resizeLinear;
    this.planes = [0, 1, 2].map((c) => resize(planeOf(completed, c, size), SIZE, SIZE).data);
    this.unknown = resize(planeOf(unknown, 0, size), SIZE, SIZE).data;
    this.layout = layout;
    this.grid = Math.round(Math.sqrt(scores.tokens));
    const { data, heads, tokens } = scores;
    this.logs = new Float32Array(tokens * tokens);
    for (let head = 0; head < heads; head++) for (let i = 0; i < this.logs.length; i++) this.logs[i] += data[head * this.logs.length + i] / heads;
    this.logs = this.logs.map((share) => Math.log(share + 1e-3));
  }

  /** The corners of what may be a source: patches of which all is known. */
  known() {
    const corners = [];
    for (let y = 0; y <= SIZE - PATCH; y += SOURCE_STEP) for (let x = 0; x <= SIZE - PATCH; x += SOURCE_STEP) if (this.#isKnown(x, y)) corners.push([x, y]);
    return corners;
  }

  #isKnown(x, y) {
    for (let v = y; v < y + PATCH; v++) for (let u = x; u < x + PATCH; u++) if (this.unknown[v * SIZE + u] > 0) return false;
    return true;
  }

  /** The patch's colours and, in its middle, the class probabilities, weighted. */
  features(x, y) {
    const numColors = 3 * PATCH * PATCH;
    const values = new Float64Array(numColors + this.layout.classes);
    const within = (place) => Math.min(SIZE - 1, Math.max(0, place));
    let i = 0;
    for (const plane of this.planes) {
      for (let v = y; v < y + PATCH; v++) for (let u = x; u < x + PATCH; u++) values[i++] = plane[within(v) * SIZE + within(u)] / Math.sqrt(numColors);
    }
    for (const share of this.#parts(x, y)) values[i++] = share * Math.sqrt(LAYOUT_WEIGHT);
    return values;
  }

  /** Bhattacharyya's coefficient of the class probabilities in the middles of two patches: 1 for the same. */
  kinship(target, source) {
    const there = this.#parts(...source);
    return this.#parts(...target).reduce((sum, share, k) => sum + Math.sqrt(share * there[k]), 0);
  }

  #parts(x, y) {
    const { data, classes, size } = this.layout;
    const at = middleOf(y, size) * size + middleOf(x, size);
    return Array.from({ length: classes }, (_, k) => data[k * size * size + at]);
  }

  token(x, y) {
    return middleOf(y, this.grid) * this.grid + middleOf(x, this.grid);
  }

  attention(from, to) {
    return this.logs[from * this.grid * this.grid + to];
  }
}

function middleOf(corner, size) {
  return Math.floor((Math.min(SIZE - 1, Math.max(0, corner + CELL)) * size) / SIZE);
}

/** Blend the sources' residuals; yields [top, band] as rows are done. */
function* carriedBands(around, soft, grid, rows) {
  const { width, height, size } = grid;
  let sums = new Float32Array(size * width * 4); // of residuals times weight and likeness, and of weights
  for (const [i, top] of grid.tops.entries()) {
    for (const match of rows.next().value) addPatch(sums, match, top, around, soft, grid);
    const end = grid.tops[i + 1] ?? top + size;
    const [first, last] = [Math.max(0, top), Math.min(end, height)];
    if (last > first) yield [first, meansOf(sums.subarray((first - top) * width * 4), width, last - first)];
    const next = new Float32Array(sums.length);
    next.set(sums.subarray((end - top) * width * 4));
    sums = next;
  }
}

/** Add a source's residuals to a patch, less where the two are unlike in colour or part. */
function addPatch(sums, { left, source: [u, v], kinship }, top, around, { data }, { width, height, size, bump }) {
  const [a, b] = [Math.max(0, -top, -v), Math.min(size, height - top, height - v)];
  const [c, d] = [Math.max(0, -left, -u), Math.min(size, width - left, width - u)];
  for (let y = a; y < b; y++) {
    for (let x = c; x < d; x++) {
      const [from, to] = [3 * ((v + y) * width + u + x), 3 * ((top + y) * width + left + x)];
      const unlike = (Math.abs(data[from] - data[to]) + Math.abs(data[from + 1] - data[to + 1]) + Math.abs(data[from + 2] - data[to + 2])) / 3 / LIKENESS;
      const weight = bump[y] * bump[x];
      const at = 4 * (y * width + left + x);
      sums[at + 3] += weight;
      const known = around.at(u + x, v + y);
      if (around.hole[known]) continue;
      const alike = weight * kinship * Math.exp(-unlike * unlike);
      for (let k = 0; k < 3; k++) sums[at + k] += alike * (around.photo[3 * known + k] - data[from + k]);
    }
  }
}

function meansOf(sums, width, height) {
  const band = picture(width, height, 3, Float32Array);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) band.data[3 * i + c] = sums[4 * i + c] / Math.max(sums[4 * i + 3], 1e-6);
  }
  return band;
}

/** Join carried residuals to those that are known across the hole's edge: pull-push (Gortler et al. 1996) of three levels. */
function join(carried, around, soft, top, ratio) {
  const { width, height } = carried;
  const radii = [roundEven(4 * ratio), roundEven(ratio), 1];
  const [first, last] = [Math.max(0, top - radii[0]), Math.min(soft.height, top + height + radii[0])];
  const known = picture(width, last - first, 4, Float32Array); // residual and whether it is known
  for (let y = first, i = 0; y < last; y++) {
    for (let x = 0; x < width; x++, i++) {
      const at = around.at(x, y);
      if (around.hole[at]) continue;
      for (let c = 0; c < 3; c++) known.data[4 * i + c] = around.photo[3 * at + c] - soft.data[3 * (y * width + x) + c];
      known.data[4 * i + 3] = 1;
    }
  }
  const joined = picture(width, height, 3, Float32Array);
  radii.forEach((radius, level) => {
    const near = boxBlur(known, radius).data;
    const start = (top - first) * width;
    for (let i = 0; i < width * height; i++) {
      const at = 4 * (start + i);
      const share = near[at + 3];
      const trust = Math.min(share / SURE_SHARE, 1);
      for (let c = 0; c < 3; c++) {
        const k = 3 * i + c;
        joined.data[k] += trust * (near[at + c] / Math.max(share, 1e-6) - joined.data[k]);
        if (level === 0) joined.data[k] += carried.data[k];
      }
    }
  });
  return joined;
}
