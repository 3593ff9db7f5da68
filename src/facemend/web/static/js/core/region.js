/** The connected pixels of one value around a point, as a shape: what the bucket fills. */

export function regionAt(layer, x, y) {
  const { width, height, data } = layer;
  const value = layer.at(x, y);
  const taken = new Uint8Array(data.length);
  const waiting = [[x, y]];
  const rect = { left: x, top: y, right: x + 1, bottom: y + 1 };
  while (waiting.length) {
    const [sx, sy] = waiting.pop();
    const row = sy * width;
    if (taken[row + sx]) continue;
    let left = sx;
    while (left > 0 && data[row + left - 1] === value) left--;
    let right = sx;
    while (right + 1 < width && data[row + right + 1] === value) right++;
    taken.fill(255, row + left, row + right + 1);
    rect.left = Math.min(rect.left, left);
    rect.right = Math.max(rect.right, right + 1);
    rect.top = Math.min(rect.top, sy);
    rect.bottom = Math.max(rect.bottom, sy + 1);
    for (const ny of [sy - 1, sy + 1]) {
      if (ny < 0 || ny >= height) continue;
      for (let nx = left; nx <= right; nx++) {
        const i = ny * width + nx;
        if (data[i] === value && !taken[i] && (nx === left || data[i - 1] !== value)) waiting.push([nx, ny]);
      }
    }
  }
  return { rect, at: (px, py) => taken[py * width + px] };
}
