/** Shapes as `{rect, at(x, y)}`: the rectangle that holds them, and how far they cover a pixel, 0 to 255. */

/** What a round brush covers on its way between two points. A softness of 0 has a crisp edge, 1 fades from the middle. */
export function capsule(x0, y0, x1, y1, radius, softness = 0) {
  const core = Math.max(0, radius * (1 - softness) - 0.5);
  const fade = Math.max(1, radius + 0.5 - core);
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squared = dx * dx + dy * dy || 1;
  const reach = radius + 1;
  return {
    rect: {
      left: Math.min(x0, x1) - reach,
      top: Math.min(y0, y1) - reach,
      right: Math.max(x0, x1) + reach,
      bottom: Math.max(y0, y1) + reach,
    },
    at(x, y) {
      const px = x + 0.5 - x0;
      const py = y + 0.5 - y0;
      const along = Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
      const ex = px - along * dx;
      const ey = py - along * dy;
      const distance = Math.sqrt(ex * ex + ey * ey);
      if (distance <= core) return 255;
      if (distance >= core + fade) return 0;
      return Math.round(255 * (1 - (distance - core) / fade));
    },
  };
}

export function rectangle(x0, y0, x1, y1) {
  const rect = { left: Math.min(x0, x1), top: Math.min(y0, y1), right: Math.max(x0, x1), bottom: Math.max(y0, y1) };
  const inside = (x, y) => x + 0.5 >= rect.left && x + 0.5 < rect.right && y + 0.5 >= rect.top && y + 0.5 < rect.bottom;
  return { rect, at: (x, y) => (inside(x, y) ? 255 : 0) };
}

/** A closed polygon `[[x, y], ...]`, filled by the even-odd rule, within `bounds`. */
export function polygon(points, bounds) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const left = Math.max(bounds.left, Math.floor(Math.min(...xs)));
  const top = Math.max(bounds.top, Math.floor(Math.min(...ys)));
  const right = Math.min(bounds.right, Math.ceil(Math.max(...xs)));
  const bottom = Math.min(bounds.bottom, Math.ceil(Math.max(...ys)));
  const width = Math.max(0, right - left);
  const bytes = new Uint8Array(width * Math.max(0, bottom - top));
  for (let y = top; y < bottom; y++) {
    const crossings = crossingsOf(points, y + 0.5);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.min(right, Math.max(left, Math.round(crossings[i])));
      const to = Math.min(right, Math.max(left, Math.round(crossings[i + 1])));
      bytes.fill(255, (y - top) * width + from - left, (y - top) * width + to - left);
    }
  }
  return bitmap({ left, top, right, bottom }, bytes);
}

function crossingsOf(points, y) {
  const found = [];
  for (let i = 0; i < points.length; i++) {
    const [x0, y0] = points[i];
    const [x1, y1] = points[(i + 1) % points.length];
    if (y0 <= y !== y1 <= y) found.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  }
  return found.sort((a, b) => a - b);
}

/** Bytes of the pixels in `rect`, row by row, as a shape. */
export function bitmap(rect, bytes) {
  const width = rect.right - rect.left;
  return { rect, at: (x, y) => bytes[(y - rect.top) * width + x - rect.left] };
}

/**
 * Grow the pixels of a layer that pass `test` by `radius` pixels all round.
 * @returns a shape, or null when no pixel within `within` passes.
 */
export function grown(layer, within, test, radius) {
  const found = extent(layer, within, test);
  if (!found) return null;
  const margin = Math.ceil(radius);
  const rect = {
    left: Math.max(0, found.left - margin),
    top: Math.max(0, found.top - margin),
    right: Math.min(layer.width, found.right + margin),
    bottom: Math.min(layer.height, found.bottom + margin),
  };
  const distances = distancesTo(layer, rect, within, test);
  const bytes = new Uint8Array(distances.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = distances[i] <= 3 * radius ? 255 : 0;
  return bitmap(rect, bytes);
}

/** The smallest rectangle that holds every pixel within `within` that passes `test(value, index)`, or null. */
export function extent(layer, within, test) {
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (let y = within.top; y < within.bottom; y++) {
    for (let x = within.left; x < within.right; x++) {
      const i = y * layer.width + x;
      if (!test(layer.data[i], i)) continue;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
      if (y < top) top = y;
      bottom = y + 1;
    }
  }
  return bottom < 0 ? null : { left, top, right, bottom };
}

/** Thirds of a pixel from each pixel of `rect` to the nearest that passes: the two-pass chamfer 3-4 (Borgefors 1986). */
function distancesTo(layer, rect, within, test) {
  const width = rect.right - rect.left;
  const height = rect.bottom - rect.top;
  const far = new Uint16Array(width * height).fill(60000);
  for (let y = Math.max(rect.top, within.top); y < Math.min(rect.bottom, within.bottom); y++) {
    for (let x = Math.max(rect.left, within.left); x < Math.min(rect.right, within.right); x++) {
      const i = y * layer.width + x;
      if (test(layer.data[i], i)) far[(y - rect.top) * width + x - rect.left] = 0;
    }
  }
  const relax = (i, x, y, dx, dy, cost) => {
    if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) return;
    const through = far[i + dy * width + dx] + cost;
    if (through < far[i]) far[i] = through;
  };
  const sweep = (x, y, sign) => {
    const i = y * width + x;
    relax(i, x, y, -sign, 0, 3);
    relax(i, x, y, 0, -sign, 3);
    relax(i, x, y, -sign, -sign, 4);
    relax(i, x, y, sign, -sign, 4);
  };
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) sweep(x, y, 1);
  for (let y = height - 1; y >= 0; y--) for (let x = width - 1; x >= 0; x--) sweep(x, y, -1);
  return far;
}
