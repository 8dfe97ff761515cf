import { type Cotangents, reversePass } from '../../backward/reverse-pass.js'
import { createDerivatives, type Evaluator, type TensorDerivatives } from '../../differentiate/evaluator.js'
import { GradcheckError } from '../../errors.js'
import { bareParameter } from '../../network/model.js'
import { formatOf } from '../../network/rounding.js'
import { createCpuCarrier } from '../../program/carry-changes.js'
import { ProgramDifferences } from '../../program/differentiate-parameter.js'
import type { BoundProgram } from '../../program/evaluate.js'
import { type ParameterPlan, PerturbationPlanner } from '../../program/plan.js'
import type { InputValue, Program } from '../../program/program.js'
import { requireRecord } from '../../requirements.js'
import { type DType, elementCount } from '../../tensor.js'
import type { BackwardReport, FollowedBackward } from '../backward-report.js'
import type { CheckOptions } from '../check-options.js'
import { chooseEvaluator, requireCommonOptions, requireStep } from '../check-options.js'
import { AGREEMENT } from '../cross-validation.js'
import { diagnoseProgram } from '../diagnosis/diagnose-numbers.js'
import type { ErrorEstimate } from '../error-estimate.js'
import { listEntries } from '../gradient-entries.js'
import type { TensorEvidence, TensorJudgement } from '../judge.js'
import { concludeAll, judgeAll } from '../judge-all.js'
import type { CheckReport, Finding, Verdict } from '../report.js'
import { isSameCost, type SavedCost } from '../setup/saved-cost.js'
import { defaultTolerance } from '../tolerances.js'
import {
  type BoundProgramProblem,
  bindProgramProblem,
  type CheckedParameter,
  type ProgramProblem,
} from './bind-program-problem.js'
import { checkIntermediates } from './check-intermediates.js'
import { crossValidateProgram } from './cross-validate-program.js'
import { describeConstants, findConstants } from './find-constants.js'
import { createProgramEstimate } from './program-estimate.js'
import { explainOutput, reportOutput } from './saved-output.js'
import { describeProgramKinks, settleProgramKinks } from './settle-program-kinks.js'

/** The step of programs: no difference loses digits to it, and next to nothing crosses or curves within it. */
const DEFAULT_STEP = 1e-7
/** What a step is multiplied by to see what sits on a kink: well above what rounding moves. */
const FINE = 2 ** -20
/** The same where truncation is in question: so little that nothing curves within it, whatever units it is in. */
const FINEST = 2 ** -200
/** A second look takes half of that as well; what is left is below this many times the difference of the two. */
const LEFT_BY_HALVING = 2

/** A ratio of costs that may be a number of samples or elements. */
const MOST_TIMES = 1e6

/** Open elements of a tensor, so many times, are not more than what is moved where each of them is looked at by itself. */
const FEW_OPEN = 8

/** How many of its own roundings a saved cost may be off by. */
const COST_ROUNDINGS = 16

/**
 * Checks the gradient of a loss that is built of operations: every element of the parameters whose gradient is given is
 * perturbed, or what the operations make that they enter.
 * @throws GradcheckError for input that cannot be checked
 */
