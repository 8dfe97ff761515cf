import { type DifferenceSettings, moveOf, type TensorDerivatives } from '../differentiate/evaluator.js'
import type { KinkRefinement } from '../differentiate/refine-kinks.js'
import { crossesKink } from '../network/activations.js'
import { type AnalyticalGradient, userIndex } from '../network/bind.js'
import { gradientsByConvention, isOnKink, type Linearization } from '../network/linearization.js'
import type { ParameterTensor } from '../network/model.js'

/** How many entries of a tensor are followed through the network to see which unit crosses. */
const MOST_FOLLOWED = 3
/** How many tensors the notices name by themselves. */
const MOST_NAMED = 4

/**
 * Settles the entries that sit on a kink: the loss has no derivative there, and backpropagation gives one all the
 * same, by a convention for f′(0). Any value is right between the one-sided slopes and the gradients by the usual
 * conventions (f′(0) of the left side, of the right side, or their mean), which need not lie between the slopes
 * where several units are on their kinks. Of these values the results get the one nearest to the analytical
 * gradient's.
 * @returns for each tensor bounds on the truncation of its results where they are known: 0 for what was evaluated with
 * next to no step, NaN for the others; nothing where no entry crossed a kink
 */
export function settleEntriesOnKinks(
  base: Linearization,
  results: readonly TensorDerivatives[],
  gradients: readonly AnalyticalGradient[],
  { crossed, onKinks }: KinkRefinement,
): (Float64Array | undefined)[] {
  const truncations = results.map(({ entries, kinks }, t) => {
    if (crossed[t].length === 0) return undefined
    const known = new Float64Array(entries.length).fill(Number.NaN)
    for (const position of crossed[t]) if (kinks[position] === 0) known[position] = 0
    for (const position of onKinks[t].positions) known[position] = 0
    return known
  })
  if (onKinks.every(({ positions }) => positions.length === 0)) return truncations
  const conventions = (['left', 'right', 'mean'] as const).map((side) => gradientsByConvention(base, side))
  for (const [t, { positions, left, right }] of onKinks.entries()) {
    const { entries, derivatives } = results[t]
    for (const [k, position] of positions.entries()) {
      const entry = entries[position]
      const usual = conventions.map((gradient) => gradient[t][entry])
      const low = Math.min(left[k], right[k], ...usual)
      const high = Math.max(left[k], right[k], ...usual)
      // not finite where the arithmetic overflowed: the verdict leaves that open
      if (Number.isFinite(low + high)) {
        derivatives[position] = Math.min(high, Math.max(low, gradients[t].values[entry]))
      }
    }
  }
  return truncations
}

/** A unit, at one sample, that a perturbation carries across its kink. */
interface Crossing {
  /** From 0. */
  readonly layer: number
  readonly unit: number
  readonly sample: number
}

/** What a reader must know of kinks: how many entries cross one, where, and what was made of them. */
export function describeKinks(
  base: Linearization,
  results: readonly TensorDerivatives[],
  refinement: KinkRefinement,
  settings: DifferenceSettings,
): string[] {
  const sitting = describeEach(
    base,
    results,
    refinement.onKinks.map(({ positions }) => positions),
    settings,
    true,
    (entries) => `${entries} on a kink`,
    ': any value between the one-sided slopes there was accepted',
  )
  const crossing = describeEach(
    base,
    results,
    refinement.crossed.map((positions, t) => without(positions, refinement.onKinks[t].positions)),
    settings,
    false,
    (entries) => `${entries} a kink`,
    ': evaluated again with a smaller step',
  )
  return [...sitting, ...crossing]
}

function describeEach(
  base: Linearization,
  results: readonly TensorDerivatives[],
  positions: readonly Uint32Array[],
  settings: DifferenceSettings,
  sits: boolean,
  verb: (entries: string) => string,
  consequence: string,
): string[] {
  const concerned = results.flatMap((tensor, t) =>
    positions[t].length > 0 ? [{ tensor, places: positions[t] }] : [],
  )
  const notices = concerned.slice(0, MOST_NAMED).map(({ tensor, places }) => {
    const { parameter, entries } = tensor
    const one = places.length === 1
    const what = `${places.length} ${one ? 'entry' : 'entries'} of ${parameter.name} ${sits ? (one ? 'sits' : 'sit') : one ? 'crosses' : 'cross'}`
    const where = locate(
      base,
      parameter,
      Array.from(places.subarray(0, MOST_FOLLOWED), (k) => entries[k]),
      settings,
      sits,
    )
    return `${verb(what)}${where}${consequence}`
  })
  const rest = concerned.slice(MOST_NAMED)
  if (rest.length > 0) {
    const count = rest.reduce((sum, { places }) => sum + places.length, 0)
    const names = rest.map(({ tensor }) => tensor.parameter.name).join(', ')
    notices.push(`so do ${count} entries of ${names}`)
  }
  return notices
}

/** " of layer 2 (unit 4, sample 7), W1[3, 0] for one": where one of some entries crosses. */
function locate(
  base: Linearization,
  parameter: ParameterTensor,
  entries: readonly number[],
  settings: DifferenceSettings,
  sits: boolean,
): string {
  for (const entry of entries) {
    const crossing = findCrossing(base, parameter, entry, settings, sits)
    if (crossing === undefined) continue
    const { layer, unit, sample } = crossing
    const index = userIndex(parameter, entry)
    const name = index.length === 0 ? parameter.name : `${parameter.name}[${index.join(', ')}]`
    return ` of layer ${layer + 1} (unit ${unit}, sample ${sample}${entries.length > 1 ? `, for ${name}` : ''})`
  }
  return ''
}

/** Follows a perturbed entry through the network, as the textbook does, to the first unit that crosses a kink. */
function findCrossing(
  { model, pass, deviations }: Linearization,
  parameter: ParameterTensor,
  entry: number,
  settings: DifferenceSettings,
  sits: boolean,
): Crossing | undefined {
  const theta = model.values(parameter)
  const kept = theta[entry]
  try {
    const move = moveOf(settings, parameter, entry)
    for (const change of settings.scheme === 'central' ? [move, -move] : [move]) {
      theta[entry] = kept + change
      let input = pass.A[parameter.layer]
      for (let l = parameter.layer; l < model.layers.length; l++) {
        const layer = model.layers[l]
        const { Z, A } = layer.forward(input)
        input = A
        if (!layer.activation.hasKink || layer.endsAtLogits) continue
        const from = pass.Z[l].data
        const at = Z.data.findIndex(
          (z, k) =>
            crossesKink(from[k], z - from[k]) &&
            (!sits || isOnKink(layer.activation, from[k], deviations.Z[l].data[k])),
        )
        if (at !== -1) return { layer: l, unit: at % Z.columns, sample: Math.floor(at / Z.columns) }
      }
    }
    return undefined
  } finally {
    theta[entry] = kept
  }
}

/** Ascending positions without those of another ascending list. */
function without(positions: Uint32Array, others: Uint32Array): Uint32Array {
  let at = 0
  return positions.filter((position) => {
    while (at < others.length && others[at] < position) at++
    return others[at] !== position
  })
}
