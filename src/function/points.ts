import { GradcheckError } from '../errors.js'

/** Points that a grid may have. */
export const MOST_POINTS = 100_000

/** Values of the variables: one each, or several, of which every combination is a point. */
export type VariableValues = Readonly<Record<string, number | ArrayLike<number>>>

/**
 * Every combination of the variables' values, the last variable's changing fastest.
 * @throws GradcheckError `bad-value` for a value that is not finite, none at all or too many points
 */
export function listPoints(values: VariableValues): { variables: string[]; points: Float64Array[] } {
  const variables = Object.keys(values)
  const axes = variables.map((name) => {
    const given = values[name]
    const axis = typeof given === 'number' ? [given] : Array.from(given)
    if (axis.length === 0) throw new GradcheckError('bad-value', `${name} has no values`)
    const odd = axis.find((value) => typeof value !== 'number' || !Number.isFinite(value))
    if (odd !== undefined) throw new GradcheckError('bad-value', `${name} has the value ${String(odd)}`)
    return axis
  })
  const count = axes.reduce((product, axis) => product * axis.length, 1)
  if (count > MOST_POINTS) {
    throw new GradcheckError('bad-value', `the grid has ${count} points, more than ${MOST_POINTS}`, {
      fix: 'take fewer values of a variable',
    })
  }
  const points = Array.from({ length: count }, (_, k) => {
    const point = new Float64Array(axes.length)
    let rest = k
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      point[axis] = axes[axis][rest % axes[axis].length]
      rest = Math.floor(rest / axes[axis].length)
    }
    return point
  })
  return { variables, points }
}

/** A point by its variables' names. */
export function namePoint(variables: readonly string[], point: ArrayLike<number>): Record<string, number> {
  return Object.fromEntries(variables.map((name, k) => [name, point[k]]))
}
