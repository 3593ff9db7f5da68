/** Connected parts of a mask, and distances within it: what the pipeline needs of OpenCV's cv2.connectedComponents and others. */

/**
 * Number the parts of a mask {data, width, height} that hang together by edge or corner, from 1 on.
 * @returns {{labels: Int32Array, count: number, parts: object[]}} parts: {number, area, width, height, x, y}, (x, y) their middle
 */
export function label(mask) {
  const { data, width, height } = mask;
  const labels = new Int32Array(data.length);
  const parts = [];
  for (let top = 0; top < height; top += 2) {
    for (let column = 0; column < width; column++) {
      // Down two rows and then on, for OpenCV's numbers follow squares of 2 x 2 pixels.
      for (let start = top * width + column; start < Math.min(top + 2, height) * width; start += width) {
        if (data[start] && !labels[start]) parts.push(labelPart(mask, labels, start, parts.length + 1));
      }
    }
  }
  return { labels, count: parts.length, parts };
}

function labelPart({ data, width, height }, labels, start, number) {
  const part = { area: 0, left: width, top: height, right: 0, bottom: 0, sumX: 0, sumY: 0 };
  const waiting = [start];
  labels[start] = number;
  while (waiting.length) {
    const i = waiting.pop();
    const x = i % width;
    const y = (i - x) / width;
    part.area++;
    part.sumX += x;
    part.sumY += y;
    part.left = Math.min(part.left, x);
    part.right = Math.max(part.right, x + 1);
    part.top = Math.min(part.top, y);
    part.bottom = Math.max(part.bottom, y + 1);
    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        const next = ny * width + nx;
        if (!data[next] || labels[next]) continue;
        labels[next] = number;
        waiting.push(next);
      }
    }
  }
  const { area, left, top, right, bottom, sumX, sumY } = part;
  return { number, area, width: right - left, height: bottom - top, x: sumX / area, y: sumY / area };
}

/**
 * How far each set pixel is from the nearest that is not (cv2.distanceTransform, exact).
 * @param beyond how far those past the edge are from the edge: 0, or Infinity if there are none
 * @param reach distances above it may come out larger still
 * @param asked bytes: where it is wanted; 0 comes out elsewhere
 */
export function distances({ data, width }, { beyond = 0, reach = width, asked = data } = {}) {
  const vertical = new Float32Array(data.length);
  const last = data.length - width; // where the last row begins
  for (let i = 0; i < data.length; i++) if (data[i]) vertical[i] = (i < width ? beyond : vertical[i - width]) + 1;
  for (let i = data.length - 1; i >= 0; i--) vertical[i] = Math.min(vertical[i], (i >= last ? beyond : vertical[i + width]) + 1);
  return vertical.map((own, i) => {
    if (!own || !asked[i]) return 0;
    const x = i % width;
    let nearest = Math.min(own, Math.min(x + 1, width - x) + beyond) ** 2;
    for (let away = 1; away <= reach && away ** 2 < nearest; away++) {
      if (away <= x) nearest = Math.min(nearest, away ** 2 + vertical[i - away] ** 2);
      if (away < width - x) nearest = Math.min(nearest, away ** 2 + vertical[i + away] ** 2);
    }
    return Math.sqrt(nearest);
  });
}
