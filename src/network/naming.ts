import { GradcheckError } from '../errors.js'
import { suggestName } from '../suggest.js'
import { capture, checkPattern, fill, LAYER, NAME } from './name-patterns.js'

/** How arrays are named. `{l}` stands for the number of a layer, `{name}` for the name of a parameter. */
export interface NamingOptions {
  /** Default `W{l}`. */
  readonly weights?: string
  /** Default `b{l}`, or `….bias` where `weights` is `….weight`. */
  readonly biases?: string
  /** Default `d{name}`; for parameters named as PyTorch names them, `grad.{name}` or `{name}.grad`. */
  readonly gradients?: string
}

/** The arrays of one dense layer. */
export interface LayerNames {
  readonly weights: string
  /** Absent for a layer without biases. */
  readonly biases?: string
  readonly weightsGradient: string
  /** Absent together with `biases`. */
  readonly biasesGradient?: string
}

type LayerParameters = Pick<LayerNames, 'weights' | 'biases'>

const WEIGHT_SUFFIX = '.weight'
const PYTORCH_PARAMETER = /^(.+\.)?(weight|bias)$/
const PYTORCH_GRADIENTS = [`grad.${NAME}`, `${NAME}.grad`]
const MAX_NAMES_LISTED = 12

/**
 * Finds out which arrays are each layer's weights, biases and gradients. Layers are numbered from 0 or 1
 * without gaps (`W1, b1, …`). Where no array is called so and no pattern was given, PyTorch's names are tried:
 * `0.weight`, `fc.bias`, in the order of the numbers if the modules differ only in one number, otherwise in the
 * order given. Arrays that are none of these are left alone.
 * @param names the names of all arrays, in their order
 * @returns one entry a layer, the first layer first
 * @throws GradcheckError `bad-usage` for a pattern without its placeholder; `missing-array` when there are no
 *   weights, a layer's number is skipped, biases have no weights, a gradient has no parameter, or a parameter no
 *   gradient.
 */
export function matchNames(names: readonly string[], options: NamingOptions = {}): LayerNames[] {
  checkPattern('weights', options.weights, LAYER)
  checkPattern('biases', options.biases, LAYER)
  checkPattern('gradients', options.gradients, NAME)
  const numbered = findNumberedLayers(names, options)
  if (numbered.layers.length > 0) return addGradients(names, numbered)
  if (options.weights === undefined && options.biases === undefined) {
    const modules = findModuleLayers(names, options)
    if (modules.layers.length > 0) return addGradients(names, modules)
  }
  throw noWeights(names, options.weights ?? 'W{l}')
}

/** The parameters that one way of naming finds. */
interface FoundParameters {
  readonly layers: readonly LayerParameters[]
  /** Patterns of the gradients' names, the first that exists is taken. */
  readonly gradients: readonly string[]
  /** True for a name that would be a parameter's if there were such an array. */
  readonly looksLikeParameter: (name: string) => boolean
}

/** Layers that are told by a pattern with a number in it. */
function findNumberedLayers(names: readonly string[], options: NamingOptions): FoundParameters {
  const weightsPattern = options.weights ?? 'W{l}'
  const namesModules = weightsPattern.endsWith(WEIGHT_SUFFIX)
  const biasesPattern = options.biases ?? (namesModules ? toBiasName(weightsPattern) : 'b{l}')
  const weights = findNumbers(names, weightsPattern)
  const biases = findNumbers(names, biasesPattern)
  const numbers = [...weights.keys()].sort((a, b) => a - b)
  // PyTorch numbers modules, of which only some have weights.
  if (!namesModules) rejectGaps(numbers, weights, weightsPattern)
  for (const [number, bias] of biases) {
    if (numbers.length > 0 && !weights.has(number))
      throw noWeightsFor(bias, fill(weightsPattern, LAYER, number))
  }
  return {
    layers: numbers.map((number) => ({ weights: weights.get(number)!, biases: biases.get(number) })),
    gradients: options.gradients !== undefined ? [options.gradients] : defaultGradients(namesModules),
    looksLikeParameter: (name) =>
      capture(name, weightsPattern, LAYER) !== undefined || capture(name, biasesPattern, LAYER) !== undefined,
  }
}

