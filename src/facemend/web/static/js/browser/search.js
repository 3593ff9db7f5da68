/** The search for faces in a photo, however it lies and whatever of them is missing. Mirrors facemend/photo/search.py. */

import { SURE, distinct, faceWindow, isSame, meets, moved, stances, surest } from './faces.js';
import { Window, shrinkHole, toPixels, viewPhoto } from './framing.js';
import { guessFaces, unexplained } from './guessing.js';
import { picture, resizeArea, resizeLinear } from './resample.js';
import { fillHole } from './telea.js';

const SEARCH_SIDE = 1024;
const TURNED_SEARCH_SIDE = 512;
const TURNS = [-90, 90, 180, -45, 45, -135, 135];
const LEANING = 45;
const TURNED_SURE = 0.9;
const CLOSE_UP = 1.25;
const CLOSE_UP_SIZE = 256;
const CROOKED = 10;
const OVERTURNED = 0.4;
const PART_FACTORS = [2, 3.5];
const FILL_RADIUS = 3;
const FILL_SIDE = 512;

/**
 * Find faces in a photo, though it lies on its side, they are tilted, or part of them is missing.
 * @param paint what paints the hole in a window as if an upright face lay there: {completed, certainty, seen}
 */
export async function findFaces(rgb, hole, detector, paint) {
  const close = (faces) => lookClosely(faces, rgb, hole, detector);
  let found = await close(await search(rgb, hole, detector, SEARCH_SIDE, [0]));
  if (found.length && (await isUpsideDown(found[0], rgb, hole, detector))) {
    found = await close(await search(rgb, hole, detector, SEARCH_SIDE, [180])); // for so the photo is, no doubt
  }
  const hidden = [];
  for (const { middle, extent } of unexplained(hole, found)) {
    for (const factor of PART_FACTORS) hidden.push(...(await detectIn(new Window(middle, factor * extent, CLOSE_UP_SIZE), rgb, hole, detector)));
  }
  found = distinct([...found, ...(await close(hidden))]);
  const paintOnce = remembered(paint);
  found = distinct([...found, ...(await guessFaces(hole, found, paintOnce, detector, false))]);
  const isHoled = hole.data.includes(1);
  const sought = found.filter((face) => !isHoled || meets(faceWindow(face), hole));
  if (Math.max(0, ...sought.map(({ score }) => score)) < SURE) {
    const turned = await close(await search(rgb, hole, detector, TURNED_SEARCH_SIDE, turnsNear(stances(found, hole))));
    found = distinct([...found, ...turned.filter(({ score }) => score >= TURNED_SURE)]);
  }
  return distinct([...found, ...(await guessFaces(hole, found, paintOnce, detector))]);
}

/** `paint`, which paints the same window no second time. */
function remembered(paint) {
  const trials = new Map();
  return async (window) => {
    const { center, side, size, angle } = window;
    const key = [...center, side, size, angle].join();
    if (!trials.has(key)) trials.set(key, await paint(window));
    return trials.get(key);
  };
}

/** Detect a face once more in a restored view of it, [3, S, S] in [-1, 1]; the old one if it is not found there. */
export async function measureAgain(face, restored, window, detector) {
  const found = (await detector.detect(toPixels(restored, window.size))).map((candidate) => moved(candidate, window.toPhoto));
  return surest(found.filter((candidate) => isSame(candidate, face))) ?? face;
}

/** Turns that others may have who are in a photo with people who stand so: a head leans, but no one is upside down. */
function turnsNear(standing) {
  const apart = (turn, angle) => Math.abs(((turn - angle + 540) % 360) - 180);
  return TURNS.filter((turn) => !standing.length || standing.some((angle) => apart(turn, angle) <= LEANING));
}

/** Detect on a copy of at most `side` pixels, with its hole filled, turned by several angles in degrees. */
async function search(rgb, hole, detector, side, turns) {
  const { touched } = shrinkHole(hole, side);
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
  const { touched } = shrinkHole(hole, FILL_SIDE);
  const coarse = fillHole(resizeArea(rgb, touched.width, touched.height), touched, FILL_RADIUS);
  const enlarged = resizeLinear(coarse, rgb.width, rgb.height);
  return { ...rgb, data: rgb.data.map((value, i) => (hole.data[Math.floor(i / 3)] ? enlarged.data[i] : value)) };
}

async function detectTurned(copy, turn, detector) {
  const { width, height } = copy;
  const [cosine, sine] = [Math.abs(Math.cos((turn / 180) * Math.PI)), Math.abs(Math.sin((turn / 180) * Math.PI))];
  const size = Math.ceil(Math.max(width * cosine + height * sine, width * sine + height * cosine) / 16 - 1e-6) * 16;
  const window = new Window([width / 2, height / 2], size, size, turn);
  const { image } = viewPhoto(copy, picture(width, height, 1), window);
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

/** Whether a face is by far surer turned over: the detector takes many that are upside down for upright ones. */
async function isUpsideDown(face, rgb, hole, detector) {
  const { center, side, angle } = faceWindow(face);
  const turned = new Window(center, CLOSE_UP * side, CLOSE_UP_SIZE, angle + 180);
  const isNear = (other) => Math.hypot(...faceWindow(other).center.map((value, i) => value - center[i])) < OVERTURNED * side;
  const there = (await detectIn(turned, rgb, hole, detector)).filter(isNear);
  return 1 - (surest(there)?.score ?? 0) < (1 - face.score) / 2;
}

/** Detect in a window of the photo, its hole filled as finely as the window sees it. */
async function detectIn(window, rgb, hole, detector) {
  const { image, unknown } = viewPhoto(rgb, hole, window);
  const mask = { data: Uint8Array.from(unknown), width: window.size, height: window.size };
  const seen = filled(toPixels(image, window.size), mask);
  return (await detector.detect(seen)).map((candidate) => moved(candidate, window.toPhoto));
}
