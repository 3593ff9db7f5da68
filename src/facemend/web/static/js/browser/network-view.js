/** What the network made of one square of a photo, at the size at which it saw it. Mirrors facemend/photo/network_view.py. */

import { gaussianBlur } from './filters.js';
import { planeOf, resizeLinear } from './resample.js';

const SOFTNESS = 0.8;

/** The network's picture [3, S, S] of a view {completed, unknown, window}, its known part as soft as what the network paints. */
export function softened({ completed, unknown, window: { size } }) {
  const soft = new Float32Array(completed.length);
  for (let c = 0; c < 3; c++) {
    const plane = planeOf(completed, c, size);
    const blurred = gaussianBlur(plane, SOFTNESS).data;
    soft.set(plane.data.map((value, i) => (unknown[i] > 0 ? value : blurred[i])), c * size * size);
  }
  return soft;
}

/** Which pixels of a view are more likely a person's than the background's, 0 or 1 each. */
export function personIn({ layout: { data, size }, window: { size: side } }) {
  return Uint8Array.from(resizeLinear(planeOf(data, 0, size), side, side).data, (share) => (share < 0.5 ? 1 : 0));
}

/** Class ids at the view's own size. */
export function likeliest({ data, classes, size }, side) {
  const best = new Float32Array(side * side).fill(-1);
  const ids = new Uint8Array(side * side);
  for (let k = 0; k < classes; k++) {
    const enlarged = resizeLinear(planeOf(data, k, size), side, side).data;
    for (let i = 0; i < ids.length; i++) {
      if (enlarged[i] <= best[i]) continue;
      best[i] = enlarged[i];
      ids[i] = k;
    }
  }
  return { data: ids, width: side, height: side, channels: 1 };
}
