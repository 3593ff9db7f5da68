/**
 * Ideas for the layout of a face: each takes the layout and returns the class ids it would have, as `{rect, at(x, y)}` in ids,
 * or null where the face lacks what the idea needs. They work on the largest face and take it as roughly upright.
 */

import { BROWS, EYES, ID, LIPS, membership } from './classes.js';
import { mainFace } from './faces.js';
import { clip } from './layer.js';
import { extent } from './shapes.js';

const IS_LIPS = membership(LIPS);

export const ideas = { smile: widerSmile, fringe, hairline: higherHairline, glasses, closedEyes };

function widerSmile(layout) {
  const face = mainFace(layout);
  const mouth = face && find(layout, face, LIPS);
  if (!mouth) return null;
  const [wider, lift] = [1.3, 0.35];
  const centre = (mouth.left + mouth.right) / 2;
  const half = ((mouth.right - mouth.left) / 2) * wider;
  const height = mouth.bottom - mouth.top;
  const rect = clip({
    left: centre - half - 1,
    top: mouth.top - lift * height - 1,
    right: centre + half + 1,
    bottom: mouth.bottom + 1,
  }, layout.bounds);
  return fill(rect, (x, y) => {
    const bend = ((x - centre) / half) ** 2;
    const id = sample(layout, centre + (x - centre) / wider, y + lift * height * bend);
    if (IS_LIPS[id]) return id;
    const old = layout.at(x, y);
    return IS_LIPS[old] ? ID.skin : old;
  });
}

function closedEyes(layout) {
  const face = mainFace(layout);
  const both = face && find(layout, face, EYES);
  if (!both) return null;
  const open = membership(EYES);
  const result = fill(both, (x, y) => layout.at(x, y));
  const lash = Math.max(1, Math.round((both.bottom - both.top) * 0.16));
  for (let x = both.left; x < both.right; x++) {
    let kept = 0;
    for (let y = both.bottom - 1; y >= both.top; y--) {
      if (open[layout.at(x, y)] && ++kept > lash) result.put(x, y, ID.skin);
    }
  }
  return result;
}

function glasses(layout) {
  const face = mainFace(layout);
  const centres = face && EYES.map((id) => middle(find(layout, face, [id])));
  if (!centres || centres.includes(null)) return null;
  const [a, b] = centres.sort((one, other) => one.x - other.x);
  const apart = Math.hypot(b.x - a.x, b.y - a.y);
  const [rx, ry, frame] = [0.4 * apart, 0.3 * apart, Math.max(1, 0.05 * apart)];
  const rect = clip({
    left: Math.min(face.left, a.x - rx),
    top: Math.min(a.y, b.y) - ry,
    right: Math.max(face.right, b.x + rx),
    bottom: Math.max(a.y, b.y) + ry + 0.06 * apart,
  }, layout.bounds);
  const [ux, uy] = [(b.x - a.x) / apart, (b.y - a.y) / apart];
  return fill(rect, (x, y) => {
    const along = (x - a.x) * ux + (y - a.y) * uy; // 0 at one eye, `apart` at the other
    const down = (y - a.y) * ux - (x - a.x) * uy - 0.05 * apart;
    const lens = [0, apart].some((at) => Math.abs((along - at) / rx) ** 2.6 + Math.abs(down / ry) ** 2.6 <= 1);
    const bar = Math.abs(down + 0.35 * ry) <= frame; // bridge and temples
    const old = layout.at(x, y);
    const onFace = old !== ID.background && old !== ID.hair;
    return lens || (bar && onFace) ? ID.glasses : old;
  });
}

/** Hair down to the brows. */
function fringe(layout) {
  const face = mainFace(layout);
  const brows = face && find(layout, face, BROWS);
  if (!brows || !find(layout, layout.bounds, [ID.hair])) return null;
  const centre = (brows.left + brows.right) / 2;
  const half = (face.right - face.left) / 2;
  return forehead(layout, { ...face, bottom: brows.top }, (x, y, top) => {
    const lowest = brows.top - 0.25 * (brows.top - top) * (1 - ((x - centre) / half) ** 2);
    return y < lowest ? ID.hair : ID.skin;
  });
}

/** Hair further up, by a fifth of the face, but never all of it. */
function higherHairline(layout) {
  const face = mainFace(layout);
  const hair = face && find(layout, layout.bounds, [ID.hair]);
  if (!hair) return null;
  const height = (face.bottom - face.top) / 5;
  const rect = clip({ left: face.left, top: face.top - height, right: face.right, bottom: face.top + 1.5 * height }, layout.bounds);
  const result = fill(rect, (x, y) => layout.at(x, y));
  const [centre, half] = [(face.left + face.right) / 2, (face.right - face.left) / 2];
  for (let x = rect.left; x < rect.right; x++) {
    const border = lowestHair(layout, x, rect);
    if (border === null) continue;
    let thick = 0;
    while (border - thick >= 0 && layout.at(x, border - thick) === ID.hair) thick++;
    const curve = Math.max(0, 1 - ((x - centre) / half) ** 2);
    const taken = Math.round(Math.min(height * curve, 0.6 * thick));
    for (let y = border; y > border - taken && y >= rect.top; y--) result.put(x, y, ID.skin);
  }
  return result;
}

/** The last row of hair above skin in a column, or null. */
function lowestHair(layout, x, rect) {
  for (let y = rect.bottom - 2; y >= rect.top; y--) {
    if (layout.at(x, y) === ID.hair && layout.at(x, y + 1) === ID.skin) return y;
  }
  return null;
}

/** Set the skin between the top of the face and `area.bottom` by `choose(x, y, top)`. */
function forehead(layout, area, choose) {
  const rect = clip(area, layout.bounds);
  return fill(rect, (x, y) => {
    const old = layout.at(x, y);
    return old === ID.skin ? choose(x, y, area.top) : old;
  });
}

function find(layout, within, ids) {
  const wanted = membership(ids);
  return extent(layout, within, (id) => wanted[id] === 1);
}

function middle(rect) {
  return rect && { x: (rect.left + rect.right) / 2, y: (rect.top + rect.bottom) / 2 };
}

function sample(layout, x, y) {
  const column = Math.min(layout.width - 1, Math.max(0, Math.round(x)));
  const row = Math.min(layout.height - 1, Math.max(0, Math.round(y)));
  return layout.at(column, row);
}

function fill(rect, choose) {
  const width = rect.right - rect.left;
  const ids = new Uint8Array(Math.max(0, width * (rect.bottom - rect.top)));
  const place = (x, y) => (y - rect.top) * width + x - rect.left;
  for (let y = rect.top; y < rect.bottom; y++) for (let x = rect.left; x < rect.right; x++) ids[place(x, y)] = choose(x, y);
  return { rect, at: (x, y) => ids[place(x, y)], put: (x, y, id) => (ids[place(x, y)] = id) };
}
