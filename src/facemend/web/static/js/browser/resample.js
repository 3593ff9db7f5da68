/**
 * Pictures brought to other sizes and places, as OpenCV does it: cv2.resize and cv2.warpAffine.
 * A picture is {data, width, height, channels}, its rows one after the other; data is a Uint8Array or a Float32Array.
 * An affine map is [a, b, c, d, e, f]: x' = a x + b y + c, y' = d x + e y + f.
 */

const STEPS = 32; // places between two pixels that cv2.warpAffine tells apart
const CUBIC = Float32Array.from({ length: 4 * STEPS }, (_, i) => cubicWeight((i & 3) - 1 - (i >> 2) / STEPS));

function cubicWeight(distance) {
  const x = Math.abs(distance);
  if (x <= 1) return (1.25 * x - 2.25) * x * x + 1; // Keys 1981 with a = -0.75
  return ((-0.75 * x + 3.75) * x - 6) * x + 3;
}

export function picture(width, height, channels, Kind = Uint8Array) {
  return { data: new Kind(width * height * channels), width, height, channels };
}

/** Half-way cases go to the even neighbour, as in Python and OpenCV. */
export function roundEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded & 1 ? rounded - 1 : rounded;
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
 * cv2.warpAffine with INTER_CUBIC and WARP_INVERSE_MAP.
 * @param source where in the image a pixel of the result comes from
 * @param replicate whether the image's edge goes on beyond it; else all is 0 there
 */
export function warpCubic(image, source, width, height, replicate) {
  const { data, channels } = image;
  const isBytes = data instanceof Uint8Array;
  const result = picture(width, height, channels, data.constructor);
  const sums = new Float64Array(channels);
  eachPlace(source, width, height, 16, (i, px, py) => {
    const x0 = (px >> 10) - 1;
    const y0 = (py >> 10) - 1;
    const fx = 4 * ((px >> 5) & 31);
    const fy = 4 * ((py >> 5) & 31);
    sums.fill(0);
    for (let j = 0; j < 4; j++) {
      let y = y0 + j;
      if (y < 0 || y >= image.height) {
        if (!replicate) continue;
        y = y < 0 ? 0 : image.height - 1;
      }
      for (let k = 0; k < 4; k++) {
        let x = x0 + k;
        if (x < 0 || x >= image.width) {
          if (!replicate) continue;
          x = x < 0 ? 0 : image.width - 1;
        }
        const weight = CUBIC[fy + j] * CUBIC[fx + k];
        const from = (y * image.width + x) * channels;
        for (let c = 0; c < channels; c++) sums[c] += weight * data[from + c];
      }
    }
    for (let c = 0; c < channels; c++) result.data[i * channels + c] = isBytes ? Math.min(255, Math.max(0, roundEven(sums[c]))) : sums[c];
  });
  return result;
}

/** cv2.warpAffine with INTER_NEAREST and WARP_INVERSE_MAP; arguments as for `warpCubic`. */
export function warpNearest(image, source, width, height, replicate) {
  const { data, channels } = image;
  const result = picture(width, height, channels, data.constructor);
  eachPlace(source, width, height, 512, (i, px, py) => {
    let x = px >> 10;
    let y = py >> 10;
    if (x < 0 || y < 0 || x >= image.width || y >= image.height) {
      if (!replicate) return;
      x = Math.min(Math.max(x, 0), image.width - 1);
      y = Math.min(Math.max(y, 0), image.height - 1);
    }
    const from = (y * image.width + x) * channels;
    for (let c = 0; c < channels; c++) result.data[i * channels + c] = data[from + c];
  });
  return result;
}

/** Go through the result's pixels; their places in the source are told in 1024ths of a pixel, as OpenCV counts them. */
function eachPlace([a, b, c, d, e, f], width, height, half, visit) {
  const [ax, dx] = [new Int32Array(width), new Int32Array(width)];
  for (let x = 0; x < width; x++) {
    ax[x] = roundEven(a * x * 1024);
    dx[x] = roundEven(d * x * 1024);
  }
  for (let y = 0, i = 0; y < height; y++) {
    const px = roundEven((b * y + c) * 1024) + half;
    const py = roundEven((e * y + f) * 1024) + half;
    for (let x = 0; x < width; x++, i++) visit(i, px + ax[x], py + dx[x]);
  }
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
