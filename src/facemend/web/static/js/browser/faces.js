/**
 * Faces in photos: found although they are damaged, and framed as the network knows them. Mirrors facemend/photo/faces.py.
 * A face is {box: [left, top, right, bottom], landmarks: [[x, y] x 5], score}.
 */

import { label } from './components.js';
import { Window, toPixels, viewPhoto, workingSize } from './framing.js';
import { eachPixel } from './planning.js';
import { mapped, resizeArea, resizeLinear, roundEven } from './resample.js';
import { fillHole } from './telea.js';

const SEARCH_SIDE = 1024;
const TURNED_SEARCH_SIDE = 512;
const TURNS = [-90, 90, 180, -45, 45, -135, 135];
export const SURE = 0.99;
const LIKELY = 0.9;
const TURNED_SURE = 0.9;
const CLOSE_UP = 1.25;
const CLOSE_UP_SIZE = 256;
const CROOKED = 10;
const NUM_PARTS = 6;
const PART_FACTORS = [2, 3.5];
const [PORTRAIT_SHIFT, PORTRAIT_SCALE] = [0.2, 1.35];
const LEAST_HIDING = 0.1;
const LEAST_FILLED = 0.15;
const [LEAST_EXTENT, LEAST_PART] = [40, 1 / 16];
const NUM_GUESSED = 2;
const [GUESS_FACTOR, OTHER_FACTORS] = [1.5, [1, 2.2]];
const GUESS_TURNS = [0, -45, 45, 90, -90];
const LEAST_PROMISE = 0.7;
const NUM_LOOKED_AT = 2;
const NUM_FITS = 2;
const LEAST_CERTAINTY = 0.83;
const LEAST_SEEN = 0.2;
const SCORE_SHARE = 0.1;
const FACE_SHARE = 0.6;
const FILL_RADIUS = 3;
const FILL_SIDE = 512;
const SAME_FACE = 0.25;

/**
 * Find faces in a photo, though it lies on its side, they are tilted, or part of them is missing.
 * @param paint what paints the hole in a window as if an upright face lay there: {completed, certainty, seen}
 */
export async function findFaces(rgb, hole, detector, paint) {
  const close = (faces) => lookClosely(faces, rgb, hole, detector);
  let found = await close(await search(rgb, hole, detector, SEARCH_SIDE, [0]));
  const hidden = [];
  for (const { middle, extent } of unexplained(hole, found)) {
    for (const factor of PART_FACTORS) hidden.push(...(await detectIn(new Window(middle, factor * extent, CLOSE_UP_SIZE), rgb, hole, detector)));
  }
  found = distinct([...found, ...(await close(hidden))]);
  const isHoled = hole.data.includes(1);
  const sought = found.filter((face) => !isHoled || meets(faceWindow(face), hole));
  if (Math.max(0, ...sought.map(({ score }) => score)) < SURE) {
    const turned = await close(await search(rgb, hole, detector, TURNED_SEARCH_SIDE, TURNS));
    found = distinct([...found, ...turned.filter(({ score }) => score >= TURNED_SURE)]);
  }
  return distinct([...found, ...(await guessFaces(hole, found, paint, detector))]);
}

/** Detect a face once more in a restored view of it, [3, S, S] in [-1, 1]; the old one if it is not found there. */
export async function measureAgain(face, restored, window, detector) {
  const found = (await detector.detect(toPixels(restored, window.size))).map((candidate) => moved(candidate, window.toPhoto));
  return surest(found.filter((candidate) => isSame(candidate, face))) ?? face;
}

/** Whether some of a face's landmarks lie under a hole, where a detector can only guess them. */
export function hidesLandmarks({ data, width, height }, { landmarks }) {
  const within = (place, length) => Math.min(length - 1, Math.max(0, Math.trunc(place)));
  return landmarks.some(([x, y]) => data[within(y, height) * width + within(x, width)] === 1);
}

/** Lay the square round a face in which the network knows faces: FFHQ's (Karras et al. 2018, appendix C). */
export function faceWindow({ landmarks: [leftEye, rightEye, , leftMouth, rightMouth] }) {
  const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [eyes, mouth] = [middle(leftEye, rightEye), middle(leftMouth, rightMouth)];
  const eyeToEye = [rightEye[0] - leftEye[0], rightEye[1] - leftEye[1]];
  const eyeToMouth = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
  const across = [eyeToEye[0] + eyeToMouth[1], eyeToEye[1] - eyeToMouth[0]];
  const side = Math.max(4 * Math.hypot(...eyeToEye), 3.6 * Math.hypot(...eyeToMouth), 1);
  const center = [eyes[0] + 0.1 * eyeToMouth[0], eyes[1] + 0.1 * eyeToMouth[1]];
  return new Window(center, side, workingSize(side), (Math.atan2(across[1], across[0]) * 180) / Math.PI);
}

function meets(window, hole) {
  const region = window.region(hole);
  const inside = window.inside(region);
  const width = region.right - region.left;
  return inside.some((seen, k) => seen && hole.data[(region.top + Math.floor(k / width)) * hole.width + region.left + (k % width)]);
}