export async function checkProgram(problem: ProgramProblem, options: CheckOptions): Promise<CheckReport> {
  const step = readStep(options)
  const evaluator = chooseEvaluator(options)
  const read = bindProgramProblem(problem)
  const { bound, checked } = read
  const started = performance.now()
  const settings = { step, scheme: 'central' } as const
  const toleranceOf = (dtype: DType) => options.tolerance ?? defaultTolerance(evaluator, dtype, settings)
  const gradients = checked.map(({ gradient }) => gradient)
  const tolerances = gradients.map(({ dtype }) => toleranceOf(dtype))
  const cotangents = reversePass(bound, { wanted: checked.map(({ input }) => input.id) })
  const { estimate, exact, roundingIn } = createProgramEstimate(
    bound,
    cotangents,
    checked,
    evaluator.precision,
  )
  const evaluated = await evaluate(read, evaluator, step, estimate, tolerances, options)
  const { results, truncations, crossed, perturbations, interrupted, secondLook } = evaluated
  // before entries on kinks get what a convention gives them
  const crossValidation = await crossValidateProgram(bound, checked, results, estimate)
  const kinks = settleProgramKinks(read, results, crossed, estimate, tolerances)
  const constants = await findConstants(bound, checked, results, estimate, exact)
  const terms = sizeOfTerms(bound, cotangents)
  const evidence = checked.map(
    ({ gradient }, t): TensorEvidence => ({
      gradient,
      estimate,
      tolerance: tolerances[t],
      truncations: truncations[t],
      crossings: crossed[t],
      between: kinks.between[t],
      untested: kinks.untested[t],
      isConstant: constants[t] !== undefined,
      ofCancelled: boundCancelled(bound, checked[t], results[t], terms, estimate.atMost(t)),
    }),
  )
  const judged = judgeAll({ results, gradients, estimate, roundingIn, evidence }, toleranceOf)
  const { judgements, totals } = judged
  const cost = bound.base[bound.program.output][0]
  const concluded = concludeAll(
    { judgements, crossValidation, secondLook, totals, evaluator, interrupted },
    tolerances,
  )
  const { tolerance, numericalError } = concluded
  const otherCost = read.savedCost && explainCost(read.savedCost, cost)
  const otherOutput = read.output && explainOutput(read.output, concluded.verdict === 'fail')
  const others = [otherOutput, otherCost].filter((other) => other !== undefined)
  const reasons = [...others, ...concluded.reasons]
  const verdict = others.length === 0 ? concluded.verdict : 'inconclusive'
  const { built } = read
  const intermediates = await checkIntermediates(
    built.program,
    built.arrays,
    problem.intermediates ?? new Map(),
    judgements.map(({ report }) => report),
    options.signal,
  )
  return {
    schema: 1,
    verdict,
    difference: totals.difference.difference,
    tolerance,
    numericalError,
    cost,
    ...(read.savedCost === undefined
      ? {}
      : { savedCost: { value: read.savedCost.value, agrees: otherCost === undefined } }),
    ...(read.output === undefined ? {} : { savedOutput: reportOutput(read.output) }),
    ...(problem.forward === undefined
      ? {}
      : { forward: { ...problem.forward, stages: countComputed(bound.program) } }),
    ...(intermediates.reports.length === 0 ? {} : { intermediates: intermediates.reports }),
    ...(problem.backward === undefined ? {} : { backward: judgeLines(problem.backward, judgements) }),
    parameters: {
      total: checked.reduce((sum, { input }) => sum + elementCount(input.shape), 0),
      checked: results.reduce((sum, { done }) => sum + done, 0),
    },
    method: 'difference',
    scheme: 'central',
    step,
    precision: evaluator.precision,
    device: { evaluator: evaluator.name, adapter: evaluator.adapter, software: evaluator.software },
    tensors: judgements.map(({ report }) => report),
    setup: [],
    diagnosis: verdict === 'fail' ? diagnose(read, cotangents, results, judgements, judged.estimate) : [],
    crossValidation: { checked: crossValidation.checked, difference: crossValidation.difference },
    timing: { seconds: (performance.now() - started) / 1000, perturbations },
    reasons: verdict === 'inconclusive' ? reasons : [],
    notices: [
      ...reasons,
      ...intermediates.notices,
      ...(problem.forward?.notices ?? []),
      ...describeProgramKinks(kinks),
      ...describeConstants(constants),
    ],
    interrupted,
    ...(options.keepGradients === true
      ? { gradients: results.map((tensor, t) => listEntries(tensor, t, evidence[t])) }
      : {}),
  }
}

const countComputed = ({ values }: Program) => values.filter(({ kind }) => kind === 'computed').length

/** Roundings of the largest terms of a loss and of what cancels behind them. */
const CANCELLED_ROUNDINGS = 8

/**
 * What rounding may leave where a derivative is 0 in the program, but the terms of the user's own formula cancel: a
 * softmax over one class, the cosine of equal vectors. It is as much as rounding makes of any element of the tensor;
 * where all of them are 0, what changes the loss by rounding of its largest terms over the whole size of the element.
 * @param terms size of the largest terms
 * @param most what rounding makes of the tensor's elements at most
 */
function boundCancelled(
  bound: BoundProgram,
  { input, gradient }: CheckedParameter,
  { derivatives }: TensorDerivatives,
  terms: number,
  most: number,
): (offset: number) => number {
  if (!derivatives.every((numerical) => Math.abs(numerical) <= most)) return () => most
  const values = bound.base[input.id]
  const rounding = CANCELLED_ROUNDINGS * formatOf(gradient.dtype).unitRoundoff * terms
  return (offset) => (values[offset] === 0 ? most : Math.max(most, rounding / Math.abs(values[offset])))
}

