/** Takes in the photo that a person picked. */

import { kindOf } from '../kinds.js';
import { closePhoto, decodePhoto, withLevels } from '../picture.js';
import { MAX_ASPECT, MIN_SIDE } from '../pixels.js';
import { Complaint } from './jobs.js';

/**
 * Decode a photo within the limits. Resolves to `{name, file, kind, width, height, levels}`.
 * @param {(file: File) => Promise} approve rejects if the photo cannot be restored, for a reason that is not seen here
 */
export async function openPhoto(picked, limits, { api, approve, signal }) {
  if (picked.size > limits.max_bytes) throw new Complaint('error.bytes', { limit: Math.round(limits.max_bytes / 1e6) });
  const file = await copied(picked);
  const bitmap = await decodePhoto(file, (unread) => api.preview(unread, signal));
  try {
    checkSize(bitmap, limits);
    await approve(file);
  } catch (error) {
    bitmap.close();
    throw error;
  }
  const photo = await withLevels(bitmap);
  if (signal.aborted) closePhoto(photo);
  return { ...photo, file, kind: await kindOf(file), name: file.name };
}

function checkSize({ width, height }, { max_pixels }) {
  if (width * height > max_pixels) throw new Complaint('error.pixels', { limit: Math.round(max_pixels / 1e6) });
  if (Math.min(width, height) < MIN_SIDE) throw new Complaint('error.small', { least: MIN_SIDE });
  if (Math.max(width, height) > MAX_ASPECT * Math.min(width, height)) throw new Complaint('error.long', { most: MAX_ASPECT });
}

/** A copy of a file in memory: no browser sends a file that was touched on the disk since it was picked. */
async function copied(file) {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Complaint('error.unreadable');
  });
  return new File([bytes], file.name || 'photo.png', { type: file.type });
}
