/** Film grain and sensor noise for what was painted, the like of what surrounds it. Mirrors facemend/photo/grain.py. */

import { LUMA } from './colors.js';
import { boxBlur, filter } from './filters.js';
import { extent } from './framing.js';
import { dominantAxes, dot, orthonormal } from './linear.js';
import { quickNormals, quickRandom } from './quick-random.js';
import { cut, picture, toByte } from './resample.js';
import { interpolated, quantile, sum } from './statistics.js';

const BLOCK = 8;
const BAND = 64 * BLOCK;
const LEAST_MARGIN = 128;
const LEVELS = 32;
const LEAST_BLOCKS = 40;
const FEW_BLOCKS = 10;
const MOST_BLOCKS = 4096;
const [QUANTILE, NORMAL_QUANTILE] = [0.05, -1.6449];
const SMOOTH = 2;
const LEAST_SMOOTH = 0.2;
const [DARKEST, BRIGHTEST] = [8, 232];
const STEEPEST = 2;
const LEAST_VARIANCE = 0.5;
const FINE = Float32Array.of(1, -2, 1, -2, 4, -2, 1, -2, 1);
const LEAST_FINENESS = 0.1;
const LEAST_FREEDOM = 14;
const ROUNDING = 1 / 12;
const ROUNDING_ENERGY = ROUNDING * 36;
const LEAST_PART = 0.02;
const STEPS = 12;
const PIXELS = BLOCK * BLOCK;

/** The surfaces of second order over a block, orthonormal: light and shade, which are no noise. */
const SURFACES = orthonormal(
  [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]].map(([p, q]) =>
    Float64Array.from({ length: PIXELS }, (_, i) => ((i % BLOCK) / BLOCK) ** p * (Math.floor(i / BLOCK) / BLOCK) ** q),
  ),
);
const FREEDOM = PIXELS - SURFACES.length;

/** Give a fill as much noise as its surroundings have, of the same colour and coarseness; `textured` places are not measured. */
export function matchGrain(filled, photo, hole, textured) {
  const { left, top, right, bottom } = extent(hole);
  const margin = Math.max(LEAST_MARGIN, Math.max(bottom - top, right - left) >> 1);
  const around = {
    left: Math.max(0, left - margin), top: Math.max(0, top - margin),
    right: Math.min(photo.width, right + margin), bottom: Math.min(photo.height, bottom + margin),
  };
  const leftOut = { ...hole, data: hole.data.map((value, i) => value | textured[i]), channels: 1 };
  const grain = measure(cut(photo, around), cut(leftOut, around));
  if (!grain) return filled;
  const result = { ...filled, data: filled.data.slice() };
  const random = quickRandom(0);
  for (let start = top; start < bottom; start += BAND) {
    const region = { left, top: start, right, bottom: Math.min(start + BAND, bottom) };
    const band = cut(filled, region);
    const noise = synthesize(band.width, band.height, grain.parts, random);
    const missing = whatIsMissing(band, grain);
    for (let i = 0; i < missing.length; i++) {
      const at = (start + Math.floor(i / band.width)) * photo.width + left + (i % band.width);
      if (!hole.data[at]) continue;
      for (let c = 0; c < 3; c++) result.data[3 * at + c] = toByte(band.data[3 * i + c] + missing[i] * noise.data[3 * i + c]);
    }
  }
  return result;
}

function luminance(data, i) {
  return LUMA[0] * data[3 * i] + LUMA[1] * data[3 * i + 1] + LUMA[2] * data[3 * i + 2];
}

