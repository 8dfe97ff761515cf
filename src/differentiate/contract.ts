import { multiplyInBlocks } from '../network/blocked-product.js'
import type { Matrix } from '../network/matrix.js'
import type { Products } from '../network/products.js'
import type { TensorSelection } from './evaluator.js'

/** What moving some of a layer's pre-activations, each by itself, does to the loss of its sample. */
export interface OutputSlopes {
  /** Units of the layer, ascending. */
  readonly units: Uint32Array
  /** (J_s(Z + t) − J_s(Z − t))/2t of each unit and sample, units × samples. */
  readonly slopes: Float64Array
  /** Non-zero where some unit is carried across a kink with next to no step, units × samples. */
  readonly open: Uint8Array
}

/** The derivatives of some parameters, and which of them an open kink leaves in doubt. */
export interface Contracted {
  readonly derivatives: Float64Array
  readonly kinks: Uint8Array
}

/**
 * Derivatives of some elements of a layer's tensor.
 * @param input A, samples × inputs
 * @param part elements that feed the units moved
 */
export function contract(
  moved: OutputSlopes,
  input: Matrix,
  { parameter, entries }: TensorSelection,
  products: Products,
): Contracted {
  return parameter.role === 'weights'
    ? contractWeights(moved, input, entries, products)
    : contractBiases(moved, input.rows, entries)
}

/**
 * Derivatives of weights, by the rule of the operation that they enter: Z[s, i] = Σ_j W[i, j]·A[s, j], so that
 * ∂J/∂W[i, j] = Σ_s ∂J_s/∂Z[s, i]·A[s, j], in float64.
 */
function contractWeights(
  moved: OutputSlopes,
  input: Matrix,
  entries: Uint32Array,
  products: Products,
): Contracted {
  const { units, slopes, open } = moved
  const { rows: samples, columns: inputs, data: A } = input
  const kinks = new Uint8Array(entries.length)
  const isWhole = entries.length === units.length * inputs
  const product = isWhole
    ? multiplyInBlocks(
        { data: slopes, count: units.length, depth: samples, byVector: true },
        { data: A, count: inputs, depth: samples, byVector: false },
      )
    : undefined
  const derivatives = product ?? new Float64Array(entries.length)
  if (isWhole && product === undefined) {
    const left = products.prepareForNow(slopes, units.length, samples)
    products.multiply(left, A, inputs, inputs, derivatives)
  }
  for (let from = 0, place = 0; from < entries.length; place++) {
    const first = units[place] * inputs
    let to = from
    while (to < entries.length && entries[to] < first + inputs) to++
    for (let s = 0; s < samples; s++) {
      const slope = slopes[place * samples + s]
      const row = s * inputs - first
      if (!isWhole) for (let k = from; k < to; k++) derivatives[k] += slope * A[row + entries[k]]
      if (open[place * samples + s] === 0) continue
      for (let k = from; k < to; k++) if (A[row + entries[k]] !== 0) kinks[k] = 1
    }
    from = to
  }
  return { derivatives, kinks }
}

/** Derivatives of biases: ∂J/∂b[i] = Σ_s ∂J_s/∂Z[s, i]. */
function contractBiases(moved: OutputSlopes, samples: number, entries: Uint32Array): Contracted {
  const { units, slopes, open } = moved
  const derivatives = new Float64Array(entries.length)
  const kinks = new Uint8Array(entries.length)
  for (let k = 0, place = 0; k < entries.length; k++) {
    while (units[place] < entries[k]) place++
    for (let at = place * samples; at < (place + 1) * samples; at++) {
      derivatives[k] += slopes[at]
      if (open[at] !== 0) kinks[k] = 1
    }
  }
  return { derivatives, kinks }
}
