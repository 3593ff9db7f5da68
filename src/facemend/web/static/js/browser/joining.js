/** Where two views meet in a hole, the later one fades into the earlier. Mirrors facemend/photo/joining.py. */

import { distances } from './components.js';
import { eachPixel, extent } from './framing.js';
import { cut, roundEven } from './resample.js';

export const RIM = 1 / 12; // of the side of the smaller of two windows

/**
 * How much a view decides at each pixel: all of its own, and less and less of what was mended before beside them.
 * @param own mask {data, width, height}: what it has to paint
 * @param mended bytes: what the views before it painted
 * @param rim its width in pixels
 * @returns {Float32Array} from 0 to 1
 */
export function fading(own, mended, rim) {
  const share = Float32Array.from(own.data);
  const box = mended.includes(1) ? extent(own) : null;
  if (!box) return share;
  const reach = Math.ceil(rim);
  const near = {
    left: Math.max(0, box.left - reach), top: Math.max(0, box.top - reach),
    right: Math.min(own.width, box.right + reach), bottom: Math.min(own.height, box.bottom + reach),
  };
  const [foreign, asked] = [own.data.map((each) => 1 - each), mended].map((data) => cut({ ...own, channels: 1, data }, near));
  const distance = distances(foreign, { beyond: Infinity, reach, asked: asked.data });
  eachPixel(near, own.width, (k, at) => {
    if (mended[at] && !own.data[at]) share[at] = Math.max(0, 1 - distance[k] / rim);
  });
  return share;
}

/** Mix two bytes by the share of the second. */
export const faded = (before, after, share) => roundEven(before + share * (after - before));
