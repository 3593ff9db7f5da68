/** The little linear algebra that grain needs. */

export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Make vectors orthonormal, one after the other (Gram and Schmidt), twice for exactness. */
export function orthonormal(vectors) {
  const basis = [];
  for (const vector of vectors) {
    const rest = vector.slice();
    for (const known of [...basis, ...basis]) {
      const share = dot(known, rest);
      rest.forEach((_, i) => (rest[i] -= share * known[i]));
    }
    const length = Math.hypot(...rest);
    basis.push(rest.map((value) => value / length));
  }
  return basis;
}

/** Eigenvalues and axes of a symmetric matrix, the greatest first: [{value, axis}] (Jacobi 1846). */
export function dominantAxes(matrix) {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  const axes = a.map((_, i) => a.map((__, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 50; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const turn = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
        const rotate = (rows) => rows.forEach((row) => ([row[p], row[q]] = [cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]]));
        rotate(a);
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [cos * a[p][k] - sin * a[q][k], sin * a[p][k] + cos * a[q][k]];
        rotate(axes);
      }
    }
  }
  return a.map((row, i) => ({ value: row[i], axis: axes.map((line) => line[i]) })).sort((x, y) => y.value - x.value);
}
