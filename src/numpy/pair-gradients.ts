import { GradcheckError } from '../errors.js'
import { elementCount, formatShape, type NamedTensors } from '../tensor.js'
import { GRADIENT_NAMES } from './gradient-names.js'

/** Which arrays have a gradient beside them. */
export interface Pairs {
  /** The gradients' names by those of their arrays. */
  readonly fitting: ReadonlyMap<string, string>
  /** The same where the shapes differ, though not the number of elements: a transpose, most likely. */
  readonly misshapen: ReadonlyMap<string, string>
}

/**
 * Parameters and their gradients among arrays, as their names say: the first way of naming that fits any wins for all.
 * @param upstream what is no gradient of a parameter, whatever it is called
 */
export function pairGradients(arrays: NamedTensors, upstream: string): Pairs {
  let misshapen: ReadonlyMap<string, string> = new Map()
  for (const nameOf of GRADIENT_NAMES) {
    const pairs = pairAll(arrays, [...arrays.keys()], nameOf, upstream)
    if (pairs.fitting.size > 0) return pairs
    if (misshapen.size === 0) misshapen = pairs.misshapen
  }
  return { fitting: new Map(), misshapen }
}

/**
 * The same where the user says which arrays are parameters.
 * @param patterns names, in which `*` stands for any letters and `?` for one
 * @throws GradcheckError for a pattern that fits no array, and a parameter without a gradient of its shape
 */
export function pairChosen(arrays: NamedTensors, patterns: readonly string[], upstream: string): Pairs {
  const names = [...arrays.keys()]
  const chosen = new Set<string>()
  for (const pattern of patterns) {
    const fits = matcherOf(pattern)
    const found = names.filter((name) => fits(name) && (name === pattern || !isGradientName(name, arrays)))
    if (found.length === 0) {
      throw new GradcheckError('unknown-name', `no array is called "${pattern}", as parameters says`, {
        fix: `there are ${names.slice(0, 12).join(', ')}`,
      })
    }
    for (const name of found) chosen.add(name)
  }
  const ways = GRADIENT_NAMES.map((nameOf) => ({
    nameOf,
    pairs: pairAll(arrays, [...chosen], nameOf, upstream),
  }))
  const best = ways.reduce((one, other) => (other.pairs.fitting.size > one.pairs.fitting.size ? other : one))
  const without = [...chosen].find((name) => !best.pairs.fitting.has(name))
  if (without === undefined) return best.pairs
  const misshapen = ways.find(({ pairs }) => pairs.misshapen.has(without))?.pairs.misshapen.get(without)
  if (misshapen !== undefined) throw misshapenGradient(arrays, without, misshapen)
  throw new GradcheckError('missing-array', `${without} is among the parameters and has no gradient`, {
    fix: `save it as ${best.nameOf(without)}, in the shape ${formatShape(arrays.get(without)!.shape)} of ${without}`,
  })
}

/** The error of a gradient whose shape is not that of its array. */
export function misshapenGradient(arrays: NamedTensors, name: string, gradient: string): GradcheckError {
  const [own, other] = [arrays.get(name)!.shape, arrays.get(gradient)!.shape]
  const isTransposed = formatShape(own.toReversed()) === formatShape(other)
  return new GradcheckError(
    'bad-shape',
    `${gradient} has shape ${formatShape(other)}, but ${name} has ${formatShape(own)}`,
    { fix: isTransposed ? `transpose ${gradient}` : `save the gradient of ${name} in its own shape` },
  )
}

function pairAll(
  arrays: NamedTensors,
  names: readonly string[],
  nameOf: (name: string) => string,
  upstream: string,
): Pairs {
  const fitting = new Map<string, string>()
  const misshapen = new Map<string, string>()
  for (const name of names) {
    const own = arrays.get(name)!
    const gradient = nameOf(name)
    const other = gradient === upstream ? undefined : arrays.get(gradient)
    if (other === undefined) continue
    if (formatShape(other.shape) === formatShape(own.shape)) fitting.set(name, gradient)
    else if (elementCount(other.shape) === elementCount(own.shape)) misshapen.set(name, gradient)
  }
  return { fitting, misshapen }
}

/** Whether an array is called as the gradient of another one is. */
const isGradientName = (name: string, arrays: NamedTensors) =>
  [...arrays.keys()].some(
    (other) => other !== name && GRADIENT_NAMES.some((nameOf) => nameOf(other) === name),
  )

function matcherOf(pattern: string): (name: string) => boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.')
  const expression = new RegExp(`^${source}$`, 's')
  return (name) => name === pattern || expression.test(name)
}
