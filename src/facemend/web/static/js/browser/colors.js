/** Colours as brightness and tint. */

export const LUMA = [0.299, 0.587, 0.114]; // how bright red, green and blue look (ITU-R BT.601)

/** The brightness of three bytes from `at` on, as cv2.cvtColor has it. */
export function brightness(data, at) {
  return (data[at] * 9798 + data[at + 1] * 19235 + data[at + 2] * 3735 + 16384) >> 15;
}

/** The brightness of pixel `i` of three planes, one after the other in `planes`. */
export function lumaAt(planes, i) {
  const area = planes.length / 3;
  return LUMA.reduce((sum, share, c) => sum + share * planes[c * area + i], 0);
}

/** A picture's Y, Cb and Cr, each a picture of bytes, as libjpeg has them. */
export function toYcc({ data, width, height }) {
  const planes = [0, 1, 2].map(() => ({ data: new Uint8Array(width * height), width, height }));
  const [y, cb, cr] = planes.map((plane) => plane.data);
  for (let i = 0; i < y.length; i++) {
    const [r, g, b] = [data[3 * i], data[3 * i + 1], data[3 * i + 2]];
    y[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
    cb[i] = (32768 * b - 11059 * r - 21709 * g + 8421375) >> 16;
    cr[i] = (32768 * r - 27439 * g - 5329 * b + 8421375) >> 16;
  }
  return planes;
}

/** The way back; a grey picture has Y alone. */
export function fromYcc([{ data: y, width, height }, cb, cr]) {
  const data = new Uint8ClampedArray(3 * width * height);
  for (let i = 0; i < y.length; i++) {
    const [blue, red] = cb ? [cb.data[i] - 128, cr.data[i] - 128] : [0, 0];
    data[3 * i] = y[i] + ((91881 * red + 32768) >> 16);
    data[3 * i + 1] = y[i] + ((32768 - 22554 * blue - 46802 * red) >> 16);
    data[3 * i + 2] = y[i] + ((116130 * blue + 32768) >> 16);
  }
  return { data, width, height, channels: 3 };
}
