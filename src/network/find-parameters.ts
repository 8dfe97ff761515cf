import { GradcheckError } from '../errors.js'
import { listNames } from '../list-names.js'
import { setting } from '../settings.js'
import { gradientBases, type SplitName } from './gradient-names.js'
import { capture, fill, LAYER, NAME } from './name-patterns.js'
import type { NamingOptions } from './naming.js'
import { type ParameterName, readModuleName, readNumberedName } from './parameter-names.js'

/** The parameters of one dense layer. */
export interface LayerParameters {
  readonly weights: string
  /** Absent for a layer without biases. */
  readonly biases?: string
}

/** Parameters that are named in one way. */
export interface ParameterFamily {
  readonly layers: readonly LayerParameters[]
  readonly split: (name: string) => SplitName
  /** What the names of several begin with: `params.` */
  readonly containers: readonly string[]
  /** True for a name that would be a parameter's if there were such an array. */
  readonly looksLikeParameter: (name: string) => boolean
  /** Patterns of gradients' names, for messages. */
  readonly usualGradients: readonly string[]
}

const WEIGHT_SUFFIX = '.weight'
const PYTORCH_GRADIENTS = [`grad.${NAME}`, `${NAME}.grad`]
/** What courses call a matrix whose first column holds the biases. */
const HOLDS_BIASES = /^theta/i
const USUAL_GRADIENTS = [`d${NAME}`]
/** W1, W2, … as the documentation calls them; others with such a number are left alone beside them. */
const DOCUMENTED = readNumberedName('W1')!.family

/**
 * The parameters among some names: by the user's patterns, by the documented names, or by others in use.
 * @returns undefined where there are no weights
 * @throws GradcheckError `bad-usage` where the names can be read in two ways, `missing-array`
 */
export function findFamily(names: readonly string[], options: NamingOptions): ParameterFamily | undefined {
  if (options.weights !== undefined || options.biases !== undefined) return findByPatterns(names, options)
  const present = new Set(names)
  const candidates = names.filter((name) => !isGradient(name, present, options))
  const numbered = groupWeights(candidates.flatMap((name) => readNumberedName(name) ?? []))
  const documented = numbered.get(DOCUMENTED)
  if (documented !== undefined) return findNumbered(documented, candidates)
  const modules = groupWeights(candidates.flatMap((name) => readModuleName(name) ?? []))
  // a lone `W` beside w1, w2, … is something else
  const found = [...numbered.values(), ...modules.values()]
  const likely = found.filter((family) =>
    family.some(({ number, prefix }) => number !== undefined || prefix !== ''),
  )
  const chosen = likely.length > 0 ? likely : found
  if (chosen.length > 1) throw ambiguousWeights(chosen)
  if (chosen.length === 0) return undefined
  return chosen[0][0].number === undefined
    ? findModules(chosen[0], candidates)
    : findNumbered(chosen[0], candidates)
}

/** Whether an array is the gradient of another, by its name. */
function isGradient(name: string, present: ReadonlySet<string>, { gradients }: NamingOptions): boolean {
  const bases = gradients === undefined ? gradientBases(name) : [capture(name, gradients, NAME) ?? name]
  return bases.some((base) => base !== name && present.has(base))
}

function groupByFamily(names: readonly ParameterName[]): Map<string, ParameterName[]> {
  const groups = new Map<string, ParameterName[]>()
  for (const name of names) groups.set(name.family, [...(groups.get(name.family) ?? []), name])
  return groups
}

/** Weights by how they are named. */
function groupWeights(names: readonly ParameterName[]): Map<string, ParameterName[]> {
  return groupByFamily(names.filter(({ role }) => role === 'weights'))
}

/** Layers that a number at the end of the name tells. */
function findNumbered(weights: readonly ParameterName[], candidates: readonly string[]): ParameterFamily {
  const byNumber = numberUniquely(weights)
  const numbers = [...byNumber.keys()].sort((a, b) => a - b)
  rejectGaps(
    numbers,
    (number) => byNumber.get(number)!.name,
    (number) => renumber(weights[0], number),
  )
  const { prefix } = weights[0]
  const biases = chooseBiases(prefix, candidates)
  if (biases.length === 0 && HOLDS_BIASES.test(weights[0].core)) throw noBiases(weights)
  const biasByNumber = numberUniquely(biases)
  for (const [number, bias] of biasByNumber) {
    if (!byNumber.has(number)) throw noWeightsFor(bias.name, renumber(weights[0], number))
  }
  const containers = [prefix, biases[0]?.prefix ?? prefix].filter((container) => container !== '')
  return {
    layers: numbers.map((number) => ({
      weights: byNumber.get(number)!.name,
      biases: biasByNumber.get(number)?.name,
    })),
    split: (name) => {
      const own = readNumberedName(name)!
      return { folders: listFolders(own.prefix), core: own.core }
    },
    containers: [...new Set(containers)],
    looksLikeParameter: (name) => {
      const read = readNumberedName(name)
      if (read === undefined) return false
      const like = read.role === 'weights' ? weights[0] : biases[0]
      return like === undefined ? read.prefix === prefix : read.family === like.family
    },
    usualGradients: USUAL_GRADIENTS,
  }
}

