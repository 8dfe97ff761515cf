/**
 * C = W·B for a few columns at once, register-blocked: 4 × 4 sums stay in registers while the depth runs through,
 * which is about three times the rate of one dot product after the other.
 * @param W rows × depth, row-major
 * @param B depth × `stride`, of which the first `columns` count; `stride` is a multiple of 4
 * @param C rows × `stride`; columns up to the next multiple of 4 are written
 */
export function multiplyBlock(
  W: Float64Array,
  rows: number,
  depth: number,
  B: Float64Array,
  columns: number,
  stride: number,
  C: Float64Array,
): void {
  const whole = rows - (rows % 4)
  for (let r = 0; r < whole; r += 4) {
    const [w0, w1, w2, w3] = [r * depth, (r + 1) * depth, (r + 2) * depth, (r + 3) * depth]
    for (let c = 0; c < columns; c += 4) {
      let [c00, c01, c02, c03] = [0, 0, 0, 0]
      let [c10, c11, c12, c13] = [0, 0, 0, 0]
      let [c20, c21, c22, c23] = [0, 0, 0, 0]
      let [c30, c31, c32, c33] = [0, 0, 0, 0]
      for (let t = 0, b = c; t < depth; t++, b += stride) {
        const b0 = B[b]
        const b1 = B[b + 1]
        const b2 = B[b + 2]
        const b3 = B[b + 3]
        const a0 = W[w0 + t]
        const a1 = W[w1 + t]
        const a2 = W[w2 + t]
        const a3 = W[w3 + t]
        c00 += a0 * b0
        c01 += a0 * b1
        c02 += a0 * b2
        c03 += a0 * b3
        c10 += a1 * b0
        c11 += a1 * b1
        c12 += a1 * b2
        c13 += a1 * b3
        c20 += a2 * b0
        c21 += a2 * b1
        c22 += a2 * b2
        c23 += a2 * b3
        c30 += a3 * b0
        c31 += a3 * b1
        c32 += a3 * b2
        c33 += a3 * b3
      }
      storeRow(C, r * stride + c, c00, c01, c02, c03)
      storeRow(C, (r + 1) * stride + c, c10, c11, c12, c13)
      storeRow(C, (r + 2) * stride + c, c20, c21, c22, c23)
      storeRow(C, (r + 3) * stride + c, c30, c31, c32, c33)
    }
  }
  for (let r = whole; r < rows; r++) {
    for (let c = 0; c < columns; c += 4) {
      let [c0, c1, c2, c3] = [0, 0, 0, 0]
      for (let t = 0, b = c; t < depth; t++, b += stride) {
        const a = W[r * depth + t]
        c0 += a * B[b]
        c1 += a * B[b + 1]
        c2 += a * B[b + 2]
        c3 += a * B[b + 3]
      }
      storeRow(C, r * stride + c, c0, c1, c2, c3)
    }
  }
}

function storeRow(C: Float64Array, at: number, c0: number, c1: number, c2: number, c3: number): void {
  C[at] = c0
  C[at + 1] = c1
  C[at + 2] = c2
  C[at + 3] = c3
}

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
