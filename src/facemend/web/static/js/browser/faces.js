/**
 * Faces as a detector found them, and the squares of the photo in which the network knows them. Mirrors facemend/photo/faces.py.
 * A face is {box: [left, top, right, bottom], landmarks: [[x, y] x 5], score}.
 */

import { Window } from './framing.js';
import { mapped, roundEven } from './resample.js';

export const SURE = 0.99;
export const LIKELY = 0.9;
const [PORTRAIT_SHIFT, PORTRAIT_SCALE] = [0.2, 1.35];
const STANCE = 45;
const SAME_FACE = 0.25;

/** Lay the square round a face in which the network knows faces: FFHQ's (Karras et al. 2018, appendix C). */
export function faceWindow({ landmarks: [leftEye, rightEye, , leftMouth, rightMouth] }) {
  const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [eyes, mouth] = [middle(leftEye, rightEye), middle(leftMouth, rightMouth)];
  const eyeToEye = [rightEye[0] - leftEye[0], rightEye[1] - leftEye[1]];
  const eyeToMouth = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
  const across = [eyeToEye[0] + eyeToMouth[1], eyeToEye[1] - eyeToMouth[0]];
  const side = Math.max(4 * Math.hypot(...eyeToEye), 3.6 * Math.hypot(...eyeToMouth), 1);
  const center = [eyes[0] + 0.1 * eyeToMouth[0], eyes[1] + 0.1 * eyeToMouth[1]];
  return new Window(center, side, undefined, (Math.atan2(across[1], across[0]) * 180) / Math.PI);
}

export function meets(window, hole) {
  const region = window.region(hole);
  const inside = window.inside(region);
  const width = region.right - region.left;
  return inside.some((seen, k) => seen && hole.data[(region.top + Math.floor(k / width)) * hole.width + region.left + (k % width)]);
}

/** Whether some of a face's landmarks lie under a hole, where a detector can only guess them. */
export function hidesLandmarks({ data, width, height }, { landmarks }) {
  const within = (place, length) => Math.min(length - 1, Math.max(0, Math.trunc(place)));
  return landmarks.some(([x, y]) => data[within(y, height) * width + within(x, width)] === 1);
}

/** Whether a face is there beyond doubt: by its score, or because it fills a square photo as a portrait does. */
export function isSure(face, { width, height }) {
  const { center, side } = faceWindow(face);
  const off = Math.hypot(center[0] - width / 2, center[1] - height / 2) / width;
  const ratio = side / width;
  const isPortrait = height === width && off <= PORTRAIT_SHIFT && 1 / PORTRAIT_SCALE <= ratio && ratio <= PORTRAIT_SCALE;
  return face.score >= (isPortrait ? LIKELY : SURE);
}

/** Angles, to 45 degrees, at which the sure faces of a photo stand; none if there is no sure one. */
export function stances(faces, photo) {
  const angles = faces.filter((face) => isSure(face, photo)).map((face) => STANCE * roundEven(faceWindow(face).angle / STANCE));
  return [...new Set(angles)].sort((a, b) => a - b);
}

/** Take a face to where an affine map puts it, box and all. */
export function moved({ box: [left, top, right, bottom], landmarks, score }, matrix) {
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(([x, y]) => mapped(matrix, x, y));
  const [xs, ys] = [0, 1].map((i) => corners.map((corner) => corner[i]));
  return {
    box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
    landmarks: landmarks.map(([x, y]) => mapped(matrix, x, y).map(Math.fround)),
    score,
  };
}

/** Keep the surest of those that are the same face. */
export function distinct(faces) {
  const kept = [];
  for (const face of [...faces].sort((a, b) => b.score - a.score)) {
    if (!kept.some((other) => isSame(face, other))) kept.push(face);
  }
  return kept;
}

export function isSame(face, other) {
  const [first, second] = [faceWindow(face), faceWindow(other)];
  const apart = Math.hypot(first.center[0] - second.center[0], first.center[1] - second.center[1]);
  return apart < SAME_FACE * Math.max(first.side, second.side);
}

export function surest(faces) {
  return faces.reduce((best, face) => (best && best.score >= face.score ? best : face), undefined);
}