/** Shrink a hole to at most `side` pixels, each of which belongs to it that it touches. */
function reduced(hole, side) {
  const scale = Math.min(1, side / Math.max(hole.width, hole.height));
  const [width, height] = [hole.width, hole.height].map((length) => Math.max(1, roundEven(length * scale)));
  const grey = resizeArea({ ...hole, channels: 1, data: hole.data.map((value) => value * 255) }, width, height);
  return { touched: { ...grey, data: grey.data.map((value) => (value > 0 ? 1 : 0)) }, scale };
}

/** Detect on a copy of at most `side` pixels, with its hole filled, turned by several angles in degrees. */
async function search(rgb, hole, detector, side, turns) {
  const { touched } = reduced(hole, side);
  const copy = filled(resizeArea(rgb, touched.width, touched.height), touched);
  const toPhoto = [rgb.width / copy.width, 0, 0, 0, rgb.height / copy.height, 0];
  const found = [];
  for (const turn of turns) {
    const faces = turn ? await detectTurned(copy, turn, detector) : await detector.detect(copy);
    found.push(...faces.map((face) => moved(face, toPhoto)));
  }
  return found;
}

/** Fill a hole from its edge (Telea 2004), in a large picture no finer than it takes to find a face. */
function filled(rgb, hole) {
  if (!hole.data.includes(1)) return rgb;
  const { touched } = reduced(hole, FILL_SIDE);
  const coarse = fillHole(resizeArea(rgb, touched.width, touched.height), touched, FILL_RADIUS);
  const enlarged = resizeLinear(coarse, rgb.width, rgb.height);
  return { ...rgb, data: rgb.data.map((value, i) => (hole.data[Math.floor(i / 3)] ? enlarged.data[i] : value)) };
}

async function detectTurned(copy, turn, detector) {
  const { width, height } = copy;
  const size = Math.ceil(Math.hypot(width, height) / 16) * 16;
  const window = new Window([width / 2, height / 2], size, size, turn);
  const { image } = viewPhoto(copy, { data: new Uint8Array(width * height), width, height }, window);
  return (await detector.detect(toPixels(image, size))).map((face) => moved(face, window.toPhoto));
}

/** Detect each face again in a view of its own, upright and of a size that suits the detector; drop what is none there. */
async function lookClosely(faces, rgb, hole, detector) {
  const again = [];
  for (const face of distinct(faces)) {
    let closer = await closeUp(face, rgb, hole, detector);
    if (closer && Math.abs(faceWindow(closer).angle - faceWindow(face).angle) > CROOKED) {
      closer = (await closeUp(closer, rgb, hole, detector)) ?? closer;
    }
    if (closer) again.push(closer);
  }
  return distinct(again);
}

async function closeUp(face, rgb, hole, detector) {
  const window = faceWindow(face).scaled(CLOSE_UP).withSize(CLOSE_UP_SIZE);
  return surest((await detectIn(window, rgb, hole, detector)).filter((candidate) => isSame(candidate, face)));
}

/** Detect in a window of the photo, its hole filled as finely as the window sees it. */
async function detectIn(window, rgb, hole, detector) {
  const { image, unknown } = viewPhoto(rgb, hole, window);
  const mask = { data: Uint8Array.from(unknown), width: window.size, height: window.size };
  const seen = filled(toPixels(image, window.size), mask);
  return (await detector.detect(seen)).map((candidate) => moved(candidate, window.toPhoto));
}

/** Go through the largest parts of a hole beside the faces surely found: they may hide all of another one. */
function* unexplained(hole, found) {
  const { touched, scale } = reduced(hole, TURNED_SEARCH_SIDE);
  const sure = found.filter((face) => isSure(face, hole)).map(faceWindow);
  const explained = new Uint8Array(touched.data.length);
  for (const { center, side, size, angle } of sure) {
    const smaller = new Window(center.map((place) => place * scale), side * scale, size, angle);
    const region = smaller.region(touched);
    const inside = smaller.inside(region);
    eachPixel(region, touched.width, (k, at) => (explained[at] |= inside[k]));
  }
  const { parts } = label({ ...touched, data: touched.data.map((value, at) => value & ~explained[at]) });
  const leastArea = sure.length && LEAST_HIDING * (Math.min(...sure.map(({ side }) => side)) * scale) ** 2;
  for (const { x, y, area, ...part } of parts.sort((a, b) => b.area - a.area).slice(0, NUM_PARTS)) {
    const extent = Math.max(part.width, part.height);
    if (area < leastArea || explained[Math.trunc(y) * touched.width + Math.trunc(x)]) continue; // a ring round a face has its middle there
    yield { middle: [x / scale, y / scale], extent: extent / scale, filled: area / extent ** 2 };
  }
}

/** Whether a face is there beyond doubt: by its score, or because it fills a square photo as a portrait does. */
function isSure(face, { width, height }) {
  const { center, side } = faceWindow(face);
  const off = Math.hypot(center[0] - width / 2, center[1] - height / 2) / width;
  const ratio = side / width;
  const isPortrait = height === width && off <= PORTRAIT_SHIFT && 1 / PORTRAIT_SCALE <= ratio && ratio <= PORTRAIT_SCALE;
  return face.score >= (isPortrait ? LIKELY : SURE);
}

