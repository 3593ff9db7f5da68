/** Faces painted for a trial, where a hole may hide all but a little of one. Mirrors facemend/photo/guessing.py. */

import { label } from './components.js';
import { LIKELY, SURE, faceWindow, isSame, isSure, meets, moved, stances, surest } from './faces.js';
import { Window, eachPixel, shrinkHole, toPixels } from './framing.js';

const PARTS_SIDE = 512;
const [TRIED_SIZE, FITTED_SIZE] = [128, 256];
const NUM_PARTS = 6;
const LEAST_HIDING = 0.1;
const LEAST_FILLED = 0.15;
const [LEAST_EXTENT, LEAST_PART] = [40, 1 / 16];
const NUM_GUESSED = 2;
const [GUESS_FACTOR, OTHER_FACTORS] = [1.5, [1, 2.2]];
const GUESS_TURNS = [-45, 45, 90, -90];
const START_SIDES = [1, 0.7, 0.5];
const [START_STEP, START_MARGIN] = [0.4, 0.1];
const [MIDDLE, START_HIDDEN] = [0.5, 0.25];
const NUM_STARTS = 3;
const LEAST_PROMISE = 0.6;
const NUM_LOOKED_AT = 2;
const NUM_FITS = 2;
const UPRIGHT_PROMISE = 0.82;
const LEAST_CERTAINTY = 0.82;
const CLEAR_CERTAINTY = 0.87;
const FRAMED = [0.05, 1.1];
const ALIKE = [0.15, 1.25];
const LEAST_SEEN = 0.2;
const SCORE_SHARE = 0.1;
const FACE_SHARE = 0.6;

/** Find faces of which so little is left that only the painter makes one of it; not `turned`: clearly upright ones alone. */
export async function guessFaces(hole, found, paint, detector, turned = true) {
  const { width, height } = hole;
  const standing = stances(found, hole);
  const enough = turned && !standing.length ? LEAST_CERTAINTY : CLEAR_CERTAINTY;
  const least = Math.max(LEAST_EXTENT, LEAST_PART * Math.min(width, height));
  const broad = [...unexplained(hole, found)].filter(({ filled, extent }) => filled >= LEAST_FILLED && extent >= least);
  const likely = found.filter((face) => face.score >= LIKELY && !isSure(face, hole)).map(faceWindow);
  const guesses = [];
  const lookedAt = [];
  for (const part of broad.slice(0, NUM_GUESSED)) {
    if (lookedAt.some((window) => holds(window, part.middle))) continue;
    const largest = largestWindow(part.middle, hole);
    let best = standing.length ? null : await fit(largest, 1, paint, detector);
    const isPortrait = best && areNear(faceWindow(best.face), largest, FRAMED);
    if (!isPortrait || (turned && best.certainty < enough)) {
      best = await surestFit([
        ...likely.filter((window) => holds(window, part.middle)).map((window) => () => fit(window, 1, paint, detector)),
        () => guessFace(part, largest, standing, paint, detector, turned),
      ]);
    }
    const guess = best && best.certainty >= enough ? best.face : null;
    const isNew = guess && !found.some((face) => isSure(face, hole) && isSame(guess, face));
    if (isNew && meets(faceWindow(guess).scaled(FACE_SHARE), hole)) guesses.push(guess);
    lookedAt.push(guess ? faceWindow(guess) : new Window(part.middle, GUESS_FACTOR * part.extent, TRIED_SIZE));
  }
  return guesses;
}

/** The first of several fits that is clear, or the surest. */
async function surestFit(tries) {
  let best = null;
  for (const attempt of tries) {
    const next = await attempt();
    if (next && (!best || next.certainty > best.certainty)) best = next;
    if (best && best.certainty >= CLEAR_CERTAINTY) break;
  }
  return best;
}

/** Go through the largest parts of a hole beside the faces surely found: they may hide all of another one. */
export function* unexplained(hole, found) {
  const { touched, scale } = shrinkHole(hole, PARTS_SIDE);
  const sure = found.filter((face) => isSure(face, hole)).map(faceWindow);
  const explained = new Uint8Array(touched.data.length);
  for (const window of sure) {
    const smaller = copied(window, scale);
    const region = smaller.region(touched);
    const inside = smaller.inside(region);
    eachPixel(region, touched.width, (k, at) => (explained[at] |= inside[k]));
  }
  const { labels, parts } = label({ ...touched, data: touched.data.map((value, at) => value & ~explained[at]) });
  const leastArea = sure.length && LEAST_HIDING * (Math.min(...sure.map(({ side }) => side)) * scale) ** 2;
  for (const { number, x, y, area, ...part } of parts.sort((a, b) => b.area - a.area).slice(0, NUM_PARTS)) {
    const extent = Math.max(part.width, part.height);
    if (area < leastArea || explained[Math.trunc(y) * touched.width + Math.trunc(x)]) continue; // a ring round a face has its middle there
    const pixels = { ...touched, data: Uint8Array.from(labels, (each) => (each === number ? 1 : 0)) };
    yield { middle: [x / scale, y / scale], extent: extent / scale, filled: area / extent ** 2, pixels, scale };
  }
}

