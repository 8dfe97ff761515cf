import type { TensorDerivatives } from '../../differentiate/evaluator.js'
import { normOf } from '../../network/root-sum-squares.js'
import { type ChangeCarrier, createCpuCarrier } from '../../program/carry-changes.js'
import { type BoundProgram, evaluateFrom } from '../../program/evaluate.js'
import { seedOf } from '../../program/numerical-gradient.js'
import { coneOf, type InputValue } from '../../program/program.js'
import { boundValueErrors } from '../../rounding/value-errors.js'
import { FLOAT64_ROUNDOFF } from '../../tensor.js'
import { DifferenceSum } from '../compare.js'
import { AGREEMENT, type CrossValidation } from '../cross-validation.js'
import type { ErrorEstimate } from '../error-estimate.js'
import type { CheckedParameter } from './bind-program-problem.js'

/** Near the cube root of float64's roundoff, where rounding and truncation of whole losses are about equal. */
const STEP = 2 ** -17
const LARGEST_SAMPLE = 24
/** Tensors that the sample is of at most, spread over all: each is carried through the whole program. */
const MOST_TENSORS = 96
/** How many times what is estimated of it a difference of whole losses may be off by. */
const MARGIN = 8

/**
 * Holds a sample of the derivatives against differences of whole losses, which share no rule with difference arithmetic:
 * (J(θ + h) − J(θ − h))/2h at two steps, extrapolated.
 */
export async function crossValidateProgram(
  bound: BoundProgram,
  checked: readonly CheckedParameter[],
  results: readonly TensorDerivatives[],
  estimate: ErrorEstimate,
): Promise<CrossValidation> {
  const { program, base } = bound
  const errors = boundValueErrors(bound)
  const carrier = createCpuCarrier(bound)
  const perTensor = Math.max(1, Math.floor(LARGEST_SAMPLE / checked.length))
  const sum = new DifferenceSum()
  let [count, disagreements] = [0, 0]
  const every = Math.ceil(checked.length / MOST_TENSORS)
  for (const [t, { input }] of checked.entries()) {
    if (t % every !== 0) continue
    const { derivatives, kinks, done } = results[t]
    const cone = coneOf(program, [input.id])
    const own = base[input.id]
    const scale = normOf(own) / Math.sqrt(own.length)
    const picked = Math.min(perTensor, done)
    for (let k = 0; k < picked; k++) {
      const at = Math.floor(((k + 0.5) * done) / picked)
      if (kinks[at] !== 0 || !Number.isFinite(derivatives[at])) continue
      const quotient = (h: number) => {
        const [above, below] = [own[at] + h, own[at] - h]
        const lossAt = (value: number) =>
          evaluateFrom(bound, new Map([[input.id, own.with(at, value)]]), cone)
        return (lossAt(above) - lossAt(below)) / (above - below)
      }
      const size = Math.abs(own[at])
      const usual = STEP * (Math.max(scale, size) || 1)
      // on its side of 0, where kinks and the ends of domains are
      const step = size === 0 ? usual : Math.min(usual, size / 4)
      const [coarse, fine] = [quotient(step), quotient(step / 2)]
      if (!Number.isFinite(coarse) || !Number.isFinite(fine)) continue
      const slow = fine + (fine - coarse) / 3
      const rounding = (FLOAT64_ROUNDOFF * errors[program.output][0]) / step
      const allowed = MARGIN * (rounding + Math.abs(fine - coarse)) + estimate.ofRounding(t, at)
      // where a derivative is infinite nothing is estimated
      if (!Number.isFinite(allowed)) continue
      const agrees = Math.abs(derivatives[at] - slow) <= allowed + AGREEMENT * Math.abs(slow)
      // beyond a kink that is near, both quotients are of another slope
      if (!agrees && (await runsOverKink(carrier, input, at, step))) continue
      count++
      sum.add(derivatives[at], slow)
      if (!agrees) disagreements++
    }
  }
  return { checked: count, difference: sum.difference, disagreements }
}

/** Whether moving an element of a value by a step, either way, runs over a special point of some operation. */
async function runsOverKink(
  carrier: ChangeCarrier,
  { id, shape }: InputValue,
  element: number,
  step: number,
): Promise<boolean> {
  const seed = seedOf(shape, element, 1, undefined)
  for (const h of [step, -step]) {
    const carried = await carrier.carry(id, seed, { count: 1, lanes: 1 }, h)
    if (carried?.crossings.some((count) => count !== 0)) return true
  }
  return false
}