/** Measure the noise of what is known; null where there is none to speak of, or too little is known to tell. */
function measure(photo, hole) {
  const blocks = knownBlocks(photo, hole);
  const bins = Array.from({ length: 256 / LEVELS }, (_, level) => blocks.filter(({ mean }) => Math.floor(mean / LEVELS) === level));
  const levels = bins.flatMap((bin, level) => (bin.length >= FEW_BLOCKS ? [level] : []));
  const limited = withoutTexture(levels.map((level) => quantile(bins[level].map(({ variance }) => variance), QUANTILE)));
  const floors = new Map(levels.map((level, i) => [level, limited[i]]).filter(([level]) => bins[level].length >= LEAST_BLOCKS));
  const [shown, lowest] = [[...floors.keys()], [...floors.values()]];
  const floorOf = ({ mean }) => floors.get(Math.floor(mean / LEVELS)) ?? 0;
  const noisy = blocks.filter((block) => floorOf(block) >= LEAST_VARIANCE);
  let smooth = noisy.filter((block) => block.variance <= SMOOTH * floorOf(block));
  if (smooth.length <= LEAST_SMOOTH * noisy.length) return null;
  const step = Math.ceil(smooth.length / MOST_BLOCKS);
  smooth = smooth.filter((_, i) => i % step === 0);
  const noise = smooth.map((block) => roughOf(photo, block, Math.sqrt(floorOf(block))));
  const freedom = degreesOfFreedom(spectrum(noise.map((colors) => mixed(colors, LUMA))));
  if (freedom < LEAST_FREEDOM) return null; // a regular pattern, not noise
  const parts = independentParts(noise);
  const share = quantileOfMeanSquare(freedom);
  const variances = lowest.map((value) => (value / share < LEAST_VARIANCE ? 0 : value / share));
  const brightness = shown.map((level) => bins[level].reduce((sum, { mean }) => sum + mean, 0) / bins[level].length);
  const fineness = finenessOf(parts) - ROUNDING_ENERGY / Math.max(...variances);
  return fineness < LEAST_FINENESS ? null : { brightness, variances, fineness, parts };
}

/** The whole blocks of which all is known, neither too dark nor too bright: their place, mean, and unexplained variance. */
function knownBlocks(photo, hole) {
  const found = [];
  const values = new Float64Array(PIXELS);
  for (let y = 0; y + BLOCK <= photo.height; y += BLOCK) {
    for (let x = 0; x + BLOCK <= photo.width; x += BLOCK) {
      let isKnown = true;
      for (let i = 0; i < PIXELS && isKnown; i++) {
        const at = (y + (i >> 3)) * photo.width + x + (i & 7);
        isKnown = !hole.data[at];
        values[i] = luminance(photo.data, at) - 128;
      }
      if (!isKnown) continue;
      const mean = sum(values) / PIXELS + 128;
      if (mean <= DARKEST || mean >= BRIGHTEST) continue;
      let rest = dot(values, values);
      for (const surface of SURFACES) rest -= dot(surface, values) ** 2;
      found.push({ x, y, mean, variance: Math.max(rest, 0) / FREEDOM });
    }
  }
  return found;
}

/** Cut off what rises too steeply from one brightness to the next: hair, say, or a wall that is all of a photo's dark part. */
function withoutTexture(lowest) {
  const limited = lowest.map((value) => Math.max(value, ROUNDING));
  for (let i = 1; i < limited.length; i++) limited[i] = Math.min(limited[i], STEEPEST * limited[i - 1]);
  for (let i = limited.length - 2; i >= 0; i--) limited[i] = Math.min(limited[i], STEEPEST * limited[i + 1]);
  return limited;
}

/** The three colours of a block, smooth surfaces taken away, for a strength of 1. */
function roughOf(photo, { x, y }, strength) {
  return [0, 1, 2].map((c) => {
    const values = Float64Array.from({ length: PIXELS }, (_, i) => photo.data[3 * ((y + (i >> 3)) * photo.width + x + (i & 7)) + c]);
    return rough(values).map((value) => value / strength);
  });
}

function rough(values) {
  const rest = values.slice();
  for (const surface of SURFACES) {
    const share = dot(surface, values);
    for (let i = 0; i < rest.length; i++) rest[i] -= share * surface[i];
  }
  return rest;
}

function mixed(colors, weights) {
  return colors[0].map((_, i) => weights[0] * colors[0][i] + weights[1] * colors[1][i] + weights[2] * colors[2][i]);
}

