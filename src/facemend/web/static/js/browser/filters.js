/** Means, sums and medians over a neighbourhood: cv2.blur, cv2.filter2D, cv2.medianBlur. */

import { picture } from './resample.js';

/** cv2.blur with its default border, for a picture of floats: the mean of (2 r + 1) x (2 r + 1) pixels. */
export function boxBlur(image, radius) {
  const across = boxAlong(image, radius, image.width, image.height, image.channels, image.width * image.channels);
  return boxAlong(across, radius, image.height, image.width, image.width * image.channels, image.channels);
}

/** Mean along lines of `length` pixels, `step` apart; lines begin `stride` apart. */
function boxAlong(image, radius, length, lines, step, stride) {
  const { channels, data } = image;
  const result = picture(image.width, image.height, channels, Float32Array);
  const at = (i) => reflect101(i, length);
  for (let line = 0; line < lines; line++) {
    for (let c = 0; c < channels; c++) {
      const start = line * stride + c;
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += data[start + at(i) * step];
      for (let i = 0; i < length; i++) {
        result.data[start + i * step] = sum / (2 * radius + 1);
        const gone = i - radius;
        const come = i + radius + 1;
        sum += data[start + (come < length ? come : at(come)) * step] - data[start + (gone >= 0 ? gone : at(gone)) * step];
      }
    }
  }
  return result;
}

/** Which pixel of a line stands for one beyond its ends, mirrored about the last (cv2's BORDER_REFLECT_101). */
export function reflect101(i, length) {
  if (length === 1) return 0; // which mirrors nothing
  for (;;) {
    if (i < 0) i = -i;
    else if (i >= length) i = 2 * length - 2 - i;
    else return i;
  }
}

/** cv2.filter2D of a plane {data, width, height} with a square kernel of odd side, and BORDER_REFLECT. */
export function filter({ data, width, height }, kernel) {
  const side = Math.sqrt(kernel.length);
  const reach = (side - 1) / 2;
  const reflect = (i, length) => (i < 0 ? Math.min(-i - 1, length - 1) : i >= length ? Math.max(2 * length - 1 - i, 0) : i);
  const columns = Int32Array.from({ length: width + 2 * reach }, (_, i) => reflect(i - reach, width));
  const result = new Float32Array(data.length);
  const [line, sums] = [new Float64Array(columns.length), new Float64Array(width)];
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let j = 0; j < side; j++) {
      const start = reflect(y + j - reach, height) * width;
      for (let i = 0; i < line.length; i++) line[i] = data[start + columns[i]];
      for (let k = 0; k < side; k++) {
        const weight = kernel[j * side + k];
        for (let x = 0; x < width; x++) sums[x] += weight * line[x + k];
      }
    }
    result.set(sums, y * width);
  }
  return { data: result, width, height };
}

/** cv2.GaussianBlur of a plane of floats {data, width, height}, with a kernel as wide as it takes for them, and its default border. */
export function gaussianBlur({ data, width, height }, sigma) {
  const side = Math.round(8 * sigma + 1) | 1;
  const weights = Array.from({ length: side }, (_, i) => Math.exp(-((i - (side - 1) / 2) ** 2) / (2 * sigma * sigma)));
  const total = weights.reduce((a, b) => a + b);
  const kernel = weights.map((weight) => weight / total);
  const across = filterAlong(data, kernel, width, height, 1, width);
  return { data: filterAlong(across, kernel, height, width, width, 1), width, height };
}

/** Filter lines of `length` values, `step` apart; lines begin `stride` apart. */
function filterAlong(data, kernel, length, lines, step, stride) {
  const result = new Float32Array(data.length);
  const reach = (kernel.length - 1) / 2;
  const places = Int32Array.from({ length: length + 2 * reach }, (_, i) => reflect101(i - reach, length) * step);
  const values = new Float64Array(places.length); // of a line and what it mirrors
  for (let line = 0; line < lines; line++) {
    const start = line * stride;
    for (let i = 0; i < values.length; i++) values[i] = data[start + places[i]];
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k] * values[i + k];
      result[start + i * step] = sum;
    }
  }
  return result;
}

/** cv2.medianBlur of bytes {data, width, height}, its edge going on: a histogram moves along each row (Huang 1979). */
export function median({ data, width, height }, side) {
  const reach = (side - 1) / 2;
  const half = (side * side) >> 1;
  const result = new Uint8Array(data.length);
  const column = (x) => Math.min(width - 1, Math.max(0, x));
  for (let y = 0; y < height; y++) {
    const rows = Array.from({ length: side }, (_, j) => Math.min(height - 1, Math.max(0, y + j - reach)) * width);
    const counts = new Int32Array(256);
    for (const row of rows) for (let k = -reach; k <= reach; k++) counts[data[row + column(k)]]++;
    let [middle, below] = [0, 0]; // below: how many are less than `middle`
    for (let x = 0; x < width; x++) {
      while (below > half) below -= counts[--middle];
      while (below + counts[middle] <= half) below += counts[middle++];
      result[y * width + x] = middle;
      for (const row of rows) {
        const [gone, come] = [data[row + column(x - reach)], data[row + column(x + reach + 1)]];
        counts[gone]--;
        counts[come]++;
        below += (come < middle) - (gone < middle);
      }
    }
  }
  return { data: result, width, height };
}
