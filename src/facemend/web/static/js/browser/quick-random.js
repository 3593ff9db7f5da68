/** Random numbers where Python's own need not be matched: millions of them, for grain. */

/** Uniform in (0, 1): xoshiro128** (Blackman and Vigna 2018). */
export function quickRandom(seed) {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, seed | 1];
  const next = () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return ((result >>> 0) + 0.5) / 4294967296;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

/** Standard normal numbers, [n] (Box and Muller 1958). */
export function quickNormals(n, random) {
  const values = new Float32Array(n);
  for (let i = 0; i < n; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(random()));
    const turn = 2 * Math.PI * random();
    values[i] = radius * Math.cos(turn);
    if (i + 1 < n) values[i + 1] = radius * Math.sin(turn);
  }
  return values;
}