/** The most that the loss changes, to first order, if every element of one of its values is off by its own size. */
function sizeOfTerms({ base }: BoundProgram, cotangents: Cotangents): number {
  return base.reduce((most, value, id) => {
    const slopes = cotangents[id]
    return slopes === undefined
      ? most
      : Math.max(
          most,
          value.reduce((sum, element, k) => sum + Math.abs(element * slopes[k]), 0),
        )
  }, 0)
}

/** @throws GradcheckError `bad-usage` for options that a program does not take */
function readStep(options: CheckOptions): number {
  requireRecord('the options', options, 'give { step, tolerance, … }, or leave them out')
  const { method, scheme, fast, sample, steps, step = DEFAULT_STEP } = options
  const refuse = (what: string, fix: string) => new GradcheckError('bad-usage', what, { fix })
  if (method === 'textbook' || options.evaluator?.name === 'textbook') {
    throw refuse('a program is checked by difference arithmetic', 'leave the method out')
  }
  if (scheme !== undefined && scheme !== 'central') {
    throw refuse('a program is checked by central differences', 'leave scheme out')
  }
  if (fast === true || sample !== undefined || (steps !== undefined && steps !== false)) {
    throw refuse('every parameter of a program is checked, at one step', 'leave fast, sample and steps out')
  }
  requireStep(step)
  requireCommonOptions(options)
  return step
}

interface Evaluated {
  readonly results: readonly TensorDerivatives[]
  readonly truncations: readonly (Float64Array | undefined)[]
  /** How many entries of each tensor crossed a kink at the step asked for. */
  readonly crossed: readonly number[]
  readonly perturbations: number
  readonly interrupted: boolean
  /** What a look in float64 at tensors that are open says of a device. */
  readonly secondLook: { readonly checked: number; readonly disagreements: number }
}

/** Differentiates by every parameter; where something disagrees or crosses, with next to no step as well. */
async function evaluate(
  { bound, checked }: BoundProgramProblem,
  evaluator: Evaluator,
  step: number,
  estimate: ErrorEstimate,
  tolerances: readonly number[],
  { signal, onProgress, perturb = 'auto' }: CheckOptions,
): Promise<Evaluated> {
  const carrier = evaluator.createCarrier?.(bound) ?? createCpuCarrier(bound)
  const exact = evaluator.precision === 'double' ? carrier : createCpuCarrier(bound)
  // a device's numbers are too short for steps that are next to nothing
  const [coarse, fine] = [carrier, exact].map((by) => new ProgramDifferences(bound, by, signal))
  const planner = new PerturbationPlanner(bound)
  const plans = checked.map(({ input }) => planner.plan(input, perturb))
  const results = createDerivatives(
    checked.map(({ input }) => ({
      parameter: bareParameter(input.name, input.shape),
      entries: allOf(elementCount(input.shape)),
    })),
    (t) => plans[t].perturbed,
  )
  const total = results.reduce((sum, { entries }) => sum + entries.length, 0)
  const truncations: (Float64Array | undefined)[] = checked.map(() => undefined)
  const crossed = checked.map(() => 0)
  const secondLook = { checked: 0, disagreements: 0 }
  let done = 0
  try {
    for (const [t, { input, gradient }] of checked.entries()) {
      onProgress?.({ done, total, phase: 'perturbing' })
      let found = await coarse.byParameter(input, plans[t], step)
      if (found === undefined) break
      const { derivatives } = found
      crossed[t] = found.crossed.reduce((sum, mark) => sum + mark, 0)
      const open = derivatives.reduce((listed: number[], numerical, k) => {
        const sizes = Math.abs(numerical) + Math.abs(gradient.values[k])
        const distance = Math.abs(numerical - gradient.values[k])
        const isClear = distance <= tolerances[t] * sizes + estimate.ofRounding(t, k)
        if (found!.crossed[k] !== 0 || !isClear) listed.push(k)
        return listed
      }, [])
      if (open.length > 0) {
        const moved = countMoved(bound, input, plans[t])
        // few are moved one by one; a device is looked at as a whole
        const isListed = carrier === exact && FEW_OPEN * open.length <= moved
        const look = (by: number) =>
          isListed ? fine.byElements(input, open, by * step) : fine.byParameter(input, plans[t], by * step)
        const again = crossed[t] > 0 ? await look(FINE) : found
        const finest = await look(FINEST)
        const half = await look(FINEST / 2)
        if (again === undefined || finest === undefined || half === undefined) break
        const left = half.derivatives.map(
          (derivative, k) => LEFT_BY_HALVING * Math.abs(derivative - finest.derivatives[k]),
        )
        truncations[t] = isListed
          ? spread(new Float64Array(derivatives.length).fill(Number.NaN), open, left)
          : left
        if (carrier !== exact) {
          const same =
            crossed[t] > 0 ? undefined : await fine.byParameter(input, plans[t], carrier.roundStep(step))
          for (const [k, numerical] of same?.derivatives.entries() ?? []) {
            secondLook.checked++
            const sizes = Math.abs(numerical) + Math.abs(derivatives[k])
            const allowed = AGREEMENT * sizes + estimate.ofRounding(t, k)
            if (!(Math.abs(numerical - derivatives[k]) <= allowed)) secondLook.disagreements++
          }
        }
        found = isListed
          ? {
              derivatives: spread(derivatives.slice(), open, half.derivatives),
              crossed:
                crossed[t] > 0
                  ? spread(new Uint8Array(derivatives.length), open, again.crossed)
                  : found.crossed,
            }
          : { ...half, crossed: again.crossed }
      }
      results[t].derivatives.set(found.derivatives)
      results[t].kinks.set(found.crossed)
      results[t].done = found.derivatives.length
      done += found.derivatives.length
    }
  } finally {
    carrier.dispose()
  }
  onProgress?.({ done, total, phase: 'perturbing' })
  const perturbations = coarse.perturbations + fine.perturbations
  return { results, truncations, crossed, perturbations, interrupted: done < total, secondLook }
}

