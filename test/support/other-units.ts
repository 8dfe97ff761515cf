import type { PlainNetwork, Rows } from './plain-network.js'
import { transposed } from './plain-network.js'

/** The network with its inputs in other units, each feature in its own, and first weights that fit: no other number changes. */
export function changeInputUnits(plain: PlainNetwork, factor: (feature: number) => number): PlainNetwork {
  const { layout, inputs, weights } = plain
  const [first, ...others] = weights
  const scaleFeatures = (rows: Rows, by: (feature: number) => number): Rows =>
    rows.map((row, j) => row.map((value) => value * by(j)))
  const byInput = (rows: Rows, isByInput: boolean, by: (feature: number) => number): Rows =>
    isByInput ? scaleFeatures(rows, by) : transposed(scaleFeatures(transposed(rows), by))
  return {
    ...plain,
    inputs: byInput(inputs, layout === 'columns', factor),
    weights: [byInput(first, layout === 'rows', (j) => 1 / factor(j)), ...others],
  }
}
