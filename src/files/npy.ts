import { formatShape, type Tensor } from '../tensor.js'
import { badFile } from './bad-file.js'
import {
  allocateElements,
  claimElements,
  declaredElementCount,
  decodeElements,
  ELEMENT_BYTES,
} from './elements.js'
import { readNpyHeader } from './npy-header.js'

/**
 * Reads one array as `np.save` writes it: format versions 1.0 to 3.0, either byte order, C or Fortran order
 * (the tensor is always in C order), float16/32/64, integers of 8 to 64 bits, bool.
 * Source: NEP 1 and https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @param bytes the whole file, at any alignment
 * @param name the array as messages name it, `W1.npy` or `W1 in grads.npz`
 * @param isOurs whether the array may lie in the file's memory, which is read no more
 * @throws GradcheckError `bad-file` when the header is malformed, the elements are not real numbers, or the file
 *   is shorter or longer than its shape says; `bad-value` when a 64-bit integer has no exact float64.
 */
export function readNpy(bytes: Uint8Array, name: string, isOurs = false): Tensor {
  const { dtype, littleEndian, fortranOrder, shape, dataOffset } = readNpyHeader(bytes, name)
  const needed = declaredElementCount(shape, name) * ELEMENT_BYTES[dtype]
  const present = bytes.length - dataOffset
  if (present !== needed) {
    const what = present < needed ? 'is truncated' : 'has bytes left over'
    throw badFile(
      `${name} ${what}: ${dtype} of shape ${formatShape(shape)} takes ${needed} bytes, ${present} are there`,
      'save the file again',
    )
  }
  // the header lies before the elements
  const take = isOurs ? claimElements : decodeElements
  const stored = take(bytes.subarray(dataOffset), dtype, littleEndian, name)
  return { shape, dtype, data: fortranOrder ? toRowMajor(stored, shape, name) : stored }
}

/** Elements stored with the first index running fastest, put in the order where the last one does. */
function toRowMajor(columnMajor: Float64Array, shape: readonly number[], name: string): Float64Array {
  if (shape.length < 2) return columnMajor
  const rowMajor = allocateElements(columnMajor.length, name)
  const strides = shape.map((_, axis) =>
    shape.slice(0, axis).reduce((product, length) => product * length, 1),
  )
  const index = new Array<number>(shape.length).fill(0)
  let from = 0
  for (let to = 0; to < rowMajor.length; to++) {
    rowMajor[to] = columnMajor[from]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]
      if (++index[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return rowMajor
}