/** The biases beside weights: in the same folder, or in one for biases beside one for weights. */
function chooseBiases(prefix: string, candidates: readonly string[]): ParameterName[] {
  const biases = candidates
    .flatMap((name) => readNumberedName(name) ?? [])
    .filter(({ role }) => role === 'biases')
  const families = [...groupByFamily(biases).values()]
  const ownFolder = prefix.replace(/(w|weights?|kernels?)(?=[./_:\- ]$)/i, '')
  const beside = families.filter(([{ prefix: own }]) => own === prefix)
  const fitting =
    beside.length > 0 || ownFolder === prefix
      ? beside
      : families.filter(
          ([{ prefix: own }]) => own.replace(/(b|bias|biases)(?=[./_:\- ]$)/i, '') === ownFolder,
        )
  if (fitting.length > 1) {
    const [first, second] = fitting.map(([{ name }]) => name)
    throw new GradcheckError('bad-usage', `${first} and ${second} may both be biases`, {
      fix: `leave one of them out, or say which they are by ${setting('biases', `'${toLayerPattern(fitting[0][0])}'`)}`,
    })
  }
  return fitting[0] ?? []
}

function numberUniquely(names: readonly ParameterName[]): Map<number, ParameterName> {
  const byNumber = new Map<number, ParameterName>()
  for (const parameter of names) {
    const other = byNumber.get(parameter.number!)
    if (other !== undefined) throw sameLayer(other.name, parameter.name, parameter.number!)
    byNumber.set(parameter.number!, parameter)
  }
  return byNumber
}

/**
 * @param nameOf the weights of a layer
 * @param nameMissing what those of a layer without any would be called
 */
function rejectGaps(
  numbers: readonly number[],
  nameOf: (number: number) => string,
  nameMissing: (number: number) => string,
): void {
  const first = numbers[0] === 0 ? 0 : 1
  const gap = numbers.findIndex((number, i) => number !== first + i)
  if (gap === -1) return
  throw new GradcheckError(
    'missing-array',
    `${nameMissing(first + gap)} is missing: the weights that are there are ${numbers.map(nameOf).join(', ')}`,
    { fix: 'save the weights of every layer, numbered from 0 or 1 without gaps' },
  )
}

/** Layers that a module's path tells: `fc1.weight`, `layers.0.W`. */
function findModules(weights: readonly ParameterName[], candidates: readonly string[]): ParameterFamily {
  const present = new Set(candidates)
  const names = new Set(weights.map(({ name }) => name))
  const nameBiases = (parameter: ParameterName) =>
    biasCores(parameter.core).map((core) => parameter.prefix + core)
  // anything may be called b: only a module's bias is one for certain
  for (const bias of candidates) {
    const weight = bias.replace(/(?<=^|[./_:\- ])bias(?=(:0)?$)/, weights[0].core.replace(/:0$/, ''))
    const isBias = weight !== bias && readModuleName(bias) !== undefined
    if (isBias && !names.has(weight)) throw noWeightsFor(bias, weight)
  }
  const layers = sortByOnlyNumber(weights.map(({ name }) => name)).map((name) => {
    const parameter = weights.find((each) => each.name === name)!
    const biases = nameBiases(parameter).filter((bias) => present.has(bias))
    return { weights: name, biases: biases[0] }
  })
  const container = commonFolder(weights.map(({ prefix }) => prefix))
  const cores = new Set([weights[0].core, ...biasCores(weights[0].core)])
  return {
    layers,
    split: (name) => {
      const { prefix, core } = readModuleName(name)!
      return { folders: listFolders(prefix), core }
    },
    containers: container === '' ? [] : [container],
    looksLikeParameter: (name) => cores.has(readModuleName(name)?.core ?? ''),
    usualGradients: weights[0].core === 'weight' ? PYTORCH_GRADIENTS : USUAL_GRADIENTS,
  }
}

/** What biases are called beside weights of this name. */
function biasCores(core: string): string[] {
  const [, word, ending] = /^(.*?)(:0)?$/.exec(core)!
  const biases =
    word.length === 1 ? ['b', 'B'] : word.endsWith('s') ? ['biases', 'bias'] : ['bias', 'Bias', 'b']
  return biases.map((bias) => bias + (ending ?? ''))
}

