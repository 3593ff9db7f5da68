/** The class ids of CelebAMask-HQ by name, and what people call parts of a face. */
export const ID = {
  background: 0, skin: 1, nose: 2, glasses: 3, leftEye: 4, rightEye: 5, leftBrow: 6, rightBrow: 7, leftEar: 8, rightEar: 9,
  mouth: 10, upperLip: 11, lowerLip: 12, hair: 13, hat: 14, earring: 15, necklace: 16, neck: 17, cloth: 18,
};

export const NUM_CLASSES = 19;
export const EYES = [ID.leftEye, ID.rightEye];
export const BROWS = [ID.leftBrow, ID.rightBrow];
export const LIPS = [ID.mouth, ID.upperLip, ID.lowerLip];
export const FACE = [ID.skin, ID.nose, ID.glasses, ...EYES, ...BROWS, ...LIPS];

/** The buttons that mask a part of the face. */
export const PARTS = {
  eyes: [ID.glasses, ...EYES],
  nose: [ID.nose],
  mouth: LIPS,
  hair: [ID.hair, ID.hat],
  face: FACE,
};

/** The legend, in the order people look for things. */
export const LEGEND_GROUPS = {
  face: [
    ID.skin, ID.nose, ID.leftEye, ID.rightEye, ID.leftBrow, ID.rightBrow, ID.leftEar, ID.rightEar, ID.upperLip, ID.lowerLip, ID.mouth,
  ],
  around: [ID.hair, ID.glasses, ID.hat, ID.earring, ID.necklace, ID.neck, ID.cloth, ID.background],
};

/** Whether a class id is one of `ids`, as a table of 256 answers. */
export function membership(ids) {
  const table = new Uint8Array(256);
  for (const id of ids) table[id] = 1;
  return table;
}
