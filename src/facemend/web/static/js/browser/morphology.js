/** Masks made wider and narrower by disks: cv2.dilate, cv2.erode and cv2.morphologyEx with MORPH_ELLIPSE. */

import { roundEven } from './resample.js';

/** Widen a mask {data, width, height} of 0 and 1 by a disk of this radius. */
export function dilate({ data, width, height }, radius) {
  const result = new Uint8Array(data.length);
  const counts = new Int32Array(width + 1); // how many are set before each place of a row
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) counts[x + 1] = counts[x] + data[y * width + x];
    if (!counts[width]) continue;
    for (let dy = Math.max(-radius, -y); dy <= Math.min(radius, height - 1 - y); dy++) {
      const reach = roundEven(radius * Math.sqrt((radius * radius - dy * dy) / (radius * radius)));
      const row = (y + dy) * width;
      for (let x = 0; x < width; x++) {
        if (counts[Math.min(width, x + reach + 1)] > counts[Math.max(0, x - reach)]) result[row + x] = 1;
      }
    }
  }
  return { data: result, width, height };
}

/** What is left of a mask where it is at least as wide as a disk of this radius. */
export function open(mask, radius) {
  return dilate(inverse(dilate(inverse(mask), radius)), radius);
}

function inverse(mask) {
  return { ...mask, data: mask.data.map((set) => 1 - set) };
}
