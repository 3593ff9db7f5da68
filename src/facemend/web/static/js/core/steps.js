/**
 * The history of a session as plain values. Step 0 is the photo as it came; each further step is one press of Restore:
 * `{from, variants: [{patch, layout}], notes, mask, seed, byLayout}`, with the place it was painted on, one patch per variant,
 * what is to be told of them, and the packed layers. A place `{step, variant}` names one picture.
 */

export const ORIGINAL = { step: 0, variant: 0 };

export function firstStep() {
  return { from: ORIGINAL, variants: [], notes: [], mask: null, byLayout: false };
}

/** The patches that make the picture at a place, in order. */
export function patchesAt(steps, { step, variant }) {
  if (step === 0) return [];
  const { from, variants } = steps[step];
  return [...patchesAt(steps, from), variants[variant].patch];
}

/** A seed that no step was painted with, not even one that was gone back from. */
export function unusedSeed(steps) {
  return 1 + Math.max(...steps.map(({ seed = -1 }) => seed));
}

export function samePlace(a, b) {
  return a.step === b.step && a.variant === b.variant;
}

/** Every picture there is, in the order it was made. */
export function places(steps) {
  return steps.flatMap(({ variants }, step) => (step ? variants.map((_, variant) => ({ step, variant })) : [ORIGINAL]));
}