/** How many elements are moved for a parameter. */
function countMoved({ program }: BoundProgram, input: InputValue, plan: ParameterPlan): number {
  const ids = plan.perturbed === 'parameters' ? [input.id] : plan.moved.map(({ id }) => id)
  return ids.reduce((sum, id) => sum + elementCount(program.values[id].shape), 0)
}

/** Writes numbers to their places. */
function spread<A extends Float64Array | Uint8Array>(
  into: A,
  places: readonly number[],
  from: ArrayLike<number>,
): A {
  for (const [k, place] of places.entries()) into[place] = from[k]
  return into
}

const allOf = (size: number) => Uint32Array.from({ length: size }, (_, k) => k)

/** What is said of a saved cost that is not the program's; undefined where it agrees. */
function explainCost({ value, unitRoundoff }: SavedCost, cost: number): string | undefined {
  const rounding = COST_ROUNDINGS * unitRoundoff * Math.max(Math.abs(value), Math.abs(cost))
  if (isSameCost(cost, value) || Math.abs(value - cost) <= rounding) return undefined
  const ratio = value / cost
  const isTimes = (one: number) => one >= 1.5 && one < MOST_TIMES && isSameCost(Math.round(one), one)
  const relation = isTimes(ratio)
    ? `${Math.round(ratio)} times that`
    : isTimes(1 / ratio)
      ? `a fraction 1/${Math.round(1 / ratio)} of that`
      : undefined
  const times = relation === undefined ? '' : `, ${relation}: a sum instead of a mean, or the reverse`
  return `the saved cost is ${value}, the program's is ${cost}${times}: the gradient may be that of another loss; write the program as the code computes it`
}

/** The lines of the backward pass, by what the numbers say of its gradients. */
function judgeLines(backward: FollowedBackward, judgements: readonly TensorJudgement[]): BackwardReport {
  const namesOf = (verdict: Verdict) =>
    new Set(judgements.flatMap(({ report }) => (report.verdict === verdict ? [report.name] : [])))
  return backward.judge({ wrong: namesOf('fail'), open: namesOf('inconclusive') })
}

function diagnose(
  { bound, checked }: BoundProgramProblem,
  cotangents: Cotangents,
  results: readonly TensorDerivatives[],
  judgements: readonly TensorJudgement[],
  estimate: ErrorEstimate,
): Finding[] {
  return diagnoseProgram(
    bound,
    cotangents,
    checked.map(({ input }) => input.id),
    results.map(({ parameter, derivatives, kinks }, t) => ({
      name: parameter.name,
      gradient: checked[t].gradient.name,
      shape: parameter.shape,
      analytical: checked[t].gradient.values,
      numerical: derivatives,
      errors: derivatives.map((_, k) =>
        kinks[k] !== 0 ? Number.POSITIVE_INFINITY : estimate.ofRounding(t, k) + estimate.ofArithmetic(t, k),
      ),
      tolerance: judgements[t].report.tolerance,
      isWrong: judgements[t].report.verdict === 'fail',
    })),
  )
}