/** `params.` and `fc1_` of `params.fc1_`. */
const listFolders = (path: string): readonly string[] => path.match(/[^./_:\- ]*[./_:\- ]/g) ?? []

/** The folders that all of some paths begin with, separator included. */
function commonFolder(paths: readonly string[]): string {
  const parts = paths.map(listFolders)
  const first = parts[0]
  let shared = 0
  while (shared < first.length && parts.every((part) => part[shared] === first[shared])) shared++
  return first.slice(0, shared).join('')
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

/** Layers by the user's own patterns. */
function findByPatterns(names: readonly string[], options: NamingOptions): ParameterFamily | undefined {
  const weightsPattern = options.weights ?? 'W{l}'
  const namesModules = weightsPattern.endsWith(WEIGHT_SUFFIX)
  const weights = findNumbers(names, weightsPattern)
  const numbers = [...weights.keys()].sort((a, b) => a - b)
  if (numbers.length === 0) return undefined
  const folder = folderOf(weightsPattern)
  const guesses = namesModules
    ? [`${weightsPattern.slice(0, -WEIGHT_SUFFIX.length)}.bias`]
    : [`${folder}b{l}`, 'b{l}']
  const biasesPattern =
    options.biases ?? guesses.find((guess) => findNumbers(names, guess).size > 0) ?? guesses[0]
  const biases = findNumbers(names, biasesPattern)
  // PyTorch numbers modules, of which only some have weights.
  const nameWeights = (number: number) => fill(weightsPattern, LAYER, number)
  if (!namesModules) rejectGaps(numbers, (number) => weights.get(number)!, nameWeights)
  for (const [number, bias] of biases) {
    if (!weights.has(number)) throw noWeightsFor(bias, nameWeights(number))
  }
  const folders = [folder, folderOf(biasesPattern)]
  return {
    layers: numbers.map((number) => ({ weights: weights.get(number)!, biases: biases.get(number) })),
    split: (name) => {
      const container = folders[capture(name, weightsPattern, LAYER) === undefined ? 1 : 0]
      return { folders: listFolders(container), core: name.slice(container.length) }
    },
    containers: [...new Set(folders)].filter((container) => container !== ''),
    looksLikeParameter: (name) =>
      capture(name, weightsPattern, LAYER) !== undefined || capture(name, biasesPattern, LAYER) !== undefined,
    usualGradients: namesModules ? PYTORCH_GRADIENTS : USUAL_GRADIENTS,
  }
}

/** What a pattern begins with, up to the word that its number is part of. */
const folderOf = (pattern: string) => /^(.*[./_:\- ])?/s.exec(pattern.split(LAYER)[0])![0]

/** The arrays whose names fit a pattern, by the number in them. */
function findNumbers(names: readonly string[], pattern: string): Map<number, string> {
  const byNumber = new Map<number, string>()
  for (const name of names) {
    const digits = capture(name, pattern, LAYER)
    if (digits === undefined) continue
    const other = byNumber.get(Number(digits))
    if (other !== undefined) throw sameLayer(other, name, Number(digits))
    byNumber.set(Number(digits), name)
  }
  return byNumber
}

function sameLayer(first: string, second: string, number: number): GradcheckError {
  return new GradcheckError('bad-usage', `${first} and ${second} both belong to layer ${number}`, {
    fix: 'leave one of them out, or narrow the pattern',
  })
}

/** Weights that mostly hold the biases as well: without a column for them they have been left out, or there are none. */
function noBiases(weights: readonly ParameterName[]): GradcheckError {
  const { name } = weights[0]
  const listed = listNames(weights.map((each) => each.name))
  return new GradcheckError('missing-array', `${listed} have no biases beside them`, {
    fix:
      `if the network has none, set ${setting('weights', `'${toLayerPattern(weights[0])}'`)}; those that are a column of ` +
      `${name} are saved apart, b1 = ${name}[:, 0] and W1 = ${name}[:, 1:], and the gradients alike`,
  })
}

function noWeightsFor(bias: string, weights: string): GradcheckError {
  return new GradcheckError('missing-array', `${bias} has no weights beside it: ${weights} is missing`, {
    fix: `save ${weights} too, or leave ${bias} out`,
  })
}

function ambiguousWeights(families: readonly (readonly ParameterName[])[]): GradcheckError {
  const [first, second] = families.map(([each]) => each)
  return new GradcheckError('bad-usage', `${first.name} and ${second.name} may both be weights`, {
    fix: `leave one of them out, or say which they are by ${setting('weights', `'${toLayerPattern(first)}'`)}`,
  })
}

/** A parameter's name as it would be with another number. */
const renumber = (parameter: ParameterName, number: number) => fill(toLayerPattern(parameter), LAYER, number)

const toLayerPattern = ({ name }: ParameterName) => name.replace(/\d+(?=\D*$)/, LAYER)
