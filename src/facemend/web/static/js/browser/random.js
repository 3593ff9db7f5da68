/**
 * numpy's own random numbers, so that a seed gives the same faces here as in Python: those of numpy.random.default_rng(seed), as
 * float32. PCG64 (O'Neill 2014), seeded by SeedSequence, normals by the ziggurat (Marsaglia and Tsang 2000).
 */

const M32 = 0xffffffffn;
const M64 = (1n << 64n) - 1n;
const M128 = (1n << 128n) - 1n;
const MULTIPLIER = (2549297995355413924n << 64n) + 4865540595714422341n;

/** @returns {() => number} draws from [0, 1), as `random` does */
export function uniforms(seed) {
  const next = bits32(seed);
  return () => toUniform(next());
}

function toUniform(bits) {
  return (bits >>> 8) / 16777216;
}

/** @returns {(n: number) => Float32Array} draws n normals, one batch after the other, as `standard_normal` does */
export function normals(seed) {
  const next = bits32(seed);
  const { ratios, widths, heights, edge } = ziggurat();
  const uniform = () => toUniform(next());
  const draw = () => {
    for (;;) {
      const word = next();
      const layer = word & 255;
      const magnitude = (word >>> 9) & 0x7fffff;
      const x = Math.fround((word & 256 ? -1 : 1) * Math.fround(magnitude * widths[layer]));
      if (magnitude < ratios[layer]) return x;
      if (layer === 0) {
        for (;;) {
          const far = -Math.log1p(-uniform()) / edge;
          const under = -Math.log1p(-uniform());
          if (2 * under > far * far) return magnitude & 256 ? -(edge + far) : edge + far;
        }
      }
      if ((heights[layer - 1] - heights[layer]) * uniform() + heights[layer] < Math.exp(-0.5 * x * x)) return x;
    }
  };
  return (n) => Float32Array.from({ length: n }, draw);
}

/** PCG64's output in halves, the lower one first. */
function bits32(seed) {
  const [high, low, incHigh, incLow] = seedWords(BigInt(seed));
  const increment = ((((incHigh << 64n) | incLow) << 1n) | 1n) & M128;
  let state = (increment + ((high << 64n) | low)) & M128;
  const step = () => (state = (state * MULTIPLIER + increment) & M128);
  step();
  let kept = null;
  return () => {
    if (kept !== null) {
      const half = kept;
      kept = null;
      return half;
    }
    step();
    const [folded, turn] = [(state >> 64n) ^ (state & M64), state >> 122n];
    const word = ((folded >> turn) | (folded << (64n - turn))) & M64;
    kept = Number(word >> 32n);
    return Number(word & M32);
  };
}

/** numpy.random.SeedSequence(seed).generate_state(4, uint64). */
function seedWords(seed) {
  const entropy = [];
  for (let rest = seed; rest > 0n || !entropy.length; rest >>= 32n) entropy.push(Number(rest & M32));
  let constant = 0x43b0d7e5;
  const mash = (value) => {
    value = (value ^ constant) >>> 0;
    constant = Math.imul(constant, 0x931e8875) >>> 0;
    value = Math.imul(value, constant) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const mix = (a, b) => {
    const mixed = (Math.imul(0xca01f9dd, a) - Math.imul(0x4973f715, b)) >>> 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((i) => mash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], mash(pool[from]));
  for (const word of entropy.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], mash(word));
  constant = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    let value = (pool[i % 4] ^ constant) >>> 0;
    constant = Math.imul(constant, 0x58f38ded) >>> 0;
    value = Math.imul(value, constant) >>> 0;
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => words[i] | (words[i + 1] << 32n));
}

/** The 256 layers of equal area under the normal curve; `edge` is where the tail begins. */
function ziggurat() {
  const edge = 3.6541528853610088;
  const area = 0.00492867323399;
  const scale = 2 ** 23;
  const [ratios, widths, heights] = [new Uint32Array(256), new Float32Array(256), new Float32Array(256)];
  const curve = (x) => Math.exp(-0.5 * x * x);
  let x = edge;
  let wider = edge;
  const base = area / curve(edge);
  ratios[0] = Math.floor((edge / base) * scale);
  widths[0] = base / scale;
  heights[0] = 1;
  widths[255] = edge / scale;
  heights[255] = curve(edge);
  for (let i = 254; i >= 1; i--) {
    x = Math.sqrt(-2 * Math.log(area / x + curve(x)));
    ratios[i + 1] = Math.floor((x / wider) * scale);
    wider = x;
    widths[i] = x / scale;
    heights[i] = curve(x);
  }
  ratios[1] = 0;
  return { ratios, widths, heights, edge };
}
