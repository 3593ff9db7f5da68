/** Finds the largest face in a layout, and shapes made from its parts. */

import { FACE, membership } from './classes.js';
import { grown } from './shapes.js';

const IN_FACE = membership(FACE);

/** The rectangle of the largest connected face, in photo pixels, or null. Looks at the layer's smallest copy. */
export function mainFace(layout) {
  const step = layout.levels.length - 1;
  const { width, height, data } = layout.levels[step];
  const seen = new Uint8Array(data.length);
  let best = null;
  for (let start = 0; start < data.length; start++) {
    if (seen[start] || !IN_FACE[data[start]]) continue;
    const face = flood(data, width, height, start, seen);
    if (!best || face.area > best.area) best = face;
  }
  if (!best) return null;
  const factor = 2 ** step;
  return {
    left: best.left * factor,
    top: best.top * factor,
    right: Math.min(layout.width, best.right * factor),
    bottom: Math.min(layout.height, best.bottom * factor),
  };
}

function flood(data, width, height, start, seen) {
  const face = { area: 0, left: width, top: height, right: 0, bottom: 0 };
  const waiting = [start];
  seen[start] = 1;
  const visit = (i) => {
    if (seen[i] || !IN_FACE[data[i]]) return;
    seen[i] = 1;
    waiting.push(i);
  };
  while (waiting.length) {
    const i = waiting.pop();
    const x = i % width;
    const y = (i - x) / width;
    face.area++;
    face.left = Math.min(face.left, x);
    face.right = Math.max(face.right, x + 1);
    face.top = Math.min(face.top, y);
    face.bottom = Math.max(face.bottom, y + 1);
    if (x > 0) visit(i - 1);
    if (x + 1 < width) visit(i + 1);
    if (y > 0) visit(i - width);
    if (y + 1 < height) visit(i + width);
  }
  return face;
}

/** How far around a part the hole reaches, so that its edge is repainted too: a share of the face's width, in pixels. */
export function partMargin(face, layout) {
  const width = face ? face.right - face.left : Math.min(layout.width, layout.height) / 2;
  return Math.max(2, width / 16);
}

/** The pixels of some classes and a margin around them, as a shape, or null where the photo shows none. */
export function partShape(layout, ids) {
  const wanted = membership(ids);
  return grown(layout, layout.bounds, (id) => wanted[id] === 1, partMargin(mainFace(layout), layout));
}
