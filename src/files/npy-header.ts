import type { DType } from '../tensor.js'
import { badFile, UnsupportedElements } from './bad-file.js'

/** What the header of a .npy file says. */
export interface NpyHeader {
  readonly dtype: DType
  readonly littleEndian: boolean
  /** True when the first index runs fastest. */
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
  /** Where the elements begin, in bytes from the beginning of the file. */
  readonly dataOffset: number
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
/** NPY_MAXDIMS of NumPy 2. */
const MAX_DIMENSIONS = 64

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['b1', 'bool'],
  ['?', 'bool'],
])

/** True when the bytes begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte)
}

/**
 * Reads the header of a .npy file, versions 1.0, 2.0 and 3.0.
 * Source: NEP 1 and https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @param name the array as messages name it, `W1 in grads.npz`
 * @throws GradcheckError `bad-file` when it is no .npy file, its header is malformed or not all there, or its
 *   elements are not real numbers.
 */
export function readNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  if (!isNpy(bytes)) throw badFile(`${name} is not a .npy file: it does not begin with \\x93NUMPY`)
  const [major, minor] = [bytes[6], bytes[7]]
  if (bytes.length >= 8 && (major < 1 || major > 3 || minor !== 0)) {
    throw badFile(`${name} is a .npy file of version ${major}.${minor}; versions 1.0, 2.0 and 3.0 are read`)
  }
  const headerOffset = major === 1 ? 10 : 12
  if (bytes.length < headerOffset) {
    throw badFile(`${name} is truncated: it has ${bytes.length} bytes and its header takes more`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const dataOffset = headerOffset + headerLength
  if (bytes.length < dataOffset) {
    throw badFile(
      `${name} is truncated: it has ${bytes.length} bytes and its header alone takes ${dataOffset}`,
    )
  }
  const text = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(headerOffset, dataOffset),
  )
  const fields = parseHeaderDictionary(text, name)
  return {
    ...parseDescr(fields.descr, name),
    fortranOrder: parseFortranOrder(fields.fortran_order, name),
    shape: parseShape(fields.shape, name),
    dataOffset,
  }
}

type HeaderKey = 'descr' | 'fortran_order' | 'shape'

/**
 * One `'key': value` and the comma or brace behind it. A list as `descr` (a structured dtype, which nests) is
 * matched only up to its first bracket: it is refused as soon as it is seen.
 */
const ENTRY = /\s*(['"])(\w+)\1\s*:\s*('[^']*'|"[^"]*"|True|False|\([^()]*\)|\[)\s*(,\s*\}?|\}|(?<=\[))/y

/** The values of the header's Python dictionary, as they are written. Only the three keys, each once. */
function parseHeaderDictionary(text: string, name: string): Record<HeaderKey, string> {
  const malformed = (what: string) =>
    badFile(`${name} has a malformed .npy header: ${what} in ${JSON.stringify(text.trim().slice(0, 120))}`)
  const open = /^\s*\{/.exec(text)
  if (open === null) throw malformed('no dictionary')
  const fields: Partial<Record<HeaderKey, string>> = {}
  let end = open[0].length
  for (let closed = false; !closed; ) {
    ENTRY.lastIndex = end
    const entry = ENTRY.exec(text)
    if (entry === null) throw malformed(`no "'key': value" at character ${end}`)
    const [whole, , key, value, behind] = entry
    if (key !== 'descr' && key !== 'fortran_order' && key !== 'shape') throw malformed(`unknown key '${key}'`)
    if (fields[key] !== undefined) throw malformed(`'${key}' twice`)
    if (value === '[') throw unsupportedDescr('a structured dtype', name)
    fields[key] = value
    end += whole.length
    closed = behind.endsWith('}')
  }
  if (text.slice(end).trim() !== '') throw malformed('text behind the dictionary')
  const { descr, fortran_order, shape } = fields
  if (descr === undefined) throw malformed("no 'descr'")
  if (fortran_order === undefined) throw malformed("no 'fortran_order'")
  if (shape === undefined) throw malformed("no 'shape'")
  return { descr, fortran_order, shape }
}

function parseFortranOrder(value: string, name: string): boolean {
  if (value !== 'True' && value !== 'False') {
    throw badFile(`${name} has a malformed .npy header: 'fortran_order' is not True or False: ${value}`)
  }
  return value === 'True'
}

/** A Python tuple of whole numbers; those that Python 2 wrote may end in L. `(3)` is not a tuple. */
function parseShape(value: string, name: string): number[] {
  if (!/^\((?:\s*|(?:\s*\d+L?\s*,)+(?:\s*\d+L?)?\s*)\)$/.test(value)) {
    throw badFile(`${name} has a malformed .npy header: 'shape' is not a tuple of whole numbers: ${value}`)
  }
  const shape = [...value.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  if (shape.length > MAX_DIMENSIONS) {
    throw badFile(`${name} has ${shape.length} dimensions; a NumPy array has at most ${MAX_DIMENSIONS}`)
  }
  return shape
}

/**
 * The element type of a `descr` string: a byte order (`<` little, `>` big, `=` the machine's own, which is
 * little wherever WebGPU runs, `|` none) and a type.
 */
function parseDescr(value: string, name: string): { dtype: DType; littleEndian: boolean } {
  const [, order, type] = /^['"]([<>=|]?)(.*)['"]$/.exec(value) ?? []
  const dtype = DTYPES.get(type)
  if (dtype === undefined) throw unsupportedDescr(describeType(type, value), name)
  return { dtype, littleEndian: order !== '>' }
}

function describeType(type: string | undefined, value: string): string {
  switch (type?.[0]) {
    case 'O':
      return 'Python objects (pickled)'
    case 'S':
    case 'U':
    case 'a':
      return `strings (${value})`
    case 'c':
      return `complex numbers (${value})`
    case 'V':
      return `raw bytes or a type that NumPy does not know (${value})`
    case 'M':
    case 'm':
      return `dates or durations (${value})`
    case 'f':
      return `floating-point numbers of a size that is not portable (${value})`
    default:
      return `elements of an unknown type (${value})`
  }
}

function unsupportedDescr(what: string, name: string): Error {
  const fix = what.startsWith('Python objects')
    ? 'save arrays of numbers; a dictionary of arrays is saved as np.savez(f, **parameters, **gradients)'
    : what.startsWith('strings')
      ? 'leave it out of the file; of labels save their numbers, np.unique(labels, return_inverse=True)[1]'
      : 'leave it out of the file, or convert it with .astype(np.float64) before it is saved'
  return new UnsupportedElements(`${name} holds ${what}; float, integer and bool arrays are read`, fix)
}
