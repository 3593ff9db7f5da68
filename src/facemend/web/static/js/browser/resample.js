/**
 * Pictures brought to other sizes and places, as OpenCV does it: cv2.resize and cv2.warpAffine.
 * A picture is {data, width, height, channels}, its rows one after the other; data is a Uint8Array or a Float32Array.
 * An affine map is [a, b, c, d, e, f]: x' = a x + b y + c, y' = d x + e y + f.
 */

export function picture(width, height, channels, Kind = Uint8Array) {
  return { data: new Kind(width * height * channels), width, height, channels };
}

/** Plane `k` of square ones, [K, size, size], as a picture that shares their values. */
export function planeOf(planes, k, size) {
  return { data: planes.subarray(k * size * size, (k + 1) * size * size), width: size, height: size, channels: 1 };
}

/** Half-way cases go to the even neighbour, as in Python and OpenCV. */
export function roundEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded & 1 ? rounded - 1 : rounded;
}

/** Rounded to a whole number from 0 to 255, as OpenCV's saturate_cast does. */
export function toByte(value) {
  return Math.min(255, Math.max(0, roundEven(value)));
}

/** Cut a part {left, top, right, bottom} out. */
export function cut(image, { left, top, right, bottom }) {
  const { data, width, channels } = image;
  const part = picture(right - left, bottom - top, channels, data.constructor);
  const row = (right - left) * channels;
  for (let y = top; y < bottom; y++) {
    const start = (y * width + left) * channels;
    part.data.set(data.subarray(start, start + row), (y - top) * row);
  }
  return part;
}

/** cv2.resize with INTER_AREA: the mean of what each new pixel covers; enlarging, a blend of two neighbours. */
export function resizeArea(image, width, height) {
  if (width === image.width && height === image.height) return image;
  const shrinks = width <= image.width && height <= image.height;
  const weights = shrinks ? coverage : areaBlend;
  const halfUp = image.width === 2 * width && image.height === 2 * height; // OpenCV has a way of its own for halves
  return resized(image, weights(image.width, width), weights(image.height, height), width, height, halfUp ? Math.round : roundEven);
}

/** cv2.resize with INTER_LINEAR. */
export function resizeLinear(image, width, height) {
  if (width === image.width && height === image.height) return image;
  return resized(image, linearBlend(image.width, width), linearBlend(image.height, height), width, height, roundEven);
}

/** For each new pixel the old ones that it covers, as [first, weights]. */
function coverage(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [low, high] = [i * scale, Math.min((i + 1) * scale, from)];
    const first = Math.floor(low + 1e-9);
    const last = Math.min(Math.ceil(high - 1e-9), from);
    const weights = [];
    for (let j = first; j < last; j++) weights.push((Math.min(high, j + 1) - Math.max(low, j)) / (high - low));
    return [first, weights];
  });
}

function areaBlend(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const first = Math.floor(i * scale);
    const share = (i + 1) - (first + 1) / scale;
    return blendOf(first, share <= 0 ? 0 : share - Math.floor(share), from);
  });
}

function linearBlend(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const place = (i + 0.5) * scale - 0.5;
    const first = Math.floor(place);
    return blendOf(first, place - first, from);
  });
}

function blendOf(first, share, length) {
  if (first < 0) return [0, [1]];
  if (first >= length - 1) return [length - 1, [1]];
  return [first, [1 - share, share]];
}

function resized(image, columns, rows, width, height, round) {
  const { data, channels } = image;
  const isBytes = data instanceof Uint8Array;
  const result = picture(width, height, channels, data.constructor);
  const narrow = new Float32Array(width * image.height * channels);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      const [first, weights] = columns[x];
      const from = (y * image.width + first) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) sum += weights[i] * data[from + i * channels + c];
        narrow[to + c] = sum;
      }
    }
  }
  const stride = width * channels;
  const sums = new Float64Array(stride);
  for (let y = 0; y < height; y++) {
    const [first, weights] = rows[y];
    sums.fill(0);
    for (let i = 0; i < weights.length; i++) {
      const from = (first + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] += weights[i] * narrow[from + x];
    }
    for (let x = 0; x < stride; x++) result.data[y * stride + x] = isBytes ? round(sums[x]) : sums[x];
  }
  return result;
}

