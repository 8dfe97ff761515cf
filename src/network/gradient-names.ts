import { capture, fill, NAME } from './name-patterns.js'

/** What stands before a parameter's name to name its gradient: dW1, dL_dW1, nabla_w. */
const PREFIXES: readonly string[] = [
  'd',
  'd_',
  ...['L', 'J', 'E', 'C', 'l', 'loss', 'cost', 'Loss', 'Cost'].flatMap((loss) => [
    `d${loss}_d`,
    `d${loss}d`,
    `d${loss}/d`,
  ]),
  'g',
  'g_',
  'nabla_',
  '∂',
  '∇',
]
/** Words for gradients, as a part of a name or for the folder that they lie in. */
const WORDS: readonly string[] = [
  'grad',
  'grads',
  'gradient',
  'gradients',
  'Grad',
  'Grads',
  'Gradient',
  'Gradients',
]
const SEPARATORS: readonly string[] = ['.', '_', '/', '-', ':']

/** A prefix as a pattern: `d{name}`. */
const LETTERS: readonly string[] = PREFIXES.map((prefix) => prefix + NAME)
/** `grad.{name}`, as PyTorch's gradients are saved, comes before its likes. */
const FOLDERS: readonly string[] = WORDS.flatMap((word) =>
  SEPARATORS.map((separator) => word + separator + NAME),
)
const ENDINGS: readonly string[] = WORDS.flatMap((word) =>
  ['', ...SEPARATORS].map((separator) => NAME + separator + word),
)
const GLUED: readonly string[] = WORDS.map((word) => word + NAME)

/** How the name of a gradient is made of its parameter's, the most usual first. */
export const GRADIENT_PATTERNS: readonly string[] = [...LETTERS, ...FOLDERS, ...ENDINGS, ...GLUED]

/** Where a word of a name may begin. */
const BOUNDARY = /(?:^|[./_:\- ])(?=.)/g

/**
 * The names that an array might have whose gradient bears this name: a mark of gradients is taken out where a word
 * begins, and folders for gradients are left out, the shortest first. Whether there is such an array is for the caller
 * to see.
 */
export function gradientBases(name: string): string[] {
  const bases = new Set<string>()
  for (const { index, 0: separator } of name.matchAll(BOUNDARY)) {
    const at = index + separator.length
    const before = name.slice(0, at)
    for (const inner of unmark(name.slice(at), GRADIENT_PATTERNS)) bases.add(before + inner)
    // grads.dW1
    for (const inner of unmark(name.slice(at), FOLDERS)) {
      for (const innermost of unmark(inner, LETTERS)) bases.add(before + innermost)
    }
  }
  return [...bases].sort((a, b) => a.length - b.length)
}

const unmark = (name: string, patterns: readonly string[]) =>
  patterns.flatMap((pattern) => capture(name, pattern, NAME) ?? [])

/** A parameter's name in its parts: `params.`, `layers.`, `0.` and `W`. */
export interface SplitName {
  /** What stands before it, each with its separator. */
  readonly folders: readonly string[]
  readonly core: string
}

/** How the gradients of some parameters are called; a reading has them in the parameters' order. */
export type GradientNames =
  | { readonly kind: 'found'; readonly gradients: ReadonlyMap<string, string> }
  | { readonly kind: 'ambiguous'; readonly readings: readonly (readonly string[])[] }
  | {
      readonly kind: 'missing'
      readonly parameter: string
      /** What its gradient would be called as those of other parameters are; undefined where there are none. */
      readonly expected?: string
    }

/** A way of naming gradients: that of the k-th parameter. */
type Rule = (k: number) => string

/**
 * Looks for the gradient of every parameter: one way of naming has to give all of them. Where two do, nobody knows
 * which are meant.
 * @param names of all arrays among which the gradients are
 * @param pattern the user's own, in place of the usual ways
 * @param mayBeCalledAlike true where no parameter is among the names, so that a gradient may have its name
 */
export function findGradientNames(
  parameters: readonly string[],
  names: readonly string[],
  how: {
    readonly split: (name: string) => SplitName
    readonly pattern?: string
    readonly mayBeCalledAlike: boolean
  },
): GradientNames {
  const { pattern } = how
  const present = new Set(names)
  const own = new Set(parameters)
  const isGradient = (name: string) => present.has(name) && (pattern !== undefined || !own.has(name))
  const rules = pattern !== undefined ? [by(pattern, parameters)] : listRules(parameters, how.split)
  const readings = new Map<string, readonly string[]>()
  for (const rule of rules) {
    if (!parameters.every((_, k) => isGradient(rule(k)))) continue
    const gradients = parameters.map((_, k) => rule(k))
    if (new Set(gradients).size === gradients.length) readings.set(gradients.join('\0'), gradients)
  }
  if (readings.size > 1) return { kind: 'ambiguous', readings: [...readings.values()] }
  const isAlike =
    pattern === undefined && how.mayBeCalledAlike && parameters.every((name) => present.has(name))
  const reading = [...readings.values()][0] ?? (isAlike ? parameters : undefined)
  if (reading !== undefined) {
    return { kind: 'found', gradients: new Map(parameters.map((name, k) => [name, reading[k]])) }
  }
  return { kind: 'missing', ...findNearest() }

  /** The first parameter without a gradient, by the rule that gives the most. */
  function findNearest(): { parameter: string; expected?: string } {
    let [most, nearest] = [0, undefined as Rule | undefined]
    for (const rule of rules) {
      const hits = parameters.filter((_, k) => isGradient(rule(k))).length
      if (hits > most) [most, nearest] = [hits, rule]
    }
    if (nearest === undefined) return { parameter: parameters[0] }
    const rule = nearest
    const missing = Math.max(
      0,
      parameters.findIndex((_, k) => !isGradient(rule(k))),
    )
    return { parameter: parameters[missing], expected: rule(missing) }
  }
}

/**
 * The usual ways of naming: a mark on the whole name, on what follows a folder that they share, with it or without, on the
 * last word; in a folder for gradients.
 */
function listRules(parameters: readonly string[], split: (name: string) => SplitName): Rule[] {
  const mark = (pattern: string, core: string) => fill(pattern, NAME, core)
  const parts = parameters.map(split)
  const shared = Math.min(...parts.map(({ folders }) => folders.length))
  const rules: Rule[] = []
  for (let depth = 0; depth <= shared; depth++) {
    const containers = parts.map(({ folders }) => folders.slice(0, depth).join(''))
    const paths = parts.map(({ folders }) => folders.slice(depth).join(''))
    const cores = parts.map(({ core }) => core)
    for (const pattern of GRADIENT_PATTERNS) {
      rules.push((k) => mark(pattern, paths[k] + cores[k]))
      rules.push((k) => containers[k] + mark(pattern, paths[k] + cores[k]))
      rules.push((k) => paths[k] + mark(pattern, cores[k]))
    }
    for (const folder of FOLDERS) {
      for (const pattern of LETTERS) {
        rules.push((k) => mark(folder, mark(pattern, paths[k] + cores[k])))
        rules.push((k) => mark(folder, paths[k] + mark(pattern, cores[k])))
      }
    }
  }
  // of modules without a folder in common the last word may be marked all the same
  for (const pattern of GRADIENT_PATTERNS) {
    rules.push((k) => parts[k].folders.join('') + mark(pattern, parts[k].core))
  }
  return rules
}

const by =
  (pattern: string, parameters: readonly string[]): Rule =>
  (k) =>
    fill(pattern, NAME, parameters[k])
