/** Faces painted for a trial, where a hole may hide all but a little of one. Mirrors facemend/photo/guessing.py. */

import { label } from './components.js';
import { LIKELY, SURE, faceWindow, isSure, meets, moved, stances, surest } from './faces.js';
import { Window, shrinkHole, toPixels } from './framing.js';
import { eachPixel } from './planning.js';

const PARTS_SIDE = 512;
const PAINTED_SIZE = 256;
const NUM_PARTS = 6;
const LEAST_HIDING = 0.1;
const LEAST_FILLED = 0.15;
const [LEAST_EXTENT, LEAST_PART] = [40, 1 / 16];
const NUM_GUESSED = 2;
const [GUESS_FACTOR, OTHER_FACTORS] = [1.5, [1, 2.2]];
const GUESS_TURNS = [0, -45, 45, 90, -90];
const LEAST_PROMISE = 0.6;
const NUM_LOOKED_AT = 2;
const NUM_FITS = 2;
const LEAST_CERTAINTY = 0.8;
const UPRIGHT_PROMISE = 0.82;
const CLEAR_CERTAINTY = 0.87;
const [FRAMED_SHIFT, FRAMED_SCALE] = [0.05, 1.1];
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
    if (!best || best.certainty < enough || !isFramed(best.face, largest)) {
      best = await surestFit([
        ...likely.filter((window) => holds(window, part.middle)).map((window) => () => fit(window, 1, paint, detector)),
        ...(standing.length ? [] : [() => fit(largest, 1 + NUM_FITS, paint, detector)]),
        // Who is in a photo with others mostly stands as they do.
        () => (turned ? guessFace(part, standing.length ? standing : GUESS_TURNS, paint, detector) : guessUpright(part, paint, detector)),
      ]);
    }
    const guess = best && best.certainty >= enough ? best.face : null;
    if (guess && meets(faceWindow(guess).scaled(FACE_SHARE), hole)) guesses.push(guess);
    lookedAt.push(guess ? faceWindow(guess) : new Window(part.middle, GUESS_FACTOR * part.extent, PAINTED_SIZE));
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

/** Paint an upright face into a part of a hole: a quarter of the work, and most photos are upright. */
async function guessUpright({ middle, extent }, paint, detector) {
  const window = new Window(middle, GUESS_FACTOR * extent, PAINTED_SIZE);
  if ((await paint(window)).certainty < UPRIGHT_PROMISE) return null;
  return fit(window, 1 + NUM_FITS, paint, detector);
}

/** Paint a face into a part of a hole at several turns and sizes; the one that fits, if any does. */
async function guessFace({ middle, extent }, turns, paint, detector) {
  const painted = async (factor, turn) => {
    const window = new Window(middle, factor * extent, PAINTED_SIZE, turn);
    return { window, trial: await paint(window) };
  };
  const first = [];
  for (const turn of turns) first.push(await painted(GUESS_FACTOR, turn));
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

/** Paint a face into a window, and bring it into frame by what came of it; null if none can be seen there then. */
async function fit(framed, numRuns, paint, detector) {
  const window = framed.withSize(PAINTED_SIZE);
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

/** Whether a face lies in a window as the painter was to put it there: what is known agrees. */
function isFramed(face, window) {
  const { center, side } = faceWindow(face);
  const off = Math.hypot(center[0] - window.center[0], center[1] - window.center[1]);
  const ratio = side / window.side;
  return off <= FRAMED_SHIFT * window.side && 1 / FRAMED_SCALE <= ratio && ratio <= FRAMED_SCALE;
}

/** Lay a square as large as a photo holds, as near to a place as it can lie. */
function largestWindow(middle, { width, height }) {
  const side = Math.min(width, height);
  const within = (place, length) => Math.min(Math.max(place, side / 2), length - side / 2);
  return new Window([within(middle[0], width), within(middle[1], height)], side, PAINTED_SIZE);
}

function holds(window, [x, y]) {
  const [left, top] = [Math.trunc(x), Math.trunc(y)];
  return window.inside({ left, top, right: left + 1, bottom: top + 1 })[0] === 1;
}
