/** out = W·v, leaving out the columns where v is 0. */
export function multiplyVector(
  W: Float64Array,
  rows: number,
  depth: number,
  v: Float64Array,
  out: Float64Array,
): void {
  const present: number[] = []
  for (let t = 0; t < depth; t++) if (v[t] !== 0) present.push(t)
  for (let r = 0; r < rows; r++) {
    const at = r * depth
    let sum = 0
    for (let k = 0; k < present.length; k++) sum += W[at + present[k]] * v[present[k]]
    out[r] = sum
  }
}
