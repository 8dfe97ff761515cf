/** A tail below this has lost digits: 2^−1022, the smallest normal float64. */
export const SMALLEST_NORMAL = 2.2250738585072014e-308

/** σ or Φ at z from its smaller tail there. */
export const fromTail = (z: number, tail: number) => (z >= 0 ? 1 - tail : tail)

/** Slope of σ or Φ between two ends that are far apart, from the smaller tail at each. */
export function slopeBetweenTails(x: number, tail: number, end: number, endTail: number, d: number): number {
  const change = x >= 0 === end >= 0 ? Math.abs(tail - endTail) : 1 - tail - endTail
  return change / Math.abs(d)
}
