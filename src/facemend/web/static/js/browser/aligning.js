/** The squares of a photo in which its faces are restored, laid round those that are found. Mirrors facemend/photo/aligning.py. */

import { SURE, faceWindow, hidesLandmarks } from './faces.js';
import { chooseWindow } from './framing.js';
import { planeOf, resizeArea } from './resample.js';
import { findFaces, measureAgain } from './search.js';

const NUM_FITS = 2;
const ALIGNED = [0.05, 1.1, 5];
const LOOSELY_ALIGNED = [0.1, 1.25, 10];
const HARDLY_ALIGNED = [0.2, 1.35, 180];

/**
 * Lay squares round the faces of a photo, surest first.
 * @param detector {detect: async (picture)}
 * @param look async (window): runs the network on a window of this photo
 */
export async function findWindows(rgb, hole, detector, look) {
  const windows = [];
  for (const face of await findFaces(rgb, hole, detector, async (window) => trialOf(await look(window)))) {
    windows.push(await align(face, hole, detector, look));
  }
  return windows;
}

/** Take a portrait that is framed as the network knows faces as it is, or null: a face is never measured without an error. */
function portraitWindow(face, hole, [shift, scale, angle] = ALIGNED) {
  const whole = chooseWindow(hole.data.includes(1) ? hole : { ...hole, data: new Uint8Array(hole.data.length).fill(1) });
  const isFramed =
    Math.max(...face.center.map((middle, i) => Math.abs(middle - whole.center[i]))) <= shift * whole.side &&
    Math.max(face.side / whole.side, whole.side / face.side) <= scale &&
    Math.abs(face.angle) <= angle;
  return isFramed ? whole : null;
}

/** Lay the square round a face; one that lacks eyes or mouth is restored first, to be measured by that. */
async function align(face, hole, detector, look) {
  let window = faceWindow(face);
  if (!hidesLandmarks(hole, face)) return portraitWindow(window, hole) ?? window;
  const isSeen = face.score >= SURE || hole.width !== hole.height;
  window = portraitWindow(window, hole, isSeen ? LOOSELY_ALIGNED : HARDLY_ALIGNED) ?? window;
  for (let i = 0; i < NUM_FITS; i++) {
    const restored = await look(window);
    const again = await measureAgain(face, restored.completed, restored.window, detector);
    if (again === face) break;
    [face, window] = [again, faceWindow(again)];
    const portrait = portraitWindow(window, hole);
    if (portrait) return portrait;
  }
  return window;
}

/** What a run says of the face it painted: how sure it is of the parts in the hole, and how much of the person is no paint. */
function trialOf({ completed, layout: { data, classes, size }, unknown, window }) {
  const holed = resizeArea(planeOf(unknown, 0, window.size), size, size).data;
  let [sure, hidden, person, seen] = [0, 0, 0, 0];
  for (let i = 0; i < holed.length; i++) {
    let most = 0;
    for (let k = 0; k < classes; k++) most = Math.max(most, data[k * holed.length + i]);
    sure += most * holed[i];
    hidden += holed[i];
    person += 1 - data[i]; // all but the background
    seen += (1 - data[i]) * (1 - holed[i]);
  }
  return { completed, certainty: sure / Math.max(1, hidden), seen: seen / person };
}