/**
 * cv2.warpAffine with INTER_CUBIC and WARP_INVERSE_MAP, as OpenCV 5 has it: places are not rounded to a 32nd of a pixel.
 * @param source where in the image a pixel of the result comes from
 * @param replicate whether the image's edge goes on beyond it; else all is 0 there
 */
export function warpCubic(image, [a, b, c, d, e, f], width, height, replicate) {
  const { data, channels } = image;
  const isBytes = data instanceof Uint8Array;
  const result = picture(width, height, channels, data.constructor);
  const [across, down] = [new Float64Array(4), new Float64Array(4)];
  const [places, weights] = [new Int32Array(16), new Float64Array(16)]; // of the pixels that one of the result is made of
  for (let v = 0, to = 0; v < height; v++) {
    for (let u = 0; u < width; u++) {
      const x = a * u + b * v + c;
      const y = d * u + e * v + f;
      const x0 = Math.floor(x) - 1;
      const y0 = Math.floor(y) - 1;
      cubicWeights(x - x0 - 1, across);
      cubicWeights(y - y0 - 1, down);
      let count = 0;
      for (let j = 0; j < 4; j++) {
        let row = y0 + j;
        if (row < 0 || row >= image.height) {
          if (!replicate) continue;
          row = row < 0 ? 0 : image.height - 1;
        }
        for (let k = 0; k < 4; k++) {
          let column = x0 + k;
          if (column < 0 || column >= image.width) {
            if (!replicate) continue;
            column = column < 0 ? 0 : image.width - 1;
          }
          places[count] = (row * image.width + column) * channels;
          weights[count++] = down[j] * across[k];
        }
      }
      for (let i = 0; i < channels; i++) {
        let sum = 0;
        for (let n = 0; n < count; n++) sum += weights[n] * data[places[n] + i];
        result.data[to++] = isBytes ? toByte(sum) : sum;
      }
    }
  }
  return result;
}

/** Weights of the four pixels round a place `share` beyond the second (Keys 1981 with a = -0.75). */
function cubicWeights(share, weights) {
  const rest = 1 - share;
  weights[0] = ((-0.75 * (share + 1) + 3.75) * (share + 1) - 6) * (share + 1) + 3;
  weights[1] = (1.25 * share - 2.25) * share * share + 1;
  weights[2] = (1.25 * rest - 2.25) * rest * rest + 1;
  weights[3] = ((-0.75 * (rest + 1) + 3.75) * (rest + 1) - 6) * (rest + 1) + 3;
}

/** cv2.warpAffine with INTER_NEAREST and WARP_INVERSE_MAP; arguments as for `warpCubic`. */
export function warpNearest(image, [a, b, c, d, e, f], width, height, replicate) {
  const { data, channels } = image;
  const result = picture(width, height, channels, data.constructor);
  for (let v = 0, to = 0; v < height; v++) {
    for (let u = 0; u < width; u++, to += channels) {
      let x = roundEven(a * u + b * v + c);
      let y = roundEven(d * u + e * v + f);
      if (x < 0 || y < 0 || x >= image.width || y >= image.height) {
        if (!replicate) continue;
        x = Math.min(Math.max(x, 0), image.width - 1);
        y = Math.min(Math.max(y, 0), image.height - 1);
      }
      const from = (y * image.width + x) * channels;
      for (let i = 0; i < channels; i++) result.data[to + i] = data[from + i];
    }
  }
  return result;
}

/** cv2.invertAffineTransform. */
export function inverted([a, b, c, d, e, f]) {
  const determinant = a * e - b * d;
  const [p, q, r, s] = [e / determinant, -b / determinant, -d / determinant, a / determinant];
  return [p, q, -(p * c + q * f), r, s, -(r * c + s * f)];
}

export function mapped([a, b, c, d, e, f], x, y) {
  return [a * x + b * y + c, d * x + e * y + f];
}
