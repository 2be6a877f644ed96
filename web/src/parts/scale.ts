/** Axes: round steps for whole numbers of any kind (counts, or 10^-12 dollars). */

/** Three to six round values from 0 up to or past *max*. */
export function ticks(max: bigint): bigint[] {
  if (max <= 0n) return [0n];
  const magnitude = 10n ** BigInt(max.toString().length - 1);
  const fine = magnitude >= 10n ? magnitude / 10n : 1n;
  const steps = [fine, 2n * fine, 5n * fine, magnitude, 2n * magnitude, 5n * magnitude];
  const step = steps.find((one) => max / one < 5n || (max / one === 5n && max % one === 0n)) ?? 10n * magnitude;
  const found = [0n];
  while ((found.at(-1) ?? 0n) < max) found.push((found.at(-1) ?? 0n) + step);
  return found;
}
