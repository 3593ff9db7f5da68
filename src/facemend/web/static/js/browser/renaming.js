/** Other names for what the network takes for a face beside all faces. Mirrors facemend/photo/renaming.py, class ids included. */

import { distances } from './components.js';
import { sum } from './statistics.js';

const LONGEST_NECK = 0.08;
const LEAST_FACE = 0.02;
const [BACKGROUND, NECK, CLOTH] = [0, 17, 18];
const FACE_CLASSES = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15]);

/**
 * Name the face parts in a hole neck near bare skin, where that is the nearest known part of a person, else cloth; null if there are
 * hardly any.
 * @param ids {data, width, height} of class ids
 * @param hole what of it is not known, 1 or 0
 */
export function withoutFaces(ids, hole) {
  const dreamt = ids.data.map((id, i) => (hole[i] && FACE_CLASSES.has(id) ? 1 : 0));
  if (sum(dreamt) <= LEAST_FACE * sum(hole)) return null;
  const isBare = (id) => FACE_CLASSES.has(id) || id === NECK;
  const distanceTo = (isSought) =>
    distances({ ...ids, data: ids.data.map((id, i) => (hole[i] || !isSought(id) ? 1 : 0)) }, { beyond: Infinity });
  const [toBare, toWorn] = [distanceTo(isBare), distanceTo((id) => !isBare(id) && id !== BACKGROUND)];
  const isNeck = (i) => toBare[i] < Math.min(toWorn[i], LONGEST_NECK * ids.width);
  return { ...ids, data: ids.data.map((id, i) => (!dreamt[i] ? id : isNeck(i) ? NECK : CLOTH)) };
}
