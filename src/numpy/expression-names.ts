import type { Value } from './values.js'
import { Native, Unknown } from './values.js'

/** Functions of Python itself that NumPy has under the same name: an expression means NumPy's. */
const EXTREMES = new Set(['max', 'min'])

/**
 * What a bare name means in an expression that is written for a check: NumPy's function, else that of
 * `torch.nn.functional`. An axis is never guessed where the function needs one.
 * @returns undefined where neither has it
 */
export function meaningOf(name: string, natives: ReadonlyMap<string, Value>): Value | undefined {
  const found = natives.get(`numpy.${name}`) ?? natives.get(`torch.nn.functional.${name}`)
  if (!(found instanceof Native)) return found
  if (EXTREMES.has(name)) {
    return new Native(name, (given, place) =>
      given.plain.length > 1
        ? new Unknown(
            `${name} of two values may mean an axis or the larger or smaller of them`,
            place,
            `write ${name}imum(a, b), or ${name}(a, axis=k)`,
          )
        : found.call(given, place),
    )
  }
  if (!NEEDS_AXIS.has(name)) return found
  return new Native(name, (given, place) => {
    const isGiven = given.plain.length > 1 || given.named.has('axis') || given.named.has('dim')
    if (isGiven) return found.call(given, place)
    return found.call({ ...given, named: new Map([...given.named, ['axis', -1n]]) }, place)
  })
}

/** Functions along one axis: the last where none is given. */
const NEEDS_AXIS = new Set(['softmax', 'log_softmax', 'logsumexp'])
