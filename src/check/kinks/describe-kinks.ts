import { type DifferenceSettings, moveOf, type TensorDerivatives } from '../../differentiate/evaluator.js'
import type { KinkRefinement } from '../../differentiate/refine-kinks.js'
import { listNames } from '../../list-names.js'
import { crossesKink } from '../../network/activations.js'
import { userIndex } from '../../network/bind.js'
import { isOnKink, type Linearization, slopeAtKink } from '../../network/linearization.js'
import type { ParameterTensor } from '../../network/model.js'
import type { KinkAgreement, SettledKinks } from './settle-kinks.js'

/** How many entries of a tensor are followed through the network to see which unit crosses. */
const MOST_FOLLOWED = 3
/** How many tensors the notices name by themselves. */
const MOST_NAMED = 4
/** How many layers' slopes a notice names. */
const MOST_LAYERS = 8

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
  settled: SettledKinks,
  settings: DifferenceSettings,
): string[] {
  const sitting = describeEach(
    base,
    results,
    settled.positions,
    settings,
    true,
    (entries) => `${entries} on a kink`,
    `: ${describeAgreement(base, settled.agreement)}`,
  )
  const crossing = describeEach(
    base,
    results,
    refinement.crossed.map((positions, t) => without(positions, settled.positions[t])),
    settings,
    false,
    (entries) => `${entries} a kink`,
    ': evaluated again with a smaller step',
  )
  return [...sitting, ...crossing]
}

/** What a gradient has where the loss has none. */
function describeAgreement({ model }: Linearization, agreement: KinkAgreement): string {
  switch (agreement.kind) {
    case 'conventions': {
      if (agreement.choices.length === 0) return 'every convention for f′(0) gives the same there'
      const slopes = agreement.choices.map(({ layer, convention }) => ({
        layer,
        slope: String(Number(slopeAtKink(model.layers[layer].activation, convention).toPrecision(4))),
      }))
      const isOne = slopes.every(({ slope }) => slope === slopes[0].slope)
      const named = isOne
        ? slopes[0].slope
        : listNames(
            slopes.toReversed().map(({ layer, slope }) => `${slope} in layer ${layer + 1}`),
            MOST_LAYERS,
          )
      return `the gradient has what f′(0) = ${named} gives there`
    }
    case 'beside': {
      const names = {
        left: 'the slopes on the left',
        right: 'the slopes on the right',
        mean: "both sides' mean",
      }
      return `the gradient has ${names[agreement.side]} there`
    }
    case 'none':
      return 'no convention for f′(0) gives all of the gradient there'
  }
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
        if (at !== -1)
          return { layer: l, unit: at % Z.columns, sample: model.sampleNumber(Math.floor(at / Z.columns)) }
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
