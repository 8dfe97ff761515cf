import { applicationOf, type BoundProgram } from '../program/evaluate.js'

/**
 * Bounds on what rounding in float64 does to each of a program's values, by id, in unit roundoffs of float64. Inputs and
 * constants are taken as they are.
 */
export function boundValueErrors(bound: BoundProgram): readonly Float64Array[] {
  const known = KNOWN.get(bound)
  if (known !== undefined) return known
  const errors: Float64Array[] = []
  for (const value of bound.program.values) {
    errors.push(
      value.kind === 'computed'
        ? value.operation.errors(
            applicationOf(bound, value),
            value.operands.map((id) => errors[id]),
          )
        : new Float64Array(bound.base[value.id].length),
    )
  }
  KNOWN.set(bound, errors)
  return errors
}

/** Several look at one program. */
const KNOWN = new WeakMap<BoundProgram, readonly Float64Array[]>()
