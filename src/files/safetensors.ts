import { type DType, formatShape, type Tensor } from '../tensor.js'
import type { ArraysOfFiles } from './arrays-of-files.js'
import { badFile, UnsupportedElements } from './bad-file.js'
import { declaredElementCount, decodeElements, ELEMENT_BYTES } from './elements.js'
import { listKeys } from './json-keys.js'
import { keepReadable } from './keep-readable.js'

/** Longest JSON header, the reference implementation's limit. */
const MAX_HEADER_BYTES = 100_000_000
const LENGTH_BYTES = 8

const DTYPES: ReadonlyMap<unknown, DType> = new Map<string, DType>([
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['F32', 'float32'],
  ['F64', 'float64'],
  ['I8', 'int8'],
  ['I16', 'int16'],
  ['I32', 'int32'],
  ['I64', 'int64'],
  ['U8', 'uint8'],
  ['U16', 'uint16'],
  ['U32', 'uint32'],
  ['U64', 'uint64'],
  ['BOOL', 'bool'],
])

/** Where an array lies in the file's data, in bytes, the end not included. */
interface Entry {
  readonly name: string
  /** As the header names it. */
  readonly dtype: string
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

function readTensor({ name, dtype, shape, begin, end }: Entry, data: Uint8Array, fileName: string): Tensor {
  const label = `${name} in ${fileName}`
  const type = DTYPES.get(dtype)
  if (type === undefined) {
    throw new UnsupportedElements(
      `${label} has dtype ${JSON.stringify(dtype)}; these are read: ${[...DTYPES.keys()].join(' ')}`,
      'convert it to float32 before it is saved',
    )
  }
  return { shape, dtype: type, data: decodeElements(data.subarray(begin, end), type, true, label) }
}

/** True when the bytes begin as a safetensors file does: a length that a header can have, and a `{`. */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes[LENGTH_BYTES] === 0x7b && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0
}

/**
 * Reads the arrays of a .safetensors file. All checks of the reference implementation are made: the arrays
 * must fill the data without holes or overlaps.
 * Source: https://huggingface.co/docs/safetensors/index#format
 * @param fileName the file as messages name it
 * @returns the arrays in the order of the JSON header
 * @throws GradcheckError `bad-file` when the header is malformed, an array's offsets, shape and dtype do not
 *   agree, or the file is shorter or longer than its header says; `bad-value` when a 64-bit integer has no exact
 *   float64.
 */
export function readSafetensors(bytes: Uint8Array, fileName: string): ArraysOfFiles {
  const header = readHeader(bytes, fileName)
  const entries = header.entries.map(([name, value]) => readEntry(name, value, fileName))
  const data = bytes.subarray(header.end)
  checkCoverage(entries, data.length, fileName)
  return keepReadable(entries.map((entry) => [entry.name, () => readTensor(entry, data, fileName)]))
}

/** The header's entries in their order, `__metadata__` checked and left out, and where the data begin. */
function readHeader(bytes: Uint8Array, fileName: string): { entries: [string, unknown][]; end: number } {
  if (bytes.length < LENGTH_BYTES) {
    throw badFile(`${fileName} is truncated: it has ${bytes.length} bytes, and the header's length takes 8`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > MAX_HEADER_BYTES) {
    throw badFile(`${fileName} declares a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read`)
  }
  const end = LENGTH_BYTES + length
  if (end > bytes.length) {
    throw badFile(`${fileName} is truncated: it has ${bytes.length} bytes and its header alone takes ${end}`)
  }
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, end), fileName)
  const metadata = header.get('__metadata__')
  if (header.has('__metadata__') && !isRecordOfStrings(metadata)) {
    throw badFile(`${fileName} has a malformed safetensors header: __metadata__ must map names to strings`)
  }
  header.delete('__metadata__')
  return { entries: [...header], end }
}

/** The JSON object's values by key, in the order they are written (an object would put the key "0" first). */
function parseHeader(bytes: Uint8Array, fileName: string): Map<string, unknown> {
  const malformed = (what: string, cause?: unknown) =>
    badFile(`${fileName} has a malformed safetensors header: ${what}`, 'save or copy the file again', cause)
  let header: unknown
  let keys: string[]
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    header = JSON.parse(text)
    keys = listKeys(text)
  } catch (cause) {
    throw malformed('it is not valid JSON', cause)
  }
  if (!isRecord(header)) throw malformed('it is not a JSON object')
  const repeated = findRepeated(keys)
  if (repeated !== undefined) throw malformed(`${repeated} is there twice`)
  const values = new Map(Object.entries(header))
  return new Map(keys.map((key) => [key, values.get(key)]))
}

function readEntry(name: string, value: unknown, fileName: string): Entry {
  const label = `${name} in ${fileName}`
  if (!isRecord(value)) throw badFile(`${label} has no dtype, shape and data_offsets`)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string') throw badFile(`${label} has dtype ${JSON.stringify(dtype)}, not a name`)
  if (!isArrayOfSizes(shape)) throw badFile(`${label} has shape ${JSON.stringify(shape)}, not whole numbers`)
  if (!isArrayOfSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw badFile(`${label} has data_offsets ${JSON.stringify(offsets)}, not [begin, end] in bytes`)
  }
  const [begin, end] = offsets
  const type = DTYPES.get(dtype)
  const count = declaredElementCount(shape, label)
  const needed = type === undefined ? end - begin : count * ELEMENT_BYTES[type]
  if (end - begin !== needed) {
    throw badFile(
      `${label}: ${dtype} of shape ${formatShape(shape)} takes ${needed} bytes, its data_offsets hold ${end - begin}`,
    )
  }
  return { name, dtype, shape, begin, end }
}

/** The arrays, taken in the order of their offsets, must follow each other from the first byte to the last. */
function checkCoverage(entries: readonly Entry[], dataBytes: number, fileName: string): void {
  let expected = 0
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== expected) {
      const what = begin < expected ? 'overlaps another array' : 'leaves a hole before it'
      throw badFile(`${name} in ${fileName} ${what}: it begins at byte ${begin}, ${expected} is next`)
    }
    expected = end
  }
  if (expected !== dataBytes) {
    const what = dataBytes < expected ? 'is truncated' : 'has bytes left over'
    throw badFile(`${fileName} ${what}: its arrays take ${expected} bytes, ${dataBytes} are there`)
  }
}

function findRepeated(keys: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return keys.find((key) => seen.size === seen.add(key).size)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isRecordOfStrings(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string')
}

function isArrayOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}
