/** Faded pictures, spread over the levels that the network is used to, and back. Mirrors facemend/photo/fading.py. */

import { lumaAt } from './colors.js';
import { quantile } from './statistics.js';

const LEAST_KNOWN = 0.4;
const ENDS = [0.01, 0.99];
const FADED = 1.1;
const USUAL = 1.6;
const MOST = 4;

/**
 * Find how to spread a faded image.
 * @param {{image: Float32Array, unknown: Float32Array}} view [3, S, S] in [-1, 1], and [S, S], 1 where nothing is known
 * @returns {?{middle: number, gain: number}} null for an image of full contrast, and one of which little is known
 */
export function findLevels({ image, unknown }) {
  const area = unknown.length;
  const luma = [];
  for (let i = 0; i < area; i++) if (unknown[i] === 0) luma.push(lumaAt(image, i));
  if (luma.length < LEAST_KNOWN * area) return null;
  const [darkest, lightest] = ENDS.map((share) => quantile(luma, share));
  if (lightest - darkest >= FADED) return null;
  return { middle: (darkest + lightest) / 2, gain: Math.min(MOST, USUAL / Math.max(1e-6, lightest - darkest)) };
}

/** Spread the known pixels of a view; the others stay 0. */
export function spread({ image, unknown }, { middle, gain }) {
  const spreadOut = (value, i) => (unknown[i % unknown.length] > 0 ? 0 : Math.min(1, Math.max(-1, (value - middle) * gain)));
  return { image: image.map(spreadOut), unknown };
}

/** Bring a completed picture back to the levels of the view, whose own pixels are put in where they are known. */
export function fade(completed, { image, unknown }, { middle, gain }) {
  return completed.map((value, i) => (unknown[i % unknown.length] > 0 ? value / gain + middle : image[i]));
}
