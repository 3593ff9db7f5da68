export function matchGrain(filled) {
  return filled;
}
