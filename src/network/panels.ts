import { TERM_BYTES, TILE } from './simd-kernel.js'

/** How many panels of 4 vectors hold so many. */
export const panelsOf = (count: number) => Math.ceil(count / TILE)

/** Bytes of the panels that hold `count` vectors of `depth` elements. */
export const panelBytes = (count: number, depth: number) => panelsOf(count) * depth * TERM_BYTES

/**
 * Writes `size` vectors from number `from` on into panels of 4, each depth × 4. Element t of vector i is at
 * `data[i * depth + t]`. What is beyond them in the last panel does not matter to products.
 */
export function packVectors(
  data: Float64Array,
  depth: number,
  from: number,
  size: number,
  panels: Float64Array,
): void {
  for (let i = 0; i < size; i += TILE) {
    const first = (from + i) * depth
    const last = first + Math.min(TILE, size - i) * depth - depth
    const [second, third] = [Math.min(first + depth, last), Math.min(first + 2 * depth, last)]
    for (let t = 0, at = i * depth; t < depth; t++, at += TILE) {
      panels[at] = data[first + t]
      panels[at + 1] = data[second + t]
      panels[at + 2] = data[third + t]
      panels[at + 3] = data[last + t]
    }
  }
}

/**
 * The same where element t of vector i is at `data[t * stride + i]`.
 * @param places which elements of the vectors are written, `depth` of them; from 0 on where left out
 */
export function packTerms(
  data: Float64Array,
  stride: number,
  depth: number,
  from: number,
  size: number,
  panels: Float64Array,
  places?: Uint32Array,
): void {
  for (let t = 0; t < depth; t++) {
    let read = (places === undefined ? t : places[t]) * stride + from
    let at = TILE * t
    let i = 0
    for (; i + TILE <= size; i += TILE, read += TILE, at += TILE * depth) {
      panels[at] = data[read]
      panels[at + 1] = data[read + 1]
      panels[at + 2] = data[read + 2]
      panels[at + 3] = data[read + 3]
    }
    for (; i < size; i++, read++, at++) panels[at] = data[read]
  }
}
