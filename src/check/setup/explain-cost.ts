import type { EvaluationHooks } from '../../differentiate/evaluator.js'
import { forwardWork } from '../../differentiate/work.js'
import { WorkSlices } from '../../differentiate/work-slices.js'
import { Backpropagation } from '../../network/backpropagation.js'
import { type Model, outputOf } from '../../network/model.js'
import { boundProductNorm, normOf, RootSum } from '../../network/root-sum-squares.js'
import { setting } from '../../settings.js'
import { DifferenceSum } from '../compare.js'
import type { BoundNetwork, BoundProblem } from '../problem.js'
import type { Verdict } from '../report.js'
import type { CostSuspect, SetupChange } from './findings.js'
import { isGuardedCost } from './guarded-cost.js'
import { listPenalties } from './penalties.js'
import { COST_AGREEMENT, isSameCost, type SavedCost } from './saved-cost.js'
import { type CostTerms, listOtherNetworks, listReductions, type OtherNetwork } from './variants.js'

/** How many roundings of each of its terms a cost may be off by. */
const COST_ROUNDINGS = 16
/** Where a cost is known no better than this, the gradient must agree as well for a suspect to be named. */
const FEWEST_DIGITS = 1e-4
/** Multiply-adds that the search may spend on whole forward passes. */
const SEARCH_WORK = 3e9
const MOST_SUSPECTS = 8
/** How much closer to a saved cost another network must be than ours, which is close, for that to be no chance. */
const PROOF = 1e4
/** Digits of a cost that may have been rounded to be printed; with fewer it says too little. */
const FEWEST_PRINTED = 4
const MOST_PRINTED = 7

/** What may have been computed instead of the network declared. */
interface Variant {
  readonly change: SetupChange
  readonly message: string
  readonly fix: string
  /** The network, without L2: that is in the terms. */
  readonly bound: BoundNetwork
  /** The loss of its samples. */
  readonly dataCost: number
  readonly terms: CostTerms
  /** True where so much else gives the same cost that the gradient has to agree as well. */
  readonly needsGradient: boolean
}

/** A saved cost against that of the network declared. */
export interface CostComparison {
  readonly agrees: boolean
  /** Of a cost that was rounded before it was saved: how many digits it has, all of which agree. */
  readonly digits?: number
  /** What explains the disagreement, those that the gradient speaks for alone if there are any. */
  readonly suspects: readonly CostSuspect[]
}

/**
 * Compares the cost that the user's code computed with that of the network declared. Where they disagree, the usual
 * mistakes are tried one at a time (`listOtherNetworks`, `listReductions`, `listPenalties`; another loss added up
 * otherwise as well): one is named if it gives the saved cost to the precision it has. Those by which the
 * analytical gradient also agrees come alone.
 * @param magnitudes Σ|terms| of every gradient entry
 * @param tolerance the check's, for gradients
 * @param verdict on the gradient, by the network declared
 */
export async function compareCost(
  problem: BoundProblem,
  saved: SavedCost,
  magnitudes: readonly Float64Array[],
  tolerance: number,
  verdict: Verdict,
  hooks: EvaluationHooks,
): Promise<CostComparison> {
  const { model } = problem
  const costTerms = sumCostTerms(model, magnitudes)
  const precision = COST_ROUNDINGS * saved.unitRoundoff * costTerms
  const error = Math.abs(saved.value - model.cost())
  const agreement = { agrees: true, suspects: [] }
  if (error <= precision) return agreement
  const digits = countRoundedDigits(saved, model.cost())
  const isGuarded = isGuardedCost(model, saved.value, precision)
  const isClose = isGuarded || digits !== undefined || isSameCost(model.cost(), saved.value)
  // nothing explains a cost that is further from it than the network declared
  const allowed = Math.min(error, Math.max(precision, COST_AGREEMENT * Math.abs(saved.value)))
  const found = await findSuspects(problem, saved.value, precision, allowed, tolerance, hooks)
  const confirmed = found.filter(({ suspect }) => suspect.gradientAgrees)
  const chosen = isClose
    ? // two networks may be as close as that: of a gradient that is wrong only one has it, and one alone has the cost
      verdict === 'fail'
      ? confirmed
      : found.filter(({ isProven }) => isProven && !isGuarded)
    : confirmed.length > 0
      ? confirmed
      : found
  if (isClose && chosen.length === 0) return digits === undefined ? agreement : { ...agreement, digits }
  return { agrees: false, suspects: chosen.slice(0, MOST_SUSPECTS).map(({ suspect }) => suspect) }
}

