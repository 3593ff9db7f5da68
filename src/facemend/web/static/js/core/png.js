/** Writes PNG files: a mask as greys, a layout as a palette whose numbers are the class ids, a photo in its colours. */

const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
const PALETTE = 3;
const KINDS = { 1: 0, 3: 2, 4: 6 }; // by bytes of a pixel: grey, RGB, RGBA
const [NO_FILTER, FROM_THE_LEFT] = [0, 1];

/** @param {number[][]} [palette] RGB triples; without it the bytes are greys, RGB or RGBA, by how many there are of a pixel. */
export async function encodePng(width, height, bytes, palette) {
  const size = bytes.length / (width * height);
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bits
  header.setUint8(9, palette ? PALETTE : KINDS[size]);
  const stride = width * size;
  const rows = new Uint8Array((stride + 1) * height); // a row begins with its filter
  for (let y = 0; y < height; y++) {
    const row = bytes.subarray(y * stride, (y + 1) * stride);
    const start = y * (stride + 1);
    rows.set(row, start + 1);
    rows[start] = size === 1 ? NO_FILTER : FROM_THE_LEFT;
    if (size > 1) for (let x = size; x < stride; x++) rows[start + 1 + x] = row[x] - row[x - size];
  }
  const packed = new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate')));
  const chunks = [
    pngChunk('IHDR', new Uint8Array(header.buffer)),
    ...(palette ? [pngChunk('PLTE', Uint8Array.from(palette.flat()))] : []),
    pngChunk('IDAT', new Uint8Array(await packed.arrayBuffer())),
    pngChunk('IEND', new Uint8Array(0)),
  ];
  return new Blob([SIGNATURE, ...chunks], { type: 'image/png' });
}

export function pngChunk(type, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc(bytes.subarray(4, data.length + 8)));
  return bytes;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
