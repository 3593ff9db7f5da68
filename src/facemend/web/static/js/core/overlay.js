/** Draws a layer's bytes as colours, for the pixels of the screen alone. */

/**
 * @param {Uint32Array} pixels of the screen's part `rect`, row by row, transparent, as canvas ImageData has them (ABGR)
 * @param {{left, top, right, bottom}} rect in screen pixels
 * @param {{scale, left, top}} view in the same screen pixels
 * @param {{colors: Uint32Array, edge: number, edgeOf: Uint8Array, edgeWidth: number, edgesOnly?: boolean}} paint
 *     the colour of each byte; the colour of lines between neighbours whose `edgeOf` differs; whether only these are drawn
 */
export function paintOverlay(pixels, rect, view, layer, paint) {
  const width = rect.right - rect.left;
  const step = layer.levelFor(view.scale);
  const level = layer.levels[step];
  const perPixel = view.scale * 2 ** step;
  const { colors, edge, edgeOf, edgeWidth, edgesOnly = false } = paint;
  const columns = new Int32Array(width + edgeWidth);
  for (let i = 0; i < columns.length; i++) columns[i] = column(rect.left + i - edgeWidth, view.left, perPixel, level.width);
  for (let y = rect.top; y < rect.bottom; y++) {
    const out = (y - rect.top) * width;
    const row = column(y, view.top, perPixel, level.height);
    if (row < 0) continue;
    const here = row * level.width;
    const above = Math.max(0, column(y - edgeWidth, view.top, perPixel, level.height)) * level.width;
    for (let i = 0; i < width; i++) {
      const x = columns[i + edgeWidth];
      if (x < 0) continue;
      const value = level.data[here + x];
      const kind = edgeOf[value];
      const before = columns[i] < 0 ? x : columns[i];
      const isEdge = edgeOf[level.data[here + before]] !== kind || edgeOf[level.data[above + x]] !== kind;
      if (isEdge) pixels[out + i] = edge;
      else if (!edgesOnly) pixels[out + i] = colors[value];
    }
  }
}

function column(screen, origin, perPixel, size) {
  const at = Math.floor((screen + 0.5 - origin) / perPixel);
  return at < 0 || at >= size ? -1 : at;
}

/** A colour as ImageData holds it on the little-endian machines that browsers run on. */
export function abgr([red, green, blue], alpha) {
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