/** The digits of a cost that was rounded to few, as a printed one is, and is ours rounded so; undefined for any other. */
function countRoundedDigits({ value, store }: SavedCost, cost: number): number | undefined {
  for (let digits = FEWEST_PRINTED; digits <= MOST_PRINTED; digits++) {
    if (store(Number(value.toPrecision(digits))) !== value) continue
    return Number(cost.toPrecision(digits)) === Number(value.toPrecision(digits)) ? digits : undefined
  }
  return undefined
}

interface FoundSuspect {
  readonly suspect: CostSuspect
  /** True where it gives all the digits of a cost that ours has some of, so many that it is no chance. */
  readonly isProven: boolean
}

/**
 * The variants that give a saved cost, each function once.
 * @param precision of the cost; within it a variant needs no gradient to speak for it
 * @param allowed how far off its cost may be at most
 */
async function findSuspects(
  problem: BoundProblem,
  saved: number,
  precision: number,
  allowed: number,
  tolerance: number,
  hooks: EvaluationHooks,
): Promise<FoundSuspect[]> {
  const squares = sumSquares(problem.model)
  const found: FoundSuspect[] = []
  const known = new Set<string>()
  for await (const variant of listVariants(problem, saved, precision, hooks)) {
    const { terms, dataCost } = variant
    const cost = terms.data * dataCost + terms.weights * squares.weights + terms.biases * squares.biases
    const error = Math.abs(cost - saved)
    if (!(error <= allowed)) continue
    const gradientDifference = compareGradients(variant)
    const gradientAgrees = gradientDifference <= tolerance
    const isPrecise = error <= precision && precision <= FEWEST_DIGITS * Math.abs(saved)
    if (!gradientAgrees && (variant.needsGradient || !isPrecise)) continue
    // a sum of squares that is halved is half-squared-error: the first to come has an option
    const key = describeFunction(variant)
    if (known.has(key)) continue
    known.add(key)
    const { change, message, fix } = variant
    const suspect = { change, message, fix, gradientDifference, gradientAgrees }
    found.push({ suspect, isProven: isPrecise && !variant.needsGradient && precision * PROOF <= allowed })
  }
  return found
}

async function* listVariants(
  problem: BoundProblem,
  cost: number,
  precision: number,
  hooks: EvaluationHooks,
): AsyncGenerator<Variant> {
  const { model, rebind } = problem
  const { l2 } = model.network
  const declared = measure(rebind({ ...model.network, l2: 0 }))
  const terms: CostTerms = { data: 1, weights: model.l2Scale, biases: 0 }
  const squares = sumSquares(model)
  for (const penalty of listPenalties(
    cost,
    declared.dataCost,
    squares,
    model.countedSamples,
    l2,
    precision,
  )) {
    yield { ...declared, change: 'l2', ...penalty }
  }
  const slices = new WorkSlices()
  const forward = forwardWork(model)
  const others: [Measured, OtherNetwork][] = []
  let work = 0
  for (const other of listOtherNetworks(model, rebind)) {
    if (slices.isOver) await slices.pause()
    if (hooks.signal?.aborted || work > SEARCH_WORK) break
    const bound = other.bind()
    if (bound === undefined) continue
    work += forward
    const { change, message, fix } = other
    const measured = measure(bound)
    yield { change, message, fix, ...measured, terms, needsGradient: false }
    if (change === 'loss') others.push([measured, other])
  }
  yield* listScaled(declared, undefined, terms, l2)
  for (const [measured, other] of others) yield* listScaled(measured, other, terms, l2)
}

/** A network's loss added up otherwise, its L2 term as it is or along with the rest. */
function* listScaled(
  measured: Measured,
  loss: OtherNetwork | undefined,
  terms: CostTerms,
  l2: number,
): Generator<Variant> {
  for (const { factor, message } of listReductions(measured.bound.model)) {
    const divide = `divide the saved cost and gradients by ${formatFactor(factor)}`
    const variant = {
      ...measured,
      change: loss === undefined ? ('reduction' as const) : loss.change,
      message: loss === undefined ? `the loss is ${message}` : `${loss.message}, ${message}`,
      fix: loss === undefined ? divide : `${loss.fix} and ${divide}`,
      needsGradient: loss !== undefined,
    }
    const lambda = l2 === 0 ? '' : `, with ${setting('l2', Number((l2 / factor).toPrecision(9)))}`
    yield { ...variant, fix: variant.fix + lambda, terms: { ...terms, data: factor } }
    if (l2 === 0) continue
    const whole = { data: factor, weights: factor * terms.weights, biases: 0 }
    yield { ...variant, message: `${variant.message}, the L2 term along with it`, terms: whole }
  }
}

