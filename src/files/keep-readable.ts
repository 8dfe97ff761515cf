import { GradcheckError } from '../errors.js'
import type { Tensor } from '../tensor.js'
import { ArraysOfFiles } from './arrays-of-files.js'
import { UnsupportedElements } from './bad-file.js'

/**
 * Reads arrays one by one and passes over those of strings, objects and the like.
 * @throws GradcheckError what reading throws otherwise; the first reason where nothing can be read
 */
export function keepReadable(readers: Iterable<[string, () => Tensor]>): ArraysOfFiles {
  const arrays = new ArraysOfFiles()
  for (const [name, read] of readers) {
    try {
      arrays.set(name, read())
    } catch (error) {
      if (!isOfElements(error)) throw error
      arrays.unreadable.set(name, error)
    }
  }
  const [first] = arrays.unreadable.values()
  if (arrays.size === 0 && first !== undefined) throw first
  return arrays
}

/** Whether the file is sound and an array's elements alone cannot be read. */
function isOfElements(error: unknown): error is GradcheckError {
  return (
    error instanceof UnsupportedElements || (error instanceof GradcheckError && error.code === 'bad-value')
  )
}