/** Layers as PyTorch's `state_dict` names them. */
function findModuleLayers(names: readonly string[], options: NamingOptions): FoundParameters {
  const gradients = options.gradients !== undefined ? [options.gradients] : PYTORCH_GRADIENTS
  const present = new Set(names)
  const isGradient = (name: string) =>
    gradients.some((pattern) => {
      const parameter = capture(name, pattern, NAME)
      // `grad.` says so by itself; a pattern such as d{name} also fits a module called `decoder`.
      return parameter !== undefined && (options.gradients === undefined || isOther(parameter, name, present))
    })
  const parameters = names.filter((name) => PYTORCH_PARAMETER.test(name) && !isGradient(name))
  const weights = parameters.filter((name) => name.endsWith('weight'))
  for (const bias of parameters) {
    if (!bias.endsWith('bias') || weights.length === 0) continue
    const expected = bias.replace(/bias$/, 'weight')
    if (!present.has(expected)) throw noWeightsFor(bias, expected)
  }
  const layers = sortByOnlyNumber(weights).map((name) => {
    const bias = name.replace(/weight$/, 'bias')
    return { weights: name, biases: present.has(bias) ? bias : undefined }
  })
  return {
    layers,
    gradients,
    looksLikeParameter: (name) => options.gradients === undefined && PYTORCH_PARAMETER.test(name),
  }
}

function addGradients(names: readonly string[], found: FoundParameters): LayerNames[] {
  const present = new Set(names)
  const parameters = found.layers.flatMap(({ weights, biases }) => (biases ? [weights, biases] : [weights]))
  const findGradient = (parameter: string): string => {
    const candidates = found.gradients.map((pattern) => fill(pattern, NAME, parameter))
    const gradient = candidates.find((name) => present.has(name))
    if (gradient === undefined) throw missingGradient(parameter, parameters, names, found.gradients)
    return gradient
  }
  const layers = found.layers.map(({ weights, biases }) => {
    const weightsGradient = findGradient(weights)
    return biases === undefined
      ? { weights, weightsGradient }
      : { weights, biases, weightsGradient, biasesGradient: findGradient(biases) }
  })
  rejectOrphans(names, parameters, found)
  return layers
}

/** A gradient whose parameter is absent: checked without it, the loss would be that of another network. */
function rejectOrphans(
  names: readonly string[],
  parameters: readonly string[],
  found: FoundParameters,
): void {
  const known = new Set(parameters)
  for (const name of names) {
    if (known.has(name)) continue
    for (const pattern of found.gradients) {
      const parameter = capture(name, pattern, NAME)
      if (parameter === undefined || known.has(parameter) || !found.looksLikeParameter(parameter)) continue
      throw new GradcheckError('missing-array', `${name} is the gradient of ${parameter}, which is missing`, {
        fix: `save ${parameter} too, or leave ${name} out`,
      })
    }
  }
}

function rejectGaps(numbers: readonly number[], weights: ReadonlyMap<number, string>, pattern: string): void {
  const first = numbers[0] === 0 ? 0 : 1
  const gap = numbers.findIndex((number, i) => number !== first + i)
  if (gap === -1) return
  const found = numbers.map((number) => weights.get(number)!)
  throw new GradcheckError(
    'missing-array',
    `${fill(pattern, LAYER, first + gap)} is missing: the weights that are there are ${listNames(found)}`,
    { fix: 'save the weights of every layer, numbered from 0 or 1 without gaps' },
  )
}

