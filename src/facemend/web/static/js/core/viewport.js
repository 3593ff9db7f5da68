/** Where the photo lies on the screen, as plain numbers: a photo pixel (x, y) is seen at (x * scale + left, y * scale + top). */

const MAX_SCALE = 32;
const MARGIN = 24;
const GAP = 12;

/** The whole photo in sight, clear of what floats over the stage from `bottom` on. */
export function fit(photo, stage, bottom) {
  const margin = Math.min(MARGIN, stage.width / 24);
  const height = bottom - GAP - margin;
  const scale = Math.max(1e-3, Math.min((stage.width - 2 * margin) / photo.width, height / photo.height));
  return { scale, left: (stage.width - photo.width * scale) / 2, top: margin + (height - photo.height * scale) / 2 };
}

/** Zoom by a factor about a point of the screen, which keeps its place. */
export function zoomAt(view, factor, x, y, smallest) {
  const scale = Math.min(MAX_SCALE, Math.max(smallest, view.scale * factor));
  const change = scale / view.scale;
  return { scale, left: x - (x - view.left) * change, top: y - (y - view.top) * change };
}

/** Move by screen pixels, but keep a part of the photo in sight. */
export function pan(view, dx, dy, photo, stage) {
  const keep = 64;
  const within = (value, size, room) => Math.min(room - keep, Math.max(keep - size, value));
  return {
    scale: view.scale,
    left: within(view.left + dx, photo.width * view.scale, stage.width),
    top: within(view.top + dy, photo.height * view.scale, stage.height),
  };
}

export function toPhoto(view, x, y) {
  return [(x - view.left) / view.scale, (y - view.top) / view.scale];
}

export function toScreen(view, x, y) {
  return [x * view.scale + view.left, y * view.scale + view.top];
}
