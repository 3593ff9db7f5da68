/** Decodes photos as they are to be seen, turned by their EXIF orientation. */

import { takeOrientation } from './browser/metadata.js';
import { kindOf } from './kinds.js';
import { AS_STORED, rgbaOf } from './pixels.js';

const [TO_THE_LEFT, UPWARDS] = [[2, 3, 7, 8], [3, 4, 6, 7]]; // orientations in which columns, rows are stored from the end on

/** Decode a photo. A WebP file is turned here, for not every browser does; none is told of its orientation, so that none turns it too. */
export async function decodeUpright(file) {
  if ((await kindOf(file)) !== 'webp') return createImageBitmap(file, AS_STORED);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const orientation = takeOrientation(bytes);
  const bitmap = await createImageBitmap(new Blob([bytes]), AS_STORED);
  return orientation > 1 && orientation <= 8 ? createImageBitmap(turned(bitmap, orientation), AS_STORED) : bitmap;
}

function turned(bitmap, orientation) {
  const { width, height } = bitmap;
  const stored = new Uint32Array(rgbaOf(bitmap).buffer);
  bitmap.close();
  const isAcross = orientation > 4;
  const image = isAcross ? new ImageData(height, width) : new ImageData(width, height);
  const upright = new Uint32Array(image.data.buffer);
  for (let y = 0, to = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++, to++) {
      const [column, row] = isAcross ? [y, x] : [x, y];
      const from = TO_THE_LEFT.includes(orientation) ? width - 1 - column : column;
      upright[to] = stored[(UPWARDS.includes(orientation) ? height - 1 - row : row) * width + from];
    }
  }
  return image;
}
