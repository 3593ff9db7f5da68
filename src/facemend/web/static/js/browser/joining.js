/** Where two views meet in a hole, the later one fades into the earlier. Mirrors facemend/photo/joining.py. */

import { distances } from './components.js';
import { roundEven } from './resample.js';

export const RIM = 1 / 12; // of the side of the smaller of two windows

/**
 * How much a view decides at each pixel: all of its own, and less and less of what was mended before beside them.
 * @param own mask {data, width, height}: what it has to paint
 * @param mended bytes: what the views before it painted
 * @param rim its width in pixels
 * @returns {Float32Array} from 0 to 1
 */
export function fading(own, mended, rim) {
  if (!mended.includes(1)) return Float32Array.from(own.data);
  const foreign = own.data.map((each) => 1 - each);
  return distances({ ...own, data: foreign }, { beyond: Infinity, reach: Math.ceil(rim) }).map((distance, i) =>
    own.data[i] || mended[i] ? Math.max(0, 1 - distance / rim) : 0,
  );
}

/** Mix two bytes by the share of the second. */
export const faded = (before, after, share) => roundEven(before + share * (after - before));
