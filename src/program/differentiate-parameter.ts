import { normOf } from '../network/root-sum-squares.js'
import { elementCount } from '../tensor.js'
import type { ChangeCarrier } from './carry-changes.js'
import { applicationOf, type BoundProgram } from './evaluate.js'
import { differentiateElements, differentiateValue, type NumericalGradient } from './numerical-gradient.js'
import type { MovedValue, ParameterPlan } from './plan.js'
import type { ComputedValue, InputValue, Value } from './program.js'

/** Central differences of the loss by a parameter's elements. */
export interface ParameterDerivatives {
  readonly derivatives: Float64Array
  /** Non-zero where a perturbation that counts for the element ran over a special point. */
  readonly crossed: Uint8Array
}

/** Differentiates a program's loss by its values, each value once for a step. */
export class ProgramDifferences {
  readonly #bound: BoundProgram
  readonly #carrier: ChangeCarrier
  readonly #signal: AbortSignal | undefined
  readonly #known = new Map<string, NumericalGradient>()
  #perturbations = 0

  constructor(bound: BoundProgram, carrier: ChangeCarrier, signal?: AbortSignal) {
    this.#bound = bound
    this.#carrier = carrier
    this.#signal = signal
  }

  /** Perturbations so far, of one sign each. */
  get perturbations(): number {
    return this.#perturbations
  }

  /**
   * Differentiates the loss by a parameter, in the way that was planned.
   * @param step of what is moved where its size is 1 or more; that share of its size where it is below
   * @returns undefined where the signal aborts
   */
  async byParameter(
    parameter: InputValue,
    plan: ParameterPlan,
    step: number,
  ): Promise<ParameterDerivatives | undefined> {
    const moved =
      plan.perturbed === 'parameters' ? [{ id: parameter.id, laneAxis: plan.laneAxis }] : plan.moved
    const gradients = new Map<number, NumericalGradient>()
    for (const value of moved) {
      const found = await this.#byValue(value, step)
      if (found === undefined) return undefined
      gradients.set(value.id, found)
    }
    const linear = plan.perturbed === 'parameters' ? [] : plan.linear
    const { derivatives, crossings } = passBack(this.#bound, parameter, linear, gradients)
    return { derivatives, crossed: markCrossed(crossings) }
  }

  /**
   * Differentiates the loss by some of a parameter's elements, each moved by itself.
   * @param elements their offsets
   * @returns for each of them; undefined where the signal aborts
   */
  async byElements(
    { id, shape }: InputValue,
    elements: readonly number[],
    step: number,
  ): Promise<ParameterDerivatives | undefined> {
    const size = step * scaleOf(this.#bound.base[id])
    const found = await differentiateElements(this.#carrier, { id, shape }, size, elements, this.#signal)
    if (found === undefined) return undefined
    this.#perturbations += 2 * elements.length
    return { derivatives: found.gradient, crossed: markCrossed(found.crossings) }
  }

  async #byValue({ id, laneAxis }: MovedValue, step: number): Promise<NumericalGradient | undefined> {
    const key = `${id} ${laneAxis} ${step}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const value = this.#bound.program.values[id]
    const size = step * scaleOf(this.#bound.base[id])
    const found = await differentiateValue(this.#carrier, value, size, laneAxis, this.#signal)
    if (found === undefined) return undefined
    this.#perturbations += 2 * found.gradient.length
    this.#known.set(key, found)
    return found
  }
}

const markCrossed = (crossings: ArrayLike<number>) =>
  Uint8Array.from(crossings, (count) => (count === 0 ? 0 : 1))

/**
 * The gradient by a value from those by values behind it, through operations that are linear between them: what a
 * reverse pass makes of them.
 * @param linear the ids of the values between, those that were moved included, from the last to the first
 */
function passBack(
  bound: BoundProgram,
  { id, shape }: Pick<Value, 'id' | 'shape'>,
  linear: readonly number[],
  gradients: ReadonlyMap<number, NumericalGradient>,
): { derivatives: Float64Array; crossings: Float64Array } {
  const sums = new Map<number, { derivatives: Float64Array; crossings: Float64Array }>()
  for (const [moved, { gradient, crossings }] of gradients) {
    sums.set(moved, { derivatives: gradient, crossings: Float64Array.from(crossings) })
  }
  for (const at of linear) {
    const value = bound.program.values[at] as ComputedValue
    const own = sums.get(at)!
    const application = applicationOf(bound, value)
    const hasCrossed = own.crossings.some((count) => count !== 0)
    for (const [operand, from] of value.operands.entries()) {
      // what was moved itself has its whole gradient
      if ((from !== id && !linear.includes(from)) || gradients.has(from)) continue
      const sum = sums.get(from) ?? roomFor(bound.program.values[from])
      sums.set(from, sum)
      addTo(sum.derivatives, value.operation.pullBack(application, own.derivatives, operand))
      if (hasCrossed)
        addTo(sum.crossings, value.operation.pullBackSquares(application, own.crossings, operand))
    }
  }
  return sums.get(id) ?? roomFor({ shape })
}

const roomFor = ({ shape }: Pick<Value, 'shape'>) => ({
  derivatives: new Float64Array(elementCount(shape)),
  crossings: new Float64Array(elementCount(shape)),
})

function addTo(sum: Float64Array, terms: Float64Array): void {
  for (let k = 0; k < sum.length; k++) sum[k] += terms[k]
}

/** What a step is multiplied by: the root mean square of what is moved, at most 1, so that units do not matter. */
function scaleOf(values: Float64Array): number {
  const size = normOf(values) / Math.sqrt(values.length)
  return size > 0 ? Math.min(1, size) : 1
}
