/** Turns picture files into bytes: masks, class ids, transparency. */

export const AS_STORED = { colorSpaceConversion: 'none' }; // the file's own numbers, as on the server; patches carry no profile
export const MIN_SIDE = 16; // a photo with a shorter side shows no face
export const MAX_ASPECT = 10;
const NOISE = 3; // levels that a browser may add to what is read from a canvas, against fingerprinting; classes' colours are 8 apart

/** The RGBA bytes of a bitmap, read in bands of so many pixels: Safari's canvases are blank beyond 16.8 million. */
export function rgbaOf(bitmap, most = 8e6) {
  const { width, height } = bitmap;
  const rows = Math.min(height, Math.ceil(most / width));
  const context = new OffscreenCanvas(width, rows).getContext('2d', { willReadFrequently: true });
  context.globalCompositeOperation = 'copy'; // nothing of the band before shines through
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let top = 0; top < height; top += rows) {
    context.drawImage(bitmap, 0, -top);
    rgba.set(context.getImageData(0, 0, width, Math.min(rows, height - top)).data, 4 * width * top);
  }
  return rgba;
}

/**
 * Read a mask, a file or its bitmap: bright (128 and up) is 255, dark or transparent is 0. Another size of the same shape is
 * brought to the photo's, every pixel that the hole touches belonging to it.
 * @returns {Promise<Uint8Array | null>} null when the shape differs
 */
export async function readMask(mask, { width, height }) {
  const bitmap = await createImageBitmap(mask, AS_STORED);
  if (Math.abs(bitmap.width * height - bitmap.height * width) > Math.max(width, height, bitmap.width, bitmap.height)) return null;
  const crisp = binary(rgbaOf(bitmap));
  if (bitmap.width === width && bitmap.height === height) return crisp;
  return fitted(crisp, bitmap, { width, height });
}

/** Bring a mask to another size: each new pixel is 255 if one of the old ones that it lies over is. */
function fitted(bytes, from, { width, height }) {
  const spans = (old, length) => Array.from({ length }, (_, i) => [Math.floor((i * old) / length), Math.ceil(((i + 1) * old) / length)]);
  const [columns, rows] = [spans(from.width, width), spans(from.height, height)];
  const result = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let row = rows[y][0]; row < rows[y][1]; row++) {
      for (let x = 0; x < width; x++) {
        for (let at = columns[x][0]; at < columns[x][1]; at++) result[y * width + x] |= bytes[row * from.width + at];
      }
    }
  }
  return result;
}

function binary(rgba) {
  const bytes = new Uint8Array(rgba.length / 4);
  for (let i = 0; i < bytes.length; i++) {
    const brightness = 0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2];
    bytes[i] = (brightness * rgba[4 * i + 3]) / 255 >= 127.5 ? 255 : 0;
  }
  return bytes;
}

/** Where a photo is not wholly opaque, as a mask; null when it is everywhere. */
export function transparentPart(bitmap) {
  const rgba = rgbaOf(bitmap);
  const bytes = new Uint8Array(rgba.length / 4);
  let any = false;
  for (let i = 0; i < bytes.length; i++) {
    if (rgba[4 * i + 3] === 255) continue;
    bytes[i] = 255;
    any = true;
  }
  return any ? bytes : null;
}

/** Read a photo's layout as the server draws it, class by class in the legend's colours, into class ids; other colours are background. */
export async function readLayout(blob, legend, { width, height }) {
  const bitmap = await createImageBitmap(blob, AS_STORED);
  if (bitmap.width !== width || bitmap.height !== height) {
    throw new Error(`the layout is ${bitmap.width}x${bitmap.height} pixels, the photo ${width}x${height}`);
  }
  const rgba = rgbaOf(bitmap);
  const words = new Uint32Array(rgba.buffer);
  const ids = new Map(); // by the colours that there are
  const bytes = new Uint8Array(words.length);
  let [word, id] = [-1, 0];
  for (let i = 0; i < words.length; i++) {
    if (words[i] !== word) {
      word = words[i];
      if (!ids.has(word)) ids.set(word, classOf(word, legend));
      id = ids.get(word);
    }
    bytes[i] = id;
  }
  return bytes;
}

/** The class whose colour a pixel has, but for noise; `word` is its four bytes. */
function classOf(word, legend) {
  const isNear = (value, channel) => Math.abs(value - ((word >>> (8 * channel)) & 255)) <= NOISE;
  return legend.find(({ color }) => [...color, 255].every(isNear))?.id ?? 0;
}

/** Several patches as one, so that a long session stays within what the server takes. */
export async function mergePatches(patches) {
  const left = Math.min(...patches.map((patch) => patch.left));
  const top = Math.min(...patches.map((patch) => patch.top));
  const right = Math.max(...patches.map((patch) => patch.left + patch.width));
  const bottom = Math.max(...patches.map((patch) => patch.top + patch.height));
  const canvas = new OffscreenCanvas(right - left, bottom - top);
  const context = canvas.getContext('2d');
  for (const patch of patches) {
    context.drawImage(await createImageBitmap(patch.blob, AS_STORED), patch.left - left, patch.top - top);
  }
  return { blob: await canvas.convertToBlob(), left, top, width: right - left, height: bottom - top };
}
