import type { TensorDerivatives } from '../../differentiate/evaluator.js'
import { listNames } from '../../list-names.js'
import { createCpuCarrier } from '../../program/carry-changes.js'
import { ProgramDifferences } from '../../program/differentiate-parameter.js'
import type { BoundProgram } from '../../program/evaluate.js'
import { describeSource } from '../../program/print.js'
import { ancestorsOf, type ComputedValue, coneOf } from '../../program/program.js'
import type { ErrorEstimate } from '../error-estimate.js'
import type { CheckedParameter } from './bind-program-problem.js'

/** How far everything is moved, in units of its size: no gradient but that of a constant stays 0 all the way. */
const FAR_STEPS = [0.25, 1] as const
/** How many times its estimate the change may be: steps make terms larger. */
const MARGIN = 8
/** Tensors with more elements are not looked at. */
const MOST_ELEMENTS = 4096

/** Operations that take out what is the same along their axes. */
const INVARIANT: ReadonlySet<string> = new Set([
  'standardize',
  'softmax',
  'logSoftmax',
  'softmaxCrossEntropy',
])

/** A tensor with which the loss does not change. */
export interface ConstantTensor {
  readonly name: string
  /** The first operation behind it that takes out what is the same along its axes; undefined where there is none. */
  readonly operation: ComputedValue | undefined
}

/**
 * Finds tensors whose gradients are 0 by the form of the program, so that what either gradient has of them is rounding: a
 * bias below a batch norm, the key bias of attention. Both are within the estimated rounding, and the loss stays where it
 * is however far they are moved.
 * @param exact bounds on the errors of each tensor's derivatives in float64
 */
export async function findConstants(
  bound: BoundProgram,
  checked: readonly CheckedParameter[],
  results: readonly TensorDerivatives[],
  estimate: ErrorEstimate,
  exact: readonly Float64Array[],
): Promise<readonly (ConstantTensor | undefined)[]> {
  const differences = new ProgramDifferences(bound, createCpuCarrier(bound))
  const found: (ConstantTensor | undefined)[] = []
  for (const [t, { input, gradient }] of checked.entries()) {
    const { derivatives, done } = results[t]
    const isRounding = derivatives.every((numerical, k) => {
      const own = estimate.ofRounding(t, k)
      return Math.abs(numerical) <= own && Math.abs(gradient.values[k]) <= own + estimate.ofArithmetic(t, k)
    })
    const isEmpty = derivatives.every((numerical, k) => numerical === 0 && gradient.values[k] === 0)
    let isConstant = isRounding && !isEmpty && done === derivatives.length && done <= MOST_ELEMENTS
    for (const step of isConstant ? FAR_STEPS : []) {
      const plan = { perturbed: 'parameters', laneAxis: undefined } as const
      const moved = await differences.byParameter(input, plan, step)
      isConstant &&= moved!.derivatives.every((change, k) => Math.abs(change) <= MARGIN * exact[t][k])
    }
    found.push(isConstant ? { name: input.name, operation: findInvariant(bound, input.id) } : undefined)
  }
  return found
}

function findInvariant({ program }: BoundProgram, from: number): ComputedValue | undefined {
  const needed = ancestorsOf(program)
  const cone = coneOf(program, [from])
  for (const value of program.values) {
    const isOn = value.kind === 'computed' && cone[value.id] === 1 && needed[value.id] === 1
    if (isOn && INVARIANT.has(value.operation.name)) return value
  }
  return undefined
}

/** What a reader must know of them. */
export function describeConstants(found: readonly (ConstantTensor | undefined)[]): string[] {
  const constant = found.filter((one) => one !== undefined)
  return [...new Set(constant.map(({ operation }) => operation))].map((operation) => {
    const own = constant.filter((one) => one.operation === operation)
    const names = listNames(
      own.map(({ name }) => name),
      4,
    )
    const source = operation === undefined ? '' : describeSource(operation.source)
    const why =
      operation === undefined
        ? ''
        : `: ${operation.operation.name}${source === '' ? '' : ` (${source})`} takes out what is the same along its axes`
    return `J does not change with ${names}, however far ${own.length === 1 ? 'it is' : 'they are'} moved${why}; both gradients are rounding about 0 there, and are not compared by their ratio`
  })
}
