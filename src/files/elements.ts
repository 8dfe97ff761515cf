import { GradcheckError } from '../errors.js'
import { type DType, formatShape } from '../tensor.js'
import { badFile } from './bad-file.js'
import { bfloat16ToNumber, float16ToNumber } from './half-precision.js'

/** Bytes that one element takes in a file. */
export const ELEMENT_BYTES: Readonly<Record<DType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
}

/**
 * Number of elements that a file declares for an array. Nothing has been allocated yet, so a hostile shape such
 * as (10**18,) costs nothing.
 * @param name the array as messages name it, `W1 in grads.npz`
 * @throws GradcheckError `bad-file` when a length or the product is not an exact whole number.
 */
export function declaredElementCount(shape: readonly number[], name: string): number {
  const count = shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1)
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0) || !Number.isSafeInteger(count)) {
    throw badFile(`${name} declares shape ${formatShape(shape)}, more elements than any file can hold`)
  }
  return count
}

/**
 * The elements of an array as float64, in the order they are stored.
 * @param bytes exactly the elements' bytes, at any alignment
 * @param name the array as messages name it
 * @throws GradcheckError `bad-value` when a 64-bit integer has no exact float64; `bad-file` when the numbers do
 *   not fit in memory.
 */
export function decodeElements(
  bytes: Uint8Array,
  dtype: DType,
  littleEndian: boolean,
  name: string,
): Float64Array {
  if (dtype === 'float64' && littleEndian === HOST_IS_LITTLE_ENDIAN) return copyElements(bytes, name)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read = elementReader(view, dtype, littleEndian, name)
  const size = ELEMENT_BYTES[dtype]
  const values = allocateElements(bytes.byteLength / size, name)
  for (let i = 0; i < values.length; i++) values[i] = read(i * size)
  return values
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * The same in the bytes' own memory where they are stored as memory holds them, moved to where they are aligned.
 * @param bytes with at least 7 before them in their buffer that are read no more
 */
export function claimElements(
  bytes: Uint8Array,
  dtype: DType,
  littleEndian: boolean,
  name: string,
): Float64Array {
  const { buffer, byteOffset, byteLength } = bytes
  if (dtype !== 'float64' || littleEndian !== HOST_IS_LITTLE_ENDIAN) {
    return decodeElements(bytes, dtype, littleEndian, name)
  }
  const from = byteOffset - (byteOffset % ELEMENT_BYTES.float64)
  new Uint8Array(buffer).copyWithin(from, byteOffset, byteOffset + byteLength)
  return new Float64Array(buffer, from, byteLength / ELEMENT_BYTES.float64)
}

/** Elements that are stored as memory holds them; aligned anew, since a file's may lie anywhere. */
function copyElements(bytes: Uint8Array, name: string): Float64Array {
  const values = allocateElements(bytes.byteLength / ELEMENT_BYTES.float64, name)
  new Uint8Array(values.buffer).set(bytes)
  return values
}

/**
 * Room for `count` numbers.
 * @throws GradcheckError `bad-file` when the machine has none.
 */
export function allocateElements(count: number, name: string): Float64Array {
  try {
    return new Float64Array(count)
  } catch (cause) {
    throw badFile(`${name} has ${count} elements, more than memory holds here`, 'save fewer samples', cause)
  }
}

function elementReader(
  view: DataView,
  dtype: DType,
  littleEndian: boolean,
  name: string,
): (byteOffset: number) => number {
  switch (dtype) {
    case 'float64':
      return (at) => view.getFloat64(at, littleEndian)
    case 'float32':
      return (at) => view.getFloat32(at, littleEndian)
    case 'float16':
      return (at) => float16ToNumber(view.getUint16(at, littleEndian))
    case 'bfloat16':
      return (at) => bfloat16ToNumber(view.getUint16(at, littleEndian))
    case 'int8':
      return (at) => view.getInt8(at)
    case 'int16':
      return (at) => view.getInt16(at, littleEndian)
    case 'int32':
      return (at) => view.getInt32(at, littleEndian)
    case 'int64':
      return (at) => exactNumber(view.getBigInt64(at, littleEndian), name)
    case 'uint8':
      return (at) => view.getUint8(at)
    case 'uint16':
      return (at) => view.getUint16(at, littleEndian)
    case 'uint32':
      return (at) => view.getUint32(at, littleEndian)
    case 'uint64':
      return (at) => exactNumber(view.getBigUint64(at, littleEndian), name)
    case 'bool':
      return (at) => (view.getUint8(at) === 0 ? 0 : 1)
  }
}

function exactNumber(integer: bigint, name: string): number {
  const value = Number(integer)
  if (BigInt(value) !== integer) {
    throw new GradcheckError('bad-value', `${name} holds ${integer}, which float64 cannot hold exactly`, {
      fix: 'save it as float64 if the rounding does not matter',
    })
  }
  return value
}
