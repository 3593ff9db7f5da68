/** Takes in the photo that a person picked. */

import { kindOf } from '../kinds.js';
import { closePhoto, decodePhoto } from '../picture.js';
import { Complaint } from './jobs.js';

/** Decode a photo within the limits. Resolves to `{name, file, kind, width, height, levels}`. */
export async function openPhoto(picked, { max_bytes, max_pixels }, api, signal) {
  if (picked.size > max_bytes) throw new Complaint('error.bytes', { limit: Math.round(max_bytes / 1e6) });
  const file = await copied(picked);
  const photo = await decodePhoto(file, (unread) => api.preview(unread, signal));
  const isTooLarge = photo.width * photo.height > max_pixels;
  if (isTooLarge || signal.aborted) closePhoto(photo);
  if (isTooLarge) throw new Complaint('error.pixels', { limit: Math.round(max_pixels / 1e6) });
  return { ...photo, file, kind: await kindOf(file), name: file.name };
}

/** A copy of a file in memory: no browser sends a file that was touched on the disk since it was picked. */
async function copied(file) {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Complaint('error.unreadable');
  });
  return new File([bytes], file.name || 'photo.png', { type: file.type });
}
