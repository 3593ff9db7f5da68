/** Colour profile and camera data of a photo, copied from its file into the one that is written (JPEG and PNG). */

import { pngChunk } from '../core/png.js';

const [EXIF, ICC] = ['Exif\0\0', 'ICC_PROFILE\0'];
const [APP1, APP2] = [0xe1, 0xe2];
const MOST_IN_SEGMENT = 65_533; // bytes of a JPEG segment beside its length
const ORIENTATION = 0x0112;
const THUMBNAILS = [[0x0201, 0x0202], [0x0111, 0x0117]]; // where they begin and how long they are: JPEG, or bare pixels

/** @returns {Promise<Blob>} `written`, with what `file` knew; as it is where its kind holds nothing of the sort */
export async function copyMetadata(file, written) {
  const { exif, icc: own } = await read(new Uint8Array(await file.arrayBuffer()));
  const icc = own && colorsOf(own) === 'RGB ' ? own : null; // the pixels are that even where the file's are greys or inks
  if (!exif && !icc) return written;
  if (exif) setUpright(exif); // the pixels were turned when they were read
  const bytes = new Uint8Array(await written.arrayBuffer());
  if (written.type === 'image/jpeg') return withSegments(bytes, exif, icc);
  if (written.type !== 'image/png') return written;
  const chunks = [...pngChunks(bytes)].filter(({ name }) => !(icc && ['iCCP', 'sRGB', 'gAMA', 'cHRM'].includes(name)));
  const added = [...(icc ? [pngChunk('iCCP', join(ascii('icc\0\0'), await deflated(icc)))] : []), ...(exif ? [pngChunk('eXIf', exif)] : [])];
  const [header, ...others] = chunks.map(({ whole }) => whole);
  return new Blob([bytes.subarray(0, 8), header, ...added, ...others], { type: written.type });
}

/** The colours that a profile is about, in four letters. */
function colorsOf(profile) {
  return text(profile.subarray(16, 20));
}

async function read(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpeg(bytes);
  const start = text(bytes.subarray(0, 12));
  if (start.startsWith('\x89PNG')) return readPng(bytes);
  return start.startsWith('RIFF') && start.endsWith('WEBP') ? readWebp(bytes) : {};
}

function readJpeg(bytes) {
  let exif = null;
  const parts = [];
  for (const { marker, data } of segments(bytes)) {
    if (marker === APP1 && begins(data, EXIF)) exif ??= data.slice(EXIF.length);
    if (marker === APP2 && begins(data, ICC)) parts[data[ICC.length]] = data.subarray(ICC.length + 2);
  }
  return { exif, icc: parts.length ? join(...parts.filter(Boolean)) : null };
}

/** A JPEG file's segments before its pixels. */
export function* segments(bytes) {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda; ) {
    const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
    yield { marker: bytes[at + 1], data: bytes.subarray(at + 4, end), at, end };
    at = end;
  }
}

async function readPng(bytes) {
  const found = {};
  for (const { name, data } of pngChunks(bytes)) {
    if (name === 'eXIf') found.exif = data.slice();
    if (name === 'iCCP') found.icc = await through(new DecompressionStream('deflate'), data.subarray(data.indexOf(0) + 2)).catch(() => null);
  }
  return found;
}

function readWebp(bytes) {
  const found = {};
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [name, length] = [text(bytes.subarray(at, at + 4)), view.getUint32(at + 4, true)];
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (name === 'ICCP') found.icc = data;
    if (name === 'EXIF') found.exif = begins(data, EXIF) ? data.subarray(EXIF.length) : data;
    at += 8 + length + (length & 1);
  }
  return found;
}

/** Say in EXIF data that the pixels are stored upright, and take out the thumbnail: it shows the old face. */
function setUpright(exif) {
  readExif(exif, (view, little, first) => {
    const link = eachEntry(view, little, first, (tag, at) => tag === ORIENTATION && view.setUint16(at, 1, little));
    const second = view.getUint32(link, little);
    if (!second) return;
    view.setUint32(link, 0, little);
    const values = {};
    eachEntry(view, little, second, (tag, at) => (values[tag] = view.getUint32(at, little)));
    for (const [start, length] of THUMBNAILS) if (values[length]) exif.fill(0, values[start], values[start] + values[length]);
  });
}

/** Whether the photo in a JPEG file is shown turned by a quarter. */
export function isTurned(bytes) {
  return orientationOf(readJpeg(bytes).exif) > 4;
}

/** What a WebP file's bytes say of the photo's orientation, 1 to 8; from then on they say that it lies upright. */
export function takeOrientation(bytes) {
  const { exif } = readWebp(bytes);
  const orientation = orientationOf(exif);
  if (exif) setUpright(exif);
  return orientation;
}

function orientationOf(exif) {
  let orientation = 1;
  const look = (view, little, first) =>
    eachEntry(view, little, first, (tag, at) => tag === ORIENTATION && (orientation = view.getUint16(at, little)));
  if (exif) readExif(exif, look);
  return orientation;
}

/** Call `use(view, little, first)`, the last of which is where the first directory lies. */
function readExif(exif, use) {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.length);
  const little = exif[0] === 0x49;
  try {
    use(view, little, view.getUint32(4, little));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // data cut off: nothing is said
  }
}

/** Visit a directory's entries as (tag, where its value is); returns where the place of the next directory is written. */
function eachEntry(view, little, directory, visit) {
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const at = directory + 2 + 12 * i;
    visit(view.getUint16(at, little), at + 8);
  }
  return directory + 2 + 12 * count;
}

/** A JPEG file with this in the place of what the browser says of the colours itself. */
function withSegments(bytes, exif, icc) {
  const added = [];
  if (exif && exif.length + EXIF.length <= MOST_IN_SEGMENT) added.push(segment(APP1, join(ascii(EXIF), exif)));
  const size = MOST_IN_SEGMENT - ICC.length - 2;
  const count = icc ? Math.ceil(icc.length / size) : 0;
  for (let i = 0; i < count; i++) added.push(segment(APP2, join(ascii(ICC), Uint8Array.of(i + 1, count), icc.subarray(i * size, (i + 1) * size))));
  const own = [...segments(bytes)];
  const kept = own.filter(({ marker, data }) => !(icc && marker === APP2 && begins(data, ICC))).map(({ at, end }) => bytes.subarray(at, end));
  return new Blob([bytes.subarray(0, 2), ...added, ...kept, bytes.subarray(own.at(-1).end)], { type: 'image/jpeg' });
}

function segment(marker, data) {
  return join(Uint8Array.of(0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255), data);
}

function* pngChunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    yield { name: text(bytes.subarray(at + 4, at + 8)), data: bytes.subarray(at + 8, at + 8 + length), whole: bytes.subarray(at, at + 12 + length) };
    at += 12 + length;
  }
}

function deflated(bytes) {
  return through(new CompressionStream('deflate'), bytes);
}

async function through(stream, bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function begins(data, start) {
  return text(data.subarray(0, start.length)) === start;
}

function ascii(string) {
  return Uint8Array.from(string, (letter) => letter.charCodeAt(0));
}

function text(bytes) {
  return String.fromCharCode(...bytes);
}
