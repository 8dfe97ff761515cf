import type { GradcheckError } from '../errors.js'
import type { Tensor } from '../tensor.js'

/** The arrays of one file or of several, and what else lies in them. */
export class ArraysOfFiles extends Map<string, Tensor> {
  /** Arrays that no tensor can hold, strings for one, and why: they are in nobody's way until they are needed. */
  readonly unreadable = new Map<string, GradcheckError>()
  /** Where two files have arrays of the same names, those of the file that holds the gradients. */
  second?: SecondArrays
}

/** Arrays of a second file, under the names of parameters. */
export interface SecondArrays {
  readonly arrays: Map<string, Tensor>
  /** False where nothing but the order of the files says that these are the gradients. */
  readonly isOrderKnown: boolean
}
