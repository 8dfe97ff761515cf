import { GradcheckError } from '../errors.js'
import { setting } from '../settings.js'
import { suggestName } from '../suggest.js'
import { findFamily, type LayerParameters, type ParameterFamily } from './find-parameters.js'
import { findGradientNames, gradientBases } from './gradient-names.js'
import { capture, checkPattern, fill, LAYER, NAME } from './name-patterns.js'

/** How arrays are named. `{l}` stands for the number of a layer, `{name}` for the name of a parameter. */
export interface NamingOptions {
  /** Default `W{l}`, and what else weights are usually called. */
  readonly weights?: string
  /** Default `b{l}`, or `….bias` where `weights` is `….weight`. */
  readonly biases?: string
  /** Default `d{name}`, and what else gradients are usually called: `grads.{name}`, `{name}_grad` … */
  readonly gradients?: string
}

/** The arrays of one dense layer. */
export interface LayerNames extends LayerParameters {
  readonly weightsGradient: string
  /** Absent together with `biases`. */
  readonly biasesGradient?: string
}

const MAX_NAMES_LISTED = 13

/**
 * Finds out which arrays are each layer's weights, biases and gradients. Layers are numbered from 0 or 1 without gaps
 * (`W1, b1, …`). Where no array is called so and no pattern was given, other usual names are looked for: `w1`, `Theta1`,
 * `params.W1`, and those of modules, `0.weight`, `fc.bias`, `layers.0.W`, in the order of the numbers if the modules
 * differ only in one number, otherwise in the order given. Arrays that are none of these are left alone.
 * @param names the names of all arrays, in their order
 * @param gradientNames the names among which the gradients are, where they are a set of their own: there they may be
 *   called as their parameters are
 * @returns one entry a layer, the first layer first
 * @throws GradcheckError `bad-usage` for a pattern without its placeholder, or where the names can be read in two ways;
 *   `missing-array` when there are no weights, a layer's number is skipped, biases have no weights, a gradient has no
 *   parameter, or a parameter no gradient.
 */
export function matchNames(
  names: readonly string[],
  options: NamingOptions = {},
  gradientNames: readonly string[] = names,
): LayerNames[] {
  checkPattern('weights', options.weights, LAYER)
  checkPattern('biases', options.biases, LAYER)
  checkPattern('gradients', options.gradients, NAME)
  const family = findFamily(names, options)
  if (family === undefined) throw noWeights(names, options.weights ?? 'W{l}')
  const parameters = family.layers.flatMap(({ weights, biases }) => (biases ? [weights, biases] : [weights]))
  const found = findGradientNames(parameters, gradientNames, {
    split: family.split,
    pattern: options.gradients,
    mayBeCalledAlike: gradientNames !== names,
  })
  if (found.kind === 'ambiguous') throw ambiguousGradients(parameters, found.readings)
  if (found.kind === 'missing') throw missingGradient(family, parameters, gradientNames, found, options)
  const isAlike = parameters.every((name) => found.gradients.get(name) === name)
  rejectOrphans(gradientNames, [...parameters, ...found.gradients.values()], family, options, isAlike)
  return family.layers.map(({ weights, biases }) => ({
    weights,
    weightsGradient: found.gradients.get(weights)!,
    ...(biases === undefined ? {} : { biases, biasesGradient: found.gradients.get(biases)! }),
  }))
}

/** A gradient whose parameter is absent: checked without it, the loss would be that of another network. */
function rejectOrphans(
  names: readonly string[],
  used: readonly string[],
  family: ParameterFamily,
  { gradients }: NamingOptions,
  isAlike: boolean,
): void {
  const known = new Set(used)
  for (const name of names) {
    if (known.has(name)) continue
    const inner = gradients === undefined ? undefined : capture(name, gradients, NAME)
    const alike = isAlike ? [name] : []
    const bases =
      gradients === undefined ? [...alike, ...gradientBases(name)] : inner === undefined ? [] : [inner]
    const readings = bases.flatMap((base) => [
      base,
      ...family.containers.map((container) => container + base),
    ])
    if (readings.some((reading) => known.has(reading))) continue
    const parameter = readings.find(family.looksLikeParameter)
    if (parameter === undefined) continue
    throw new GradcheckError('missing-array', `${name} is the gradient of ${parameter}, which is missing`, {
      fix: `save ${parameter} too, or leave ${name} out`,
    })
  }
}

function noWeights(names: readonly string[], pattern: string): GradcheckError {
  const present = names.length === 0 ? 'there are no arrays' : `the arrays are ${listFirst(names)}`
  const unnamed = names.some((name) => /^arr_\d+$/.test(name))
  return new GradcheckError('missing-array', `no array is named as weights are (${pattern}): ${present}`, {
    fix: unnamed
      ? 'give each array its name: np.savez(f, X=X, Y=Y, **parameters, **gradients)'
      : `say how the weights are named by a pattern, as in ${setting('weights', `'${proposePattern(names)}'`)}`,
  })
}

/** The pattern of the first names that have a number at their end and are no gradients. */
function proposePattern(names: readonly string[]): string {
  const numbered = names.filter(
    (name) => /\d$/.test(name) && !/^d|grad/i.test(name) && !/^[abxyz]\d+$/i.test(name),
  )
  return numbered[0]?.replace(/\d+$/, LAYER) ?? 'W{l}'
}

function ambiguousGradients(
  parameters: readonly string[],
  [first, second]: readonly (readonly string[])[],
): GradcheckError {
  const at = first.findIndex((name, k) => name !== second[k])
  return new GradcheckError(
    'bad-usage',
    `${first[at]} and ${second[at]} may both be the gradient of ${parameters[at]}`,
    {
      fix: `leave one of them out, or say which it is by ${setting('gradients', `'${toPattern(first[at], parameters[at])}'`)}`,
    },
  )
}

/** The pattern by which a gradient is named after its parameter; the usual one where none is. */
const toPattern = (gradient: string, parameter: string) =>
  gradient.split(parameter).length === 2 ? gradient.replace(parameter, () => NAME) : 'd{name}'

function missingGradient(
  family: ParameterFamily,
  parameters: readonly string[],
  names: readonly string[],
  { parameter, expected: nearly }: { readonly parameter: string; readonly expected?: string },
  { gradients }: NamingOptions,
): GradcheckError {
  const patterns = gradients === undefined ? family.usualGradients : [gradients]
  const expected = nearly !== undefined ? [nearly] : patterns.map((pattern) => fill(pattern, NAME, parameter))
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
          ? `save the gradient as ${expected[0]}, or say how gradients are named by a pattern, as in ${setting('gradients', `'${patterns[0]}'`)}`
          : `set ${setting('gradients', `'${fitting}'`)}`,
    },
  )
}

const listFirst = (names: readonly string[]) => {
  const listed = names.slice(0, MAX_NAMES_LISTED - 1).join(', ')
  return names.length < MAX_NAMES_LISTED
    ? listed
    : `${listed} and ${names.length - MAX_NAMES_LISTED + 1} more`
}
