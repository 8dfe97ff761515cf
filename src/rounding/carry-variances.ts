import type { Cotangents } from '../backward/reverse-pass.js'
import { applicationOf, type BoundProgram } from '../program/evaluate.js'
import { ancestorsOf, coneOf } from '../program/program.js'
import { elementCount } from '../tensor.js'

/** Squared standard deviations of the cotangent of each value, in squared unit roundoffs; by id. */
export type Variances = readonly (Float64Array | undefined)[]

/**
 * What rounding does to derivatives by difference arithmetic: every operation adds the roundings of its own terms, and
 * all are carried back as if they were independent (Higham & Mary 2019, "A new approach to probabilistic rounding
 * error analysis").
 * @param wanted the ids of the values whose variances are wanted
 */
export function carryVariances(
  bound: BoundProgram,
  cotangents: Cotangents,
  wanted: Iterable<number>,
): Variances {
  const { program } = bound
  const needed = ancestorsOf(program)
  const cone = coneOf(program, wanted)
  const variances: (Float64Array | undefined)[] = program.values.map(() => undefined)
  variances[program.output] = new Float64Array(bound.base[program.output].length)
  for (let id = program.output; id >= 0; id--) {
    const value = program.values[id]
    const carried = variances[id]
    const cotangent = cotangents[id]
    if (needed[id] === 0 || value.kind !== 'computed' || carried === undefined || cotangent === undefined)
      continue
    const application = applicationOf(bound, value)
    const roundings = value.operation.roundings(application)
    const spread = carried.map((variance, k) => variance + roundings * cotangent[k] ** 2)
    for (const [operand, from] of value.operands.entries()) {
      if (cone[from] === 0) continue
      const pulled = value.operation.pullBackSquares(application, spread, operand)
      variances[from] ??= new Float64Array(elementCount(program.values[from].shape))
      const sum = variances[from]
      for (let k = 0; k < pulled.length; k++) sum[k] += pulled[k]
    }
  }
  return variances
}
