/** Takes in the photo that a person picked. */

import { kindOf } from '../kinds.js';
import { closePhoto, decodePhoto, withLevels } from '../picture.js';
import { Complaint } from './jobs.js';

/** Decode a photo within the limits. Resolves to `{name, file, kind, width, height, levels}`. */
export async function openPhoto(picked, { max_bytes, max_pixels }, api, signal) {
  if (picked.size > max_bytes) throw new Complaint('error.bytes', { limit: Math.round(max_bytes / 1e6) });
  const file = await copied(picked);
  const bitmap = await decodePhoto(file, (unread) => api.preview(unread, signal));
  if (bitmap.width * bitmap.height > max_pixels) {
    bitmap.close();
    throw new Complaint('error.pixels', { limit: Math.round(max_pixels / 1e6) });
  }
  const photo = await withLevels(bitmap);
  if (signal.aborted) closePhoto(photo);
  return { ...photo, file, kind: await kindOf(file), name: file.name };
}

/** A copy of a file in memory: no browser sends a file that was touched on the disk since it was picked. */
async function copied(file) {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Complaint('error.unreadable');
  });
  return new File([bytes], file.name || 'photo.png', { type: file.type });
}
