/** What the stage shows: the photo with smaller copies of itself, and the patches on top of it. */

import { AS_STORED } from './pixels.js';
import { decodeUpright } from './upright.js';

/** Decode a photo; what the browser cannot read, the server shows. Turned upright by its EXIF orientation either way. */
export function decodePhoto(file, preview) {
  return decodeUpright(file).catch(async () => createImageBitmap(await preview(file), AS_STORED));
}

/** A decoded photo with copies of itself, each half as large as the one before. */
export async function withLevels(bitmap) {
  const levels = [bitmap];
  for (let last = bitmap; Math.max(last.width, last.height) > 1024; last = levels.at(-1)) {
    const size = { resizeWidth: (last.width + 1) >> 1, resizeHeight: (last.height + 1) >> 1, resizeQuality: 'medium' };
    levels.push(await createImageBitmap(last, size));
  }
  return { width: bitmap.width, height: bitmap.height, levels };
}

export function closePhoto(photo) {
  for (const bitmap of photo.levels) bitmap.close();
}

/** Bitmaps of patches, decoded when first seen; in memory stay those on the stage, and the last few of the others. */
export class PatchBitmaps {
  #kept = new Map();

  /** @param capacity how many pixels are kept beside the stage: four bytes each */
  constructor(capacity = 24e6) {
    this.capacity = capacity;
  }

  /** The bitmap, or null while it is being decoded; `onReady` is called when it is there. */
  get(patch, onReady) {
    const entry = this.#kept.get(patch);
    if (!entry?.bitmap) {
      this.load(patch).then(onReady, () => {});
      return null;
    }
    this.#kept.delete(patch); // the map's order is that of use
    this.#kept.set(patch, entry);
    return entry.bitmap;
  }

  load(patch) {
    const entry = this.#kept.get(patch) ?? { bitmap: null };
    this.#kept.set(patch, entry);
    entry.loading ??= createImageBitmap(patch.blob, AS_STORED).then((bitmap) => (entry.bitmap = bitmap));
    return entry.loading;
  }

  /** Close what has not been seen for long, none of it in `onStage`, which is drawn again and again, however much it is. */
  keep(onStage) {
    let pixels = 0;
    for (const [patch, { bitmap }] of [...this.#kept].reverse()) {
      if (!bitmap || onStage.has(patch)) continue;
      pixels += bitmap.width * bitmap.height;
      if (pixels > this.capacity) this.#drop(patch);
    }
  }

  clear() {
    for (const patch of [...this.#kept.keys()]) this.#drop(patch);
  }

  #drop(patch) {
    this.#kept.get(patch).bitmap?.close();
    this.#kept.delete(patch);
  }
}

/** Draw what of a picture lies within the canvas, at `view` in the canvas's own pixels. */
export function drawPicture(context, photo, bitmaps, view) {
  const { width, height } = context.canvas;
  const level = Math.min(photo.levels.length - 1, Math.max(0, Math.floor(Math.log2(1 / view.scale))));
  context.imageSmoothingEnabled = view.scale < 4; // pixels seen one by one should look like pixels
  context.imageSmoothingQuality = 'low'; // enough for at most a halving, and much faster than better ones
  drawPart(context, photo.levels[level], { left: 0, top: 0, width: photo.width, height: photo.height }, view, width, height);
  context.imageSmoothingQuality = 'medium';
  for (const { bitmap, patch } of bitmaps) drawPart(context, bitmap, patch, view, width, height);
}

function drawPart(context, bitmap, place, view, width, height) {
  const left = Math.max(place.left, -view.left / view.scale);
  const top = Math.max(place.top, -view.top / view.scale);
  const right = Math.min(place.left + place.width, (width - view.left) / view.scale);
  const bottom = Math.min(place.top + place.height, (height - view.top) / view.scale);
  if (right <= left || bottom <= top) return;
  const fx = bitmap.width / place.width;
  const fy = bitmap.height / place.height;
  context.drawImage(
    bitmap,
    (left - place.left) * fx, (top - place.top) * fy, (right - left) * fx, (bottom - top) * fy,
    left * view.scale + view.left, top * view.scale + view.top, (right - left) * view.scale, (bottom - top) * view.scale,
  );
}

/** A small canvas that shows `region` of a picture. */
export function thumbnail(photo, bitmaps, region, size) {
  const canvas = document.createElement('canvas');
  const scale = size / Math.max(region.right - region.left, region.bottom - region.top);
  canvas.width = Math.max(1, Math.round((region.right - region.left) * scale));
  canvas.height = Math.max(1, Math.round((region.bottom - region.top) * scale));
  drawPicture(canvas.getContext('2d'), photo, bitmaps, { scale, left: -region.left * scale, top: -region.top * scale });
  return canvas;
}