function holds(window, [x, y]) {
  const [left, top] = [Math.trunc(x), Math.trunc(y)];
  return window.inside({ left, top, right: left + 1, bottom: top + 1 })[0] === 1;
}

/** Find faces of which so little is left that only the painter makes one of it. */
async function guessFaces(hole, found, paint, detector) {
  const { width, height } = hole;
  const least = Math.max(LEAST_EXTENT, LEAST_PART * Math.min(width, height));
  const broad = [...unexplained(hole, found)].filter(({ filled, extent }) => filled >= LEAST_FILLED && extent >= least);
  const likely = found.filter((face) => face.score >= LIKELY && !isSure(face, hole)).map(faceWindow);
  if (width === height) likely.push(new Window([width / 2, height / 2], width, CLOSE_UP_SIZE)); // it is perhaps a portrait
  const guesses = [];
  const lookedAt = [];
  for (const part of broad.slice(0, NUM_GUESSED)) {
    if (lookedAt.some((window) => holds(window, part.middle))) continue;
    let guess = null;
    for (const window of likely) {
      if (!guess && holds(window, part.middle)) guess = await fit(window, 1, paint, detector);
    }
    guess ??= await guessFace(part, paint, detector);
    if (guess && meets(faceWindow(guess).scaled(FACE_SHARE), hole)) guesses.push(guess);
    lookedAt.push(guess ? faceWindow(guess) : new Window(part.middle, GUESS_FACTOR * part.extent, CLOSE_UP_SIZE));
  }
  return guesses;
}

/** Paint a face into a part of a hole at several turns and sizes; the one that fits, if any does. */
async function guessFace({ middle, extent }, paint, detector) {
  const painted = async (factor, turn) => {
    const window = new Window(middle, factor * extent, CLOSE_UP_SIZE, turn);
    return { window, trial: await paint(window) };
  };
  const first = [];
  for (const turn of GUESS_TURNS) first.push(await painted(GUESS_FACTOR, turn));
  first.sort((a, b) => b.trial.certainty - a.trial.certainty);
  if (first[0].trial.certainty < LEAST_PROMISE) return null;
  let [best, most] = [null, 0];
  for (const one of first.slice(0, NUM_LOOKED_AT)) {
    const tries = [one];
    for (const factor of OTHER_FACTORS) tries.push(await painted(factor, one.window.angle));
    const looks = [];
    for (const { window, trial } of tries) {
      const face = await detectBest(trial, window, detector);
      looks.push({ face, merit: trial.certainty + (face ? SCORE_SHARE * face.score : 0) });
    }
    const [merit, shown] = [looks.reduce((sum, look) => sum + look.merit, 0), looks.filter(({ face }) => face)];
    if (!shown.length || merit <= most) continue;
    most = merit;
    best = shown.reduce((first, other) => (other.merit > first.merit ? other : first)).face;
  }
  return best && fit(faceWindow(best), NUM_FITS, paint, detector);
}

/** Paint a face into a window, and bring it into frame by what came of it; the face, if it fits what is known there. */
async function fit(framed, numRuns, paint, detector) {
  const window = framed.withSize(CLOSE_UP_SIZE);
  const trial = await paint(window);
  const face = await detectBest(trial, window, detector);
  if (!face || numRuns > 1) return face && fit(faceWindow(face), numRuns - 1, paint, detector);
  const fits = face.score >= SURE && trial.certainty >= LEAST_CERTAINTY && trial.seen >= LEAST_SEEN;
  return fits ? face : null;
}

/** The surest face in a painted window. */
async function detectBest(trial, window, detector) {
  const face = surest(await detector.detect(toPixels(trial.completed, window.size)));
  return face ? moved(face, window.toPhoto) : null;
}

/** Take a face to where an affine map puts it, box and all. */
function moved({ box: [left, top, right, bottom], landmarks, score }, matrix) {
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(([x, y]) => mapped(matrix, x, y));
  const [xs, ys] = [0, 1].map((i) => corners.map((corner) => corner[i]));
  return {
    box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
    landmarks: landmarks.map(([x, y]) => mapped(matrix, x, y).map(Math.fround)),
    score,
  };
}

/** Keep the surest of those that are the same face. */
function distinct(faces) {
  const kept = [];
  for (const face of [...faces].sort((a, b) => b.score - a.score)) {
    if (!kept.some((other) => isSame(face, other))) kept.push(face);
  }
  return kept;
}

function surest(faces) {
  return faces.reduce((best, face) => (best && best.score >= face.score ? best : face), undefined);
}

function isSame(face, other) {
  const [first, second] = [faceWindow(face), faceWindow(other)];
  const apart = Math.hypot(first.center[0] - second.center[0], first.center[1] - second.center[1]);
  return apart < SAME_FACE * Math.max(first.side, second.side);
}