const formatFactor = (factor: number) =>
  factor >= 1 || 1 / factor !== Math.round(1 / factor)
    ? String(Number(factor.toPrecision(9)))
    : `1/${1 / factor}`

type Measured = Pick<Variant, 'bound' | 'dataCost'>

/** A network without L2, with the loss of its samples. */
const measure = (bound: BoundNetwork): Measured => ({ bound, dataCost: bound.model.cost() })

/** What a variant computes, in words that are equal where that is. */
function describeFunction({ bound: { model }, terms }: Variant): string {
  const { layout } = model.network
  const factors = [model.lossScale * terms.data, terms.weights, terms.biases].map((f) => f.toPrecision(12))
  const biases = model.layers.map((layer) => layer.biases !== undefined)
  // an activation by what it computes: not all have a name
  const activations = model.layers.map(({ activation }) =>
    [-0.7, 1.3].map((z) => activation.value(z).toPrecision(12)),
  )
  return [model.loss.code, layout, ...factors, ...biases, ...activations].join()
}

function sumSquares(model: Model): { weights: number; biases: number } {
  const sums = { weights: 0, biases: 0 }
  for (const parameter of model.parameters) {
    for (const value of model.values(parameter)) sums[parameter.role] += value * value
  }
  return sums
}

/** Entries of each tensor that tell most networks from the one that a gradient belongs to. */
const PROBES = 32

/**
 * The difference of the analytical gradient and backpropagation through a variant, or where that is above `most`
 * possibly something between: a few entries tell in most cases, by bounds on the norms.
 */
export function compareGradients(
  { bound, terms }: Pick<Variant, 'bound' | 'terms'>,
  most = Number.POSITIVE_INFINITY,
): number {
  const { model, gradients } = bound
  const pass = model.basePass
  const backpropagation = new Backpropagation(model.layers, model.backwardSteps(pass))
  const [probed, bounds] = [new DifferenceSum(), new RootSum()]
  for (const [t, parameter] of model.parameters.entries()) {
    const [given, theta] = [gradients[t].values, model.values(parameter)]
    const delta = backpropagation.delta(parameter.layer)
    const input = parameter.role === 'biases' ? undefined : pass.A[parameter.layer]
    bounds.add(terms.data * boundProductNorm(delta, input) + 2 * terms[parameter.role] * normOf(theta))
    const count = Math.min(PROBES, given.length)
    for (let k = 0; k < count; k++) {
      const offset = Math.floor(((k + 0.5) * given.length) / count)
      const entry = backpropagation.gradientEntry(parameter, offset)
      probed.add(given[offset], terms.data * entry + 2 * terms[parameter.role] * theta[offset])
    }
  }
  const norms = normOf(...gradients.map(({ values }) => values)) + bounds.value
  // half of it: the bound has roundings of its own
  const least = probed.distance / norms / 2
  if (least > most) return least
  const sum = new DifferenceSum()
  for (const [t, parameter] of model.parameters.entries()) {
    const [given, theta] = [gradients[t].values, model.values(parameter)]
    const right = backpropagation.gradient(parameter)
    const decay = 2 * terms[parameter.role]
    for (let k = 0; k < right.length; k++) sum.add(given[k], terms.data * right[k] + decay * theta[k])
  }
  return sum.difference
}

/** Σ of the absolute terms of J, those of the activations that it is made of included. */
function sumCostTerms(model: Model, magnitudes: readonly Float64Array[]): number {
  let terms =
    model.lossScale *
      model.loss.conditions(outputOf(model.forward()), model.targets).reduce((sum, term) => sum + term, 0) +
    model.l2Cost()
  for (const [t, parameter] of model.parameters.entries()) {
    const theta = model.values(parameter)
    for (let k = 0; k < theta.length; k++) terms += Math.abs(theta[k]) * magnitudes[t][k]
  }
  return terms
}
