import { forwardWork } from '../../differentiate/work.js'
import { Backpropagation, type BackwardSteps } from '../../network/backpropagation.js'
import { type Linearization, slopeAtKink } from '../../network/linearization.js'
import type { Matrix } from '../../network/matrix.js'
import type { Model, ParameterTensor } from '../../network/model.js'
import { KINK_CONVENTIONS, type KinkConvention } from '../../operations/scalar-rule.js'
import type { UnitsOnKinks } from './units-on-kinks.js'

/** Multiply-adds that the search may take. */
const SEARCH_WORK = 1e9
/** How many backpropagations are followed at a time: at least those of a layer by itself, at most all of four layers. */
const FOLLOWED = { least: 9, most: 81 } as const

/** What one layer's units on their kinks are taken to have for a slope. */
export interface LayerChoice {
  /** From 0. */
  readonly layer: number
  readonly convention: KinkConvention
}

/** A backpropagation by conventions, a choice for every layer where it makes a difference. */
export interface ConventionalPass {
  readonly backpropagation: Backpropagation
  readonly choices: readonly LayerChoice[]
}

/** How well a tensor of some backpropagation agrees with the analytical gradient. */
export interface Agreement {
  /** Entries that disagree. */
  readonly disagreements: number
  /** How far apart the two are, to choose among equals. */
  readonly distance: number
}

/** What the usual conventions make of a gradient. */
export interface ConventionalGradients {
  /** The pass that agrees best with the analytical gradient. */
  readonly best: ConventionalPass
  /** Least and largest value of every entry by any combination of conventions, by tensor. */
  readonly low: readonly Float64Array[]
  readonly high: readonly Float64Array[]
  /** For each layer, whether `low` and `high` are over every combination. */
  readonly complete: readonly boolean[]
}

/**
 * Follows backpropagation from the last layer to the first with every convention for f′(0) at each layer that has units
 * on their kinks: one convention for all of a layer's units, as code has it. Of more passes than can be followed, those
 * are that agree best so far.
 * @param compare tensor `t` of a pass with the analytical gradient
 */
export function followConventions(
  base: Linearization,
  units: readonly (UnitsOnKinks | undefined)[],
  compare: (t: number, values: Float64Array) => Agreement,
): ConventionalGradients {
  const { model, pass } = base
  const most = countFollowed(model)
  const steps = model.backwardSteps(pass)
  let followed: Followed[] = [
    {
      backpropagation: new Backpropagation(model.layers, steps),
      choices: [],
      disagreements: 0,
      distance: 0,
    },
  ]
  const low = model.parameters.map(({ size }) => new Float64Array(size).fill(Number.POSITIVE_INFINITY))
  const high = model.parameters.map(({ size }) => new Float64Array(size).fill(Number.NEGATIVE_INFINITY))
  const complete: boolean[] = []
  let isComplete = true
  for (let l = model.layers.length - 1; l >= 0; l--) {
    const here = units[l]
    if (here !== undefined) followed = followed.flatMap((one) => branch(base, l, here, one))
    complete[l] = isComplete
    followed = followed.map((one) => {
      let { disagreements, distance } = one
      for (const [t, parameter] of model.parameters.entries()) {
        if (parameter.layer !== l) continue
        const values = one.backpropagation.gradient(parameter)
        extend(low[t], high[t], values)
        const agreement = compare(t, values)
        disagreements += agreement.disagreements
        distance += agreement.distance
      }
      return { ...one, disagreements, distance }
    })
    followed.sort((a, b) => a.disagreements - b.disagreements || a.distance - b.distance)
    if (followed.length > most) {
      followed = followed.slice(0, most)
      isComplete = false
    }
  }
  return { best: followed[0], low, high, complete }
}

interface Followed extends ConventionalPass, Agreement {}

function countFollowed(model: Model): number {
  const work = 3 * forwardWork(model)
  return Math.max(FOLLOWED.least, Math.min(FOLLOWED.most, Math.floor(SEARCH_WORK / work)))
}

/** One pass with every slope that a layer's units on their kinks may have; once where it makes no difference. */
function branch(base: Linearization, l: number, units: UnitsOnKinks, from: Followed): Followed[] {
  const different: { delta: Matrix; branched: Followed }[] = []
  for (const slopes of listSlopes(base, l, units)) {
    const steps = withSlopes(from.backpropagation.steps, l, slopes.of)
    const backpropagation = from.backpropagation.replaceSteps(steps, l, 'delta')
    const delta = backpropagation.delta(l)
    if (different.some((other) => isSame(other.delta, delta))) continue
    const choices = [...from.choices, { layer: l, convention: slopes.convention }]
    different.push({ delta, branched: { ...from, backpropagation, choices } })
  }
  if (different.length > 1) return different.map(({ branched }) => branched)
  return different.map(({ branched }) => ({ ...branched, choices: from.choices }))
}

