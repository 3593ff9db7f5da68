/** Faded pictures, spread over the levels that the network is used to, and back. Mirrors facemend/photo/fading.py. */

import { lumaAt } from './colors.js';
import { quantile } from './statistics.js';

const LEAST_KNOWN = 0.4;
const ENDS = [0.01, 0.99];
const FADED = 1.1;
const [MIDDLE, FADED_MIDDLE] = [0.75, 0.9];
const USUAL = 1.6;
const MOST = 4;

/**
 * Find how to spread a faded image.
 * @param {{image: Float32Array, unknown: Float32Array}} view [3, S, S] in [-1, 1], and [S, S], 1 where nothing is known
 * @returns {?{middle: number[], gain: number}} of each colour its middle; null for an image of full contrast, and one of which
 *   little is known
 */
export function findLevels({ image, unknown }) {
  const size = Math.sqrt(unknown.length);
  const rest = Math.round((size * (1 - MIDDLE)) / 2);
  return measure(image, unknown, size, 0, FADED) ?? measure(image, unknown, size, rest, FADED_MIDDLE);
}

/** Measure what lies `rest` pixels and more from every side. */
function measure(image, unknown, size, rest, faded) {
  const known = [];
  for (let y = rest; y < size - rest; y++) {
    for (let i = size * y + rest; i < size * (y + 1) - rest; i++) if (unknown[i] === 0) known.push(i);
  }
  if (known.length < LEAST_KNOWN * (size - 2 * rest) ** 2) return null;
  const ends = (values) => ENDS.map((share) => quantile(values, share));
  const [darkest, lightest] = ends(known.map((i) => lumaAt(image, i)));
  if (lightest - darkest >= faded) return null;
  const gain = Math.min(MOST, USUAL / Math.max(1e-6, lightest - darkest));
  const middle = [0, 1, 2].map((color) => {
    const [low, high] = ends(known.map((i) => image[color * size * size + i]));
    const [own, reach] = [(low + high) / 2, 1 / gain];
    return Math.min(Math.max((darkest + lightest) / 2, Math.min(high - reach, own)), Math.max(low + reach, own));
  });
  return { middle, gain };
}

/** Spread the known pixels of a view; the others stay 0. */
export function spread({ image, unknown }, { middle, gain }) {
  const area = unknown.length;
  const spreadOut = (value, i) => (unknown[i % area] > 0 ? 0 : Math.min(1, Math.max(-1, (value - middle[Math.floor(i / area)]) * gain)));
  return { image: image.map(spreadOut), unknown };
}

/** Bring a completed picture back to the levels of the view, whose own pixels are put in where they are known. */
export function fade(completed, { image, unknown }, { middle, gain }) {
  const area = unknown.length;
  return completed.map((value, i) => (unknown[i % area] > 0 ? value / gain + middle[Math.floor(i / area)] : image[i]));
}
