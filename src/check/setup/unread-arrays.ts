import { listNames } from '../../list-names.js'
import { gradientBases } from '../../network/gradient-names.js'
import type { NamedTensors, Tensor } from '../../tensor.js'
import type { NotCheckedFinding, NotUsedFinding } from './findings.js'
import { isCostName } from './saved-cost.js'

/** Arrays beside those of the network, its data and its cost. */
export interface UnreadArrays {
  /** Beside the parameters and, where the gradients are in the same set, beside them. */
  readonly arrays: NamedTensors
  /** Names of gradients for certain: they were given as such. */
  readonly gradients: ReadonlySet<string>
  /** Names of arrays that could not be read, such as strings. */
  readonly unreadable: readonly string[]
  /** False where a single number was found that is the cost. */
  readonly lacksCost: boolean
}

const MOST_LISTED = 6
/** Values between layers, of which caches are full: they need no word. */
const CACHED = /^d?[AZ]_?\d+$/
/** What a backward pass derives by on its way to the parameters. */
const BETWEEN_LAYERS = /^([azhs]_?\d*|x)$/i
/** What a network with normalisation has beside weights and biases. */
const NORMALISATION = /^(gamma|beta)_?\d*$/i
/** `cost`, and `losses`, `cost_history` … */
const HISTORY = /^(cost|loss|j)((e?s)?|[_-]?(history|hist|log|list|curve))$/i

/** What a reader must know of arrays that nothing was done with: gradients that were not checked above all. */
export function describeUnread(unread: UnreadArrays): {
  notChecked: NotCheckedFinding[]
  notUsed: NotUsedFinding[]
} {
  const names = [...unread.arrays.keys()].filter((name) => !CACHED.test(name))
  const gradients = names.filter((name) => isGradient(name, unread))
  const bases = new Set(gradients.flatMap((name) => findBase(name, unread) ?? []))
  // a parameter whose gradient is told of needs no word of its own
  const others = names.filter((name) => !gradients.includes(name) && !bases.has(name))
  return {
    notChecked: gradients.length === 0 ? [] : [describeNotChecked(gradients, [...bases])],
    notUsed: describeNotUsed(others, unread),
  }
}

function isGradient(name: string, unread: UnreadArrays): boolean {
  if (findBase(name, unread) !== undefined) return true
  // a backward pass may give back what it passed on as well
  return unread.gradients.has(name) && !gradientBases(name).some((base) => BETWEEN_LAYERS.test(base))
}

/** The array of which one is the gradient, by its name; undefined for values between layers. */
function findBase(name: string, { arrays, gradients }: UnreadArrays): string | undefined {
  const bases = gradientBases(name).filter((base) => !BETWEEN_LAYERS.test(base))
  const parameters = [...arrays.keys()].filter((other) => other !== name && !gradients.has(other))
  return (
    bases.find((base) => parameters.includes(base)) ??
    parameters.find((other) =>
      bases.some((base) => other.endsWith(`.${base}`) || other.endsWith(`/${base}`)),
    ) ??
    bases.find((base) => NORMALISATION.test(base))
  )
}

function describeNotChecked(gradients: readonly string[], bases: readonly string[]): NotCheckedFinding {
  const were = gradients.length === 1 ? 'was' : 'were'
  const lacking =
    bases.length === 0
      ? 'parameters of these names'
      : `${bases.length === 1 ? 'parameter' : 'parameters'} ${listNames(bases, MOST_LISTED)}`
  return {
    kind: 'not-checked',
    gradients,
    message: `${listNames(gradients, MOST_LISTED)} ${were} not checked: the network declared has no ${lacking}`,
  }
}

function describeNotUsed(names: readonly string[], unread: UnreadArrays): NotUsedFinding[] {
  const arrays = [...names, ...unread.unreadable]
  if (arrays.length === 0) return []
  const were = arrays.length === 1 ? 'was' : 'were'
  const fact = `${listNames(arrays, MOST_LISTED)} ${were} not used`
  const history = names.find((name) => isHistory(name, unread.arrays.get(name)!))
  if (history === undefined || !unread.lacksCost) return [{ kind: 'not-used', arrays, message: fact }]
  const which = arrays.length === 1 ? ': it' : `; ${history}`
  const length = unread.arrays.get(history)!.data.length
  const message =
    `${fact}${which} is a history of ${length} numbers, and to have the cost compared, that of these very parameters ` +
    'has to be saved, as a single number'
  return [{ kind: 'not-used', arrays, message }]
}

const isHistory = (name: string, { data }: Tensor) =>
  data.length > 1 && (isCostName(name) || HISTORY.test(name))