/** The arrays whose names fit a pattern, by the number in them. */
function findNumbers(names: readonly string[], pattern: string): Map<number, string> {
  const byNumber = new Map<number, string>()
  for (const name of names) {
    const digits = capture(name, pattern, LAYER)
    if (digits === undefined) continue
    const other = byNumber.get(Number(digits))
    if (other !== undefined) {
      throw new GradcheckError('bad-usage', `${other} and ${name} both belong to layer ${Number(digits)}`, {
        fix: 'leave one of them out, or narrow the pattern',
      })
    }
    byNumber.set(Number(digits), name)
  }
  return byNumber
}

/** Names that are equal but for one number, in the order of that number; any others as they are. */
function sortByOnlyNumber(names: readonly string[]): string[] {
  const parts = names.map((name) => name.split(/(\d+)/))
  const differing = new Set<number>()
  for (const part of parts) {
    if (part.length !== parts[0].length) return [...names]
    for (const [i, text] of part.entries()) if (text !== parts[0][i]) differing.add(i)
  }
  const [at, ...others] = differing
  // Splitting at numbers leaves them at the odd places.
  if (at === undefined || others.length > 0 || at % 2 === 0) return [...names]
  return names
    .map((name, i) => ({ name, number: Number(parts[i][at]) }))
    .sort((a, b) => a.number - b.number)
    .map(({ name }) => name)
}

function toBiasName(weightsPattern: string): string {
  return `${weightsPattern.slice(0, -WEIGHT_SUFFIX.length)}.bias`
}

function defaultGradients(namesModules: boolean): string[] {
  return namesModules ? PYTORCH_GRADIENTS : [`d${NAME}`]
}

function isOther(parameter: string, name: string, present: ReadonlySet<string>): boolean {
  return parameter !== name && present.has(parameter)
}

function noWeights(names: readonly string[], pattern: string): GradcheckError {
  const present = names.length === 0 ? 'there are no arrays' : `the arrays are ${listNames(names)}`
  return new GradcheckError('missing-array', `no array is named as weights are (${pattern}): ${present}`, {
    fix: "say how the weights are named by a pattern for weights, as in 'theta{l}'",
  })
}

function noWeightsFor(bias: string, weights: string): GradcheckError {
  return new GradcheckError('missing-array', `${bias} has no weights beside it: ${weights} is missing`, {
    fix: `save ${weights} too, or leave ${bias} out`,
  })
}

function missingGradient(
  parameter: string,
  parameters: readonly string[],
  names: readonly string[],
  patterns: readonly string[],
): GradcheckError {
  const expected = patterns.map((pattern) => fill(pattern, NAME, parameter))
  const claimed = new Set([
    ...parameters,
    ...parameters.flatMap((other) => patterns.map((pattern) => fill(pattern, NAME, other))),
  ])
  // The values between layers and their gradients (A1, dZ1) differ from dW1 by a letter only.
  const others = names.filter((name) => !claimed.has(name) && !/^d?[AZ]\d+$/.test(name))
  const present = new Set(names)
  const fitting = others
    .filter((name) => name.split(parameter).length === 2)
    .map((name) => name.replace(parameter, () => NAME))
    .find((pattern) => parameters.every((other) => present.has(fill(pattern, NAME, other))))
  const suggestion =
    fitting === undefined
      ? suggestName(expected[0], others)
      : `; did you mean "${fill(fitting, NAME, parameter)}"?`
  return new GradcheckError(
    'missing-array',
    `${expected.join(' or ')}, the gradient of ${parameter}, is missing${suggestion}`,
    {
      fix:
        fitting === undefined
          ? `save the gradient as ${expected[0]}, or say how they are named by a pattern for gradients (now '${patterns[0]}')`
          : `give '${fitting}' as the pattern for gradients`,
    },
  )
}

function listNames(names: readonly string[]): string {
  const listed = names.slice(0, MAX_NAMES_LISTED).join(', ')
  return names.length > MAX_NAMES_LISTED ? `${listed} and ${names.length - MAX_NAMES_LISTED} more` : listed
}
