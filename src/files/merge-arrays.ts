import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { gradientBases } from '../network/gradient-names.js'
import { looksLikeParameter } from '../network/parameter-names.js'
import type { NamedTensors, Tensor } from '../tensor.js'
import { ArraysOfFiles } from './arrays-of-files.js'
import { badFile } from './bad-file.js'
import { baseName } from './file-name.js'

interface NamedFile {
  readonly fileName: string
  readonly arrays: NamedTensors
}

/** What files of gradients and files of parameters are called. */
const GRADIENT_FILE = /grad|(^|[^a-z])(d|g|dparams?|backward|backprop)([^a-z]|$)/i
const PARAMETER_FILE = /param|weight|theta|model|state|checkpoint|ckpt|(^|[^a-z])net([^a-z]|$)/i

/**
 * The arrays of several files as one set, in the order of the files. An array that is in two files must be the same in
 * both, but for parameters and gradients that were saved under the same names: then one of two files holds the gradients,
 * and the files' own names say which, or the numbers will.
 * @throws GradcheckError `bad-file` when two files disagree on an array.
 */
export function mergeArrays(files: readonly NamedFile[]): ArraysOfFiles {
  if (!Array.isArray(files)) {
    throw new GradcheckError('bad-usage', `the files are ${describeValue(files)}, not a list of files`, {
      fix: 'give [{ fileName, arrays }, …]',
    })
  }
  const merged = new ArraysOfFiles()
  const origin = new Map<string, NamedFile>()
  const conflicts: Conflict[] = []
  for (const file of files) {
    if (file.arrays instanceof ArraysOfFiles) {
      for (const [name, reason] of file.arrays.unreadable) merged.unreadable.set(name, reason)
    }
    for (const [name, array] of file.arrays) {
      const earlier = merged.get(name)
      if (earlier === undefined) {
        merged.set(name, array)
        origin.set(name, file)
      } else if (!isSameArray(earlier, array)) {
        conflicts.push({ name, first: origin.get(name)!, second: file })
      }
    }
  }
  if (conflicts.length > 0) separateGradients(merged, conflicts)
  return merged
}

/** An array that two files have differently. */
interface Conflict {
  readonly name: string
  readonly first: NamedFile
  readonly second: NamedFile
}

/** @throws GradcheckError `bad-file` where the arrays of equal names are no parameters and their gradients */
function separateGradients(merged: ArraysOfFiles, conflicts: readonly Conflict[]): void {
  const [{ name, first, second }] = conflicts
  const names = new Set(conflicts.map((conflict) => conflict.name))
  const areOfTwo = conflicts.every((each) => each.first === first && each.second === second)
  const haveGradients = [...merged.keys()].some((each) => gradientBases(each).some((base) => names.has(base)))
  if (!areOfTwo || haveGradients || ![...names].every(looksLikeParameter)) {
    throw badFile(
      `${first.fileName} and ${second.fileName} both hold an array ${name}, and the two differ`,
      `leave ${name} out of one of them`,
    )
  }
  const { gradients, isOrderKnown } = tellGradients(first, second)
  const parameters = gradients === first ? second : first
  // a gradient may be equal to its parameter, as zeros are
  const shared = [...first.arrays.keys()].filter(
    (each) => second.arrays.has(each) && looksLikeParameter(each),
  )
  for (const each of shared) merged.set(each, parameters.arrays.get(each)!)
  merged.second = {
    arrays: new Map(shared.map((each) => [each, gradients.arrays.get(each)!])),
    isOrderKnown,
  }
}

/** Which of two files holds the gradients, by their names; the second where these do not say. */
function tellGradients(first: NamedFile, second: NamedFile): { gradients: NamedFile; isOrderKnown: boolean } {
  const [firstBase, secondBase] = [first, second].map(({ fileName }) => baseName(fileName))
  for (const [words, sign] of [
    [GRADIENT_FILE, true],
    [PARAMETER_FILE, false],
  ] as const) {
    const [isFirst, isSecond] = [words.test(firstBase), words.test(secondBase)]
    if (isFirst !== isSecond) return { gradients: isFirst === sign ? first : second, isOrderKnown: true }
  }
  return { gradients: second, isOrderKnown: false }
}

/** Same shape, dtype and bits (a NaN equals a NaN). */
function isSameArray(a: Tensor, b: Tensor): boolean {
  return (
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((length, axis) => length === b.shape[axis]) &&
    a.data.every((value, i) => Object.is(value, b.data[i]))
  )
}