/** Kernels and colours that turn white noise into the like of these blocks: [{kernel, color}]. */
function independentParts(noise) {
  const covariance = [0, 1, 2].map((a) => [0, 1, 2].map((b) => noise.reduce((sum, colors) => sum + dot(colors[a], colors[b]), 0)));
  const axes = dominantAxes(covariance);
  const shown = axes.filter(({ value }) => value > LEAST_PART * axes[0].value);
  const colors = shown.map(({ value, axis }) => axis.map((share) => share * Math.sqrt(value)));
  const brightness = Math.sqrt(colors.reduce((sum, color) => sum + dot(color, LUMA) ** 2, 0));
  return shown.map(({ axis }, i) => ({
    kernel: findKernel(spectrum(noise.map((block) => mixed(block, axis)))),
    color: colors[i].map((share) => share / brightness),
  }));
}

const waves = (length) => [Math.cos, Math.sin].map((wave) => Float64Array.from({ length }, (_, i) => wave((2 * Math.PI * i) / length)));
const [COS, SIN] = waves(BLOCK);
const [FINE_COS, FINE_SIN] = waves(2 * BLOCK);

/** Mean power [B, B] of blocks at each frequency. */
function spectrum(blocks) {
  const power = new Float64Array(PIXELS);
  const [re, im] = [new Float64Array(PIXELS), new Float64Array(PIXELS)];
  for (const block of blocks) {
    for (let y = 0; y < BLOCK; y++) {
      for (let v = 0; v < BLOCK; v++) {
        let [a, b] = [0, 0];
        for (let x = 0; x < BLOCK; x++) {
          a += block[y * BLOCK + x] * COS[(x * v) & 7];
          b -= block[y * BLOCK + x] * SIN[(x * v) & 7];
        }
        re[y * BLOCK + v] = a;
        im[y * BLOCK + v] = b;
      }
    }
    for (let u = 0; u < BLOCK; u++) {
      for (let v = 0; v < BLOCK; v++) {
        let [a, b] = [0, 0];
        for (let y = 0; y < BLOCK; y++) {
          const [cos, sin] = [COS[(y * u) & 7], SIN[(y * u) & 7]];
          a += re[y * BLOCK + v] * cos + im[y * BLOCK + v] * sin;
          b += im[y * BLOCK + v] * cos - re[y * BLOCK + v] * sin;
        }
        power[u * BLOCK + v] += (a * a + b * b) / blocks.length;
      }
    }
  }
  return power;
}

/** How many independent values noise of this spectrum has in a block: the coarser it is, the fewer (Satterthwaite 1946). */
function degreesOfFreedom(power) {
  return sum(power) ** 2 / dot(power, power);
}

/** What share of its mean the chosen quantile of a block's variance is, by chance alone (Wilson and Hilferty 1931). */
function quantileOfMeanSquare(freedom) {
  return (1 - 2 / (9 * freedom) + NORMAL_QUANTILE * Math.sqrt(2 / (9 * freedom))) ** 3;
}

/** Find, step by step, a kernel that gives white noise, measured like the photo's, this spectrum and variance 1. */
function findKernel(wanted) {
  const total = sum(wanted);
  const power = new Float64Array(PIXELS).fill(1);
  let kernel = Float64Array.of(1);
  for (let step = 0; step < STEPS; step++) {
    const shown = measured(kernel);
    const totalShown = sum(shown);
    for (let i = 0; i < PIXELS; i++) power[i] *= Math.min(5, Math.max(0.2, wanted[i] / total / Math.max(shown[i] / totalShown, 1e-6)));
    power[0] = (power[1] + power[BLOCK]) / 2; // the mean of a block says nothing of its noise
    kernel = kernelOf(power);
  }
  const variance = sum(measured(kernel)) / PIXELS / FREEDOM;
  return Float32Array.from(kernel, (weight) => weight / Math.sqrt(variance));
}

/** The `spectrum` that blocks of white noise, filtered by this kernel, have on average once they are `rough`. */
function measured(kernel) {
  const power = finePower(kernel, Math.sqrt(kernel.length));
  return measuring().map((passed) => dot(passed, power));
}

let shares = null; // what `measuring` gives, once it was asked for

/**
 * What each frequency of a block, measured, owes to each frequency of noise, of which there are twice as many a side.
 *
 * Measuring cuts blocks out and takes smooth surfaces away: a wave of the block, with those taken away from it, is what
 * noise is multiplied by, so its transform says how much of every frequency passes.
 */
