/** Sums, quantiles and interpolation, as NumPy has them. */

export function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

/** numpy.quantile. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** numpy.interp. */
export function interpolated(x, places, values) {
  if (x <= places[0]) return values[0];
  const next = places.findIndex((place) => place > x);
  if (next < 0) return values.at(-1);
  const share = (x - places[next - 1]) / (places[next] - places[next - 1]);
  return values[next - 1] + share * (values[next] - values[next - 1]);
}
