import { applicationOf, type BoundProgram } from '../program/evaluate.js'
import { ancestorsOf, coneOf, inputsOf } from '../program/program.js'
import { elementCount } from '../tensor.js'

/** The cotangent of each of a program's values, ∂(output)/∂(value), by id; nothing where it is not known. */
export type Cotangents = readonly (Float64Array | undefined)[]

/** What an edge passes back: from the value `user` to its operand number `operand`. */
export interface Edge {
  readonly user: number
  readonly operand: number
}

/** What a reverse pass is to find, and by which rules. */
export interface ReversePassOptions {
  /** The ids of the values whose cotangents are wanted; those behind them are found on the way. @default all inputs */
  readonly wanted?: Iterable<number>
  /** The cotangent of the output. @default 1 */
  readonly upstream?: Float64Array | undefined
  /** What an edge passes back where that is to be another thing than the operation's own rule gives: nothing for the rule. */
  passBack?(edge: Edge, cotangent: Float64Array): Float64Array | undefined
}

/** Reverse-mode differentiation of the output, or of its sum, in float64, exact but for rounding. */
export function reversePass(
  bound: BoundProgram,
  { wanted = inputsOf(bound.program).map(({ id }) => id), upstream, passBack }: ReversePassOptions = {},
): Cotangents {
  const { program } = bound
  const needed = ancestorsOf(program)
  const cone = coneOf(program, wanted)
  const cotangents: (Float64Array | undefined)[] = program.values.map(() => undefined)
  cotangents[program.output] = upstream ?? new Float64Array(bound.base[program.output].length).fill(1)
  for (let id = program.output; id >= 0; id--) {
    const value = program.values[id]
    const cotangent = cotangents[id]
    if (needed[id] === 0 || cotangent === undefined || value.kind !== 'computed') continue
    const application = applicationOf(bound, value)
    for (const [operand, from] of value.operands.entries()) {
      if (cone[from] === 0) continue
      const pulled =
        passBack?.({ user: id, operand }, cotangent) ??
        value.operation.pullBack(application, cotangent, operand)
      cotangents[from] ??= new Float64Array(elementCount(program.values[from].shape))
      const sum = cotangents[from]
      for (let k = 0; k < pulled.length; k++) sum[k] += pulled[k]
    }
  }
  return cotangents
}