/** Paint faces into a part of a hole, the likeliest first, until one clearly fits; the surest that fits. */
async function guessFace(part, largest, standing, paint, detector, turned) {
  if (standing.length) return guessTurned(part, standing, paint, detector); // who is in a photo with others mostly stands as they do
  const promising = [];
  for (const window of [largest, new Window(part.middle, GUESS_FACTOR * part.extent, TRIED_SIZE)]) {
    if ((await paint(window)).certainty >= (turned ? LEAST_PROMISE : UPRIGHT_PROMISE)) promising.push(window);
  }
  const tries = promising.map((window) => () => fit(window, 1 + NUM_FITS, paint, detector));
  if (promising.length) tries.push(() => guessUpright(part, paint, detector));
  if (turned) tries.push(() => guessTurned(part, [], paint, detector));
  return surestFit(tries);
}

/** Lay squares all over a hole, into which an upright face may be painted. */
function startsIn(pixels) {
  const starts = [];
  for (const share of START_SIDES) {
    const side = share * Math.min(pixels.width, pixels.height);
    for (const y of places(pixels.height, side)) {
      for (const x of places(pixels.width, side)) {
        const window = new Window([x, y], side, TRIED_SIZE);
        let [hidden, all] = [0, 0];
        eachPixel(window.scaled(MIDDLE).region(pixels), pixels.width, (_, at) => {
          hidden += pixels.data[at];
          all++;
        });
        if (hidden >= START_HIDDEN * all) starts.push(window);
      }
    }
  }
  return starts;
}

/** Middles of squares that cover a length. */
function places(length, side) {
  const first = (0.5 - START_MARGIN) * side;
  const numSteps = Math.floor((length - 2 * first) / (START_STEP * side) + 0.5);
  if (!numSteps) return [length / 2];
  return Array.from({ length: numSteps + 1 }, (_, i) => first + ((length - 2 * first) * i) / numSteps);
}

/** Paint upright faces all over a part of a hole, and bring those of which the painter is surest into frame. */
async function guessUpright({ pixels, scale }, paint, detector) {
  const painted = [];
  for (const start of startsIn(pixels)) {
    const window = copied(start, 1 / scale);
    painted.push({ window, trial: await paint(window) });
  }
  painted.sort((a, b) => b.trial.certainty - a.trial.certainty);
  const frames = [];
  for (const { window, trial } of painted) {
    const face = await detectBest(trial, window, detector);
    if (face && !frames.some((frame) => areNear(faceWindow(face), frame, ALIKE))) frames.push(faceWindow(face));
    if (frames.length === NUM_STARTS) break;
  }
  return surestFit(frames.map((frame) => () => fit(frame, NUM_FITS, paint, detector)));
}

/** Paint a face into a part of a hole at several turns and sizes; the one that fits, if any does. */
async function guessTurned({ middle, extent }, standing, paint, detector) {
  const painted = async (factor, turn) => {
    const window = new Window(middle, factor * extent, TRIED_SIZE, turn);
    return { window, trial: await paint(window) };
  };
  const promise = standing.length ? LEAST_PROMISE : Math.max(LEAST_PROMISE, (await painted(GUESS_FACTOR, 0)).trial.certainty);
  const first = [];
  for (const turn of standing.length ? standing : GUESS_TURNS) first.push(await painted(GUESS_FACTOR, turn));
  first.sort((a, b) => b.trial.certainty - a.trial.certainty);
  const fits = [];
  for (const one of first.slice(0, NUM_LOOKED_AT)) {
    if (one.trial.certainty < promise) break;
    const tries = [one];
    for (const factor of OTHER_FACTORS) tries.push(await painted(factor, one.window.angle));
    const looks = [];
    for (const { window, trial } of tries) {
      const face = await detectBest(trial, window, detector);
      if (face) looks.push({ face, merit: trial.certainty + SCORE_SHARE * face.score });
    }
    if (!looks.length) continue;
    const { face } = looks.reduce((first, other) => (other.merit > first.merit ? other : first));
    fits.push(() => fit(faceWindow(face), NUM_FITS, paint, detector));
  }
  return surestFit(fits);
}

/** Paint a face into a window, and bring it into frame by what came of it; null if none can be seen there then. */
async function fit(framed, numRuns, paint, detector) {
  const window = framed.withSize(numRuns === 1 ? FITTED_SIZE : TRIED_SIZE);
  const trial = await paint(window);
  const face = await detectBest(trial, window, detector);
  if (!face || numRuns > 1) return face && fit(faceWindow(face), numRuns - 1, paint, detector);
  return face.score >= SURE && trial.seen >= LEAST_SEEN ? { face, certainty: trial.certainty } : null;
}

/** The surest face in a painted window. */
async function detectBest(trial, window, detector) {
  const face = surest(await detector.detect(toPixels(trial.completed, window.size)));
  return face ? moved(face, window.toPhoto) : null;
}

/** The same window of a copy of the photo `scale` times as large. */
function copied({ center, side, size, angle }, scale) {
  return new Window(center.map((place) => place * scale), side * scale, size, angle);
}

function areNear(frame, other, [shift, scale]) {
  const off = Math.hypot(frame.center[0] - other.center[0], frame.center[1] - other.center[1]);
  const ratio = frame.side / other.side;
  return off <= shift * other.side && 1 / scale <= ratio && ratio <= scale;
}

/** Lay a square as large as a photo holds, as near to a place as it can lie. */
function largestWindow(middle, { width, height }) {
  const side = Math.min(width, height);
  const within = (place, length) => Math.min(Math.max(place, side / 2), length - side / 2);
  return new Window([within(middle[0], width), within(middle[1], height)], side, TRIED_SIZE);
}

function holds(window, [x, y]) {
  const [left, top] = [Math.trunc(x), Math.trunc(y)];
  return window.inside({ left, top, right: left + 1, bottom: top + 1 })[0] === 1;
}
