/** Picture files to bytes and back, for the pipeline. Mirrors facemend/web/pictures.py as far as a browser can. */

import { encodePng } from '../core/png.js';
import { kindOf } from '../kinds.js';
import { AS_STORED, MAX_ASPECT, MIN_SIDE, rgbaOf } from '../pixels.js';
import { decodeUpright } from '../upright.js';
import { readCoding } from './coding.js';
import { copyMetadata } from './metadata.js';
import { Problem } from './problem.js';
import { picture } from './resample.js';

const LOSSY_QUALITY = 0.95;

/** Decode a photo, turned upright, with its patches on it: {rgba, width, height, coding}. */
export async function readPhoto({ file, patches }) {
  const bitmap = await decodeUpright(file).catch(() => {
    throw new Problem('photo', 'this browser cannot read that picture: save it as PNG or JPEG first');
  });
  const { width, height } = bitmap;
  const size = `${width}x${height} pixels`;
  if (Math.min(width, height) < MIN_SIDE) throw new Problem('photo', `${size} are too few to show a face: each side needs ${MIN_SIDE} or more`);
  if (Math.max(width, height) > MAX_ASPECT * Math.min(width, height)) throw new Problem('photo', `${size} are longer than ${MAX_ASPECT}:1: crop it to the face first`);
  const rgba = rgbaOf(bitmap);
  bitmap.close();
  for (const { blob, left, top } of patches) paste(rgba, width, await createImageBitmap(blob, AS_STORED), left, top);
  return { rgba, width, height, coding: isOpaque(rgba) ? await readCoding(file) : null };
}

/** What a patch shows at alpha 128 and above replaces the photo's pixels. */
function paste(rgba, stride, patch, left, top) {
  const { width, height } = patch;
  const bytes = rgbaOf(patch);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 4 * (y * width + x);
      if (bytes[from + 3] < 128) continue;
      const to = 4 * ((top + y) * stride + left + x);
      for (let c = 0; c < 3; c++) rgba[to + c] = bytes[from + c];
      rgba[to + 3] = 255;
    }
  }
}

export function toRgb({ rgba, width, height }) {
  const rgb = picture(width, height, 3);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) rgb.data[3 * i + c] = rgba[4 * i + c];
  return rgb;
}

/** Cut out what was repainted: a PNG, transparent outside the hole, and its place. */
export async function cutPatch(painted, hole, { left, top, right, bottom }) {
  const image = new ImageData(right - left, bottom - top);
  for (let y = top, to = 0; y < bottom; y++) {
    for (let x = left; x < right; x++, to += 4) {
      const at = y * hole.width + x;
      if (!hole.data[at]) continue;
      for (let c = 0; c < 3; c++) image.data[to + c] = painted.data[3 * at + c];
      image.data[to + 3] = 255;
    }
  }
  return { blob: await encodePng(image.width, image.height, image.data), left, top, width: image.width, height: image.height };
}

/** Write a photo as a file: `format` png, jpeg or webp; null for the kind of the file it came from, or PNG. */
export async function writePhoto({ rgba, width, height }, file, format) {
  const kind = await kindOf(file);
  const own = ['jpeg', 'webp'].includes(kind) ? kind : 'png';
  const type = `image/${format ?? own}`;
  if (type === 'image/jpeg' && !isOpaque(rgba)) throw new Problem('format', 'JPEG holds no transparency: take PNG or WebP');
  if (type === 'image/png') return copyMetadata(file, await encodePng(width, height, isOpaque(rgba) ? toRgb({ rgba, width, height }).data : rgba));
  const blob = await toFile(new ImageData(rgba, width, height), type, type === 'image/webp' ? 1 : LOSSY_QUALITY);
  if (blob.type !== type) throw new Problem('format', `this browser cannot write ${type}: take PNG`);
  return copyMetadata(file, blob);
}

function isOpaque(rgba) {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] < 255) return false;
  return true;
}

async function toFile(image, type, quality) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d');
  context.fillRect(0, 0, 1, 1);
  const isBlank = context.getImageData(0, 0, 1, 1).data[3] === 0; // as Safari's canvases are from a certain size on
  if (isBlank) throw new Problem('format', `this browser cannot write so large a photo as ${type}: take PNG`);
  context.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type, quality });
}
