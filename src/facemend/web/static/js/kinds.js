/** What kind of picture a file is, by its first bytes; its name may lie. */

const STARTS = {
  jpeg: /^\xff\xd8/,
  png: /^\x89PNG/,
  webp: /^RIFF.{4}WEBP/s,
  tiff: /^(II[*+]\0|MM\0[*+])/,
  bmp: /^BM/,
  heic: /^.{4}ftyp(hei[cmsx]|hev[cx]|mif1|msf1)/s, // as facemend.imaging.heic has it
};

/** A key of `STARTS`, or null for any other kind. */
export async function kindOf(file) {
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  return Object.keys(STARTS).find((kind) => STARTS[kind].test(start)) ?? null;
}