function measuring() {
  shares ??= Array.from({ length: PIXELS }, (_, f) => {
    const phase = (i) => ((f >> 3) * (i >> 3) + (f & 7) * (i & 7)) & 7;
    const [re, im] = [COS, SIN].map((wave) => rough(Float64Array.from({ length: PIXELS }, (_, i) => wave[phase(i)])));
    const [ofRe, ofIm] = [finePower(re, BLOCK), finePower(im, BLOCK)]; // what else there is cancels out where noise is real
    return ofRe.map((value, i) => (value + ofIm[i]) / (4 * PIXELS));
  });
  return shares;
}

/** Power at each of 2 B x 2 B frequencies of a square of values, with nothing round it. */
function finePower(values, side) {
  const power = new Float64Array(4 * PIXELS);
  for (let u = 0, at = 0; u < 2 * BLOCK; u++) {
    for (let v = 0; v < 2 * BLOCK; v++, at++) {
      let [re, im] = [0, 0];
      for (let y = 0, i = 0; y < side; y++) {
        for (let x = 0; x < side; x++, i++) {
          const phase = (u * y + v * x) & 15;
          re += values[i] * FINE_COS[phase];
          im += values[i] * FINE_SIN[phase];
        }
      }
      power[at] = re * re + im * im;
    }
  }
  return power;
}

/** The mean `fineEnergy` of such noise: of filtered white noise, that of the filter. */
function finenessOf(parts) {
  const side = BLOCK + 3; // nothing round the kernel, as far as the filter looks
  let energy = 0;
  for (const { kernel, color } of parts) {
    const data = new Float32Array(side * side);
    for (let y = 0; y < BLOCK - 1; y++) data.set(kernel.subarray(y * (BLOCK - 1), (y + 1) * (BLOCK - 1)), (y + 2) * side + 2);
    const fine = filter({ data, width: side, height: side }, FINE).data;
    energy += dot(fine, fine) * dot(color, LUMA) ** 2;
  }
  return energy;
}

/** The kernel, [7, 7], whose spectrum is this power: its inverse Fourier transform about the middle. */
function kernelOf(power) {
  const kernel = new Float64Array((BLOCK - 1) ** 2);
  for (let y = 0; y < BLOCK - 1; y++) {
    for (let x = 0; x < BLOCK - 1; x++) {
      let sum = 0;
      for (let u = 0; u < BLOCK; u++) for (let v = 0; v < BLOCK; v++) sum += Math.sqrt(power[u * BLOCK + v]) * COS[(u * (y - 3) + v * (x - 3)) & 7];
      kernel[y * (BLOCK - 1) + x] = sum / PIXELS;
    }
  }
  return kernel;
}

/** Noise [h, w, 3] whose luminance has variance 1. */
function synthesize(width, height, parts, random) {
  const noise = picture(width, height, 3, Float32Array);
  for (const { kernel, color } of parts) {
    const grains = filter({ data: quickNormals(width * height, random), width, height }, kernel).data;
    for (let i = 0; i < grains.length; i++) for (let c = 0; c < 3; c++) noise.data[3 * i + c] += grains[i] * color[c];
  }
  return noise;
}

/** The luminance filtered by what no shading and no straight edge passes, squared (Immerkaer 1996, section 2). */
function fineEnergy({ data, width, height }) {
  const plane = Float32Array.from({ length: width * height }, (_, i) => luminance(data, i));
  return filter({ data: plane, width, height }, FINE).data.map((value) => value * value);
}

/** What standard deviation the noise still lacks in each pixel. */
function whatIsMissing(filled, { brightness, variances, fineness }) {
  const { width, height } = filled;
  const light = boxBlur({ ...filled, data: Float32Array.from(filled.data) }, BLOCK).data;
  const present = boxBlur({ data: fineEnergy(filled), width, height, channels: 1 }, BLOCK).data;
  return present.map((energy, i) => Math.sqrt(Math.max(0, interpolated(luminance(light, i), brightness, variances) - Math.max(energy - ROUNDING_ENERGY, 0) / fineness)));
}