/** The slopes of units on their kinks: undefined for all others. */
interface Slopes {
  readonly convention: KinkConvention
  of(k: number): number | undefined
}

/** By every convention; units that rounding leaves open by it as well, or by the side where they come out here. */
function listSlopes({ model, pass }: Linearization, l: number, { exact, rounded }: UnitsOnKinks): Slopes[] {
  const { activation } = model.layers[l]
  return KINK_CONVENTIONS.flatMap((convention): Slopes[] => {
    const slope = slopeAtKink(activation, convention)
    const all = { convention, of: (k: number) => (exact.has(k) || rounded.has(k) ? slope : undefined) }
    if (rounded.size === 0) return [all]
    const asComputed = (k: number) => {
      const z = pass.Z[l].data[k]
      return z === 0 ? slope : slopeAtKink(activation, z > 0 ? 'right' : 'left')
    }
    return [
      { convention, of: (k) => (exact.has(k) ? slope : rounded.has(k) ? asComputed(k) : undefined) },
      all,
    ]
  })
}

function withSlopes(steps: BackwardSteps, l: number, slopeOf: Slopes['of']): BackwardSteps {
  return {
    ...steps,
    passActivation(layer, k, upstream) {
      const slope = layer === l ? slopeOf(k) : undefined
      return slope === undefined ? steps.passActivation(layer, k, upstream) : upstream * slope
    },
  }
}

const isSame = (a: Matrix, b: Matrix) => a.data.every((value, k) => value === b.data[k])

function extend(low: Float64Array, high: Float64Array, values: Float64Array): void {
  for (const [k, value] of values.entries()) {
    if (value < low[k]) low[k] = value
    if (value > high[k]) high[k] = value
  }
}

/** The gradient that none of the units on their kinks has a part in, the penalty left out, in the order of `parameters`. */
export function gradientOffKinks(
  { model, pass }: Linearization,
  units: readonly (UnitsOnKinks | undefined)[],
): Float64Array[] {
  const steps = model.backwardSteps(pass)
  const backpropagation = new Backpropagation(model.layers, {
    ...steps,
    passActivation: (l, k, upstream) =>
      units[l]?.exact.has(k) || units[l]?.rounded.has(k) ? 0 : steps.passActivation(l, k, upstream),
    penalty: () => 0,
  })
  return model.parameters.map((parameter) => backpropagation.gradient(parameter))
}

/**
 * Bounds on the gradient where every unit on its kink has any slope between those beside it, each its own: the middle
 * and the distance from it, by tensor.
 */
export function boundGradients(
  { model, pass }: Linearization,
  units: readonly (UnitsOnKinks | undefined)[],
): { readonly middle: readonly Float64Array[]; readonly reach: readonly Float64Array[] } {
  const isOn = (l: number, k: number) => units[l]?.exact.has(k) === true || units[l]?.rounded.has(k) === true
  const beside = (l: number) =>
    (['left', 'right'] as const).map((side) => slopeAtKink(model.layers[l].activation, side))
  const steps = model.backwardSteps(pass)
  const middle = new Backpropagation(model.layers, {
    ...steps,
    passActivation(l, k, upstream) {
      if (!isOn(l, k)) return steps.passActivation(l, k, upstream)
      const [left, right] = beside(l)
      return upstream * ((left + right) / 2)
    },
  })
  // what the middle may be off by passes back by absolute values; at a unit on its kink the middle's own slope varies
  const reach = new Backpropagation(model.layers, {
    lossDerivative() {
      const zero = steps.lossDerivative()
      return { ...zero, data: new Float64Array(zero.data.length) }
    },
    passActivation(l, k, distance) {
      if (!isOn(l, k)) return Math.abs(steps.passActivation(l, k, distance))
      const [left, right] = beside(l)
      const most = Math.max(Math.abs(left), Math.abs(right))
      return distance * most + (Math.abs(middle.upstream(l).data[k]) * Math.abs(right - left)) / 2
    },
    weights: (l) => steps.weights(l).map(Math.abs),
    input: (l) => ({ ...pass.A[l], data: pass.A[l].data.map(Math.abs) }),
    penalty: () => 0,
  })
  const gradientsOf = (backpropagation: Backpropagation) =>
    model.parameters.map((parameter: ParameterTensor) => backpropagation.gradient(parameter))
  return { middle: gradientsOf(middle), reach: gradientsOf(reach) }
}
