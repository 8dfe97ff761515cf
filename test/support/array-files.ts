import { crc32, deflateRawSync } from 'node:zlib'

/** Elements in C order; bigint is for 64-bit integers that a number cannot hold. */
export interface ArrayLike64 {
  readonly shape: readonly number[]
  readonly data: ArrayLike<number | bigint>
}

export interface NpyOptions {
  /** Default `<f8`. */
  readonly descr?: string
  readonly fortranOrder?: boolean
  /** Major version, 1 by default. */
  readonly version?: 1 | 2 | 3
}

/** A .npy file's bytes. */
export function writeNpy(
  { shape, data }: ArrayLike64,
  { descr = '<f8', fortranOrder = false, version = 1 }: NpyOptions = {},
): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const order = fortranOrder ? 'True' : 'False'
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${tuple}, }`
  const littleEndian = !descr.startsWith('>')
  const stored = fortranOrder ? inColumnMajor(shape, data) : Array.from(data)
  return writeNpyParts(header, encodeElements(stored, descr.replace(/^[<>|=]/, ''), littleEndian), version)
}

/** A .npy file's bytes from a header's text, right or wrong, and the bytes behind it. */
export function writeNpyParts(header: string, data: Uint8Array, version = 1): Uint8Array {
  const lengthBytes = version === 1 ? 2 : 4
  const before = 8 + lengthBytes
  const padded = `${header.padEnd(Math.ceil((before + header.length + 1) / 64) * 64 - before - 1)}\n`
  const length = new DataView(new ArrayBuffer(lengthBytes))
  if (version === 1) length.setUint16(0, padded.length, true)
  else length.setUint32(0, padded.length, true)
  const magic = [0x93, ...new TextEncoder().encode('NUMPY'), version, 0]
  return concatenate([magic, new Uint8Array(length.buffer), new TextEncoder().encode(padded), data])
}

export interface ZipOptions {
  readonly compressed?: boolean
  /** Overwrites what a member's directory entry says. */
  readonly declare?: { readonly size?: number; readonly crc32?: number; readonly method?: number }
}

/** A .npz file's bytes from .npy files by array name. */
export function writeNpz(
  arrays: ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array>>,
  options: ZipOptions = {},
): Uint8Array {
  const entries = arrays instanceof Map ? [...arrays] : Object.entries(arrays)
  return writeZip(
    entries.map(([name, npy]) => [`${name}.npy`, npy]),
    options,
  )
}

/** A zip file's bytes, with local headers as `np.savez` writes them (Zip64 sizes in an extra field). */
export function writeZip(
  members: readonly (readonly [string, Uint8Array])[],
  { compressed = false, declare = {} }: ZipOptions = {},
): Uint8Array {
  const local: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const [name, content] of members) {
    const nameBytes = new TextEncoder().encode(name)
    const packed = compressed ? deflateRawSync(content) : content
    const method = declare.method ?? (compressed ? 8 : 0)
    const size = declare.size ?? content.length
    const checksum = declare.crc32 ?? crc32(content)
    // version needed, flags (UTF-8 name), method, time, date 1980-01-01
    const common = [45, 0, 0, 8, method, 0, 0, 0, 33, 0, ...uint32(checksum)]
    const zip64 = [1, 0, 16, 0, ...uint64(size), ...uint64(packed.length)]
    const lengths = [...uint16(nameBytes.length), ...uint16(zip64.length)]
    const allOnes = uint32(0xffffffff)
    const header = [0x50, 0x4b, 3, 4, ...common, ...allOnes, ...allOnes, ...lengths, ...nameBytes, ...zip64]
    local.push(concatenate([header, packed]))
    const entry = [0x50, 0x4b, 1, 2, 45, 3, ...common, ...uint32(packed.length), ...uint32(size)]
    const rest = [...uint16(nameBytes.length), ...new Array(12).fill(0), ...uint32(offset), ...nameBytes]
    directory.push(concatenate([entry, rest]))
    offset += header.length + packed.length
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0)
  const count = uint16(members.length)
  const end = [0x50, 0x4b, 5, 6, 0, 0, 0, 0, ...count, ...count, ...uint32(size), ...uint32(offset), 0, 0]
  return concatenate([...local, ...directory, end])
}

export interface StoredTensor extends ArrayLike64 {
  /** `F32`, `I64`, … */
  readonly dtype: string
}

/** A .safetensors file's bytes. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor> | Readonly<Record<string, StoredTensor>>,
  { metadata }: { metadata?: Record<string, string> } = {},
): Uint8Array {
  const header: [string, unknown][] = metadata === undefined ? [] : [['__metadata__', metadata]]
  const parts: Uint8Array[] = []
  let offset = 0
  for (const [name, { dtype, shape, data }] of tensors instanceof Map ? tensors : Object.entries(tensors)) {
    const part = encodeElements(Array.from(data), SAFETENSORS_TYPES[dtype], true)
    header.push([name, { dtype, shape, data_offsets: [offset, offset + part.length] }])
    parts.push(part)
    offset += part.length
  }
  const json = header.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`)
  return writeSafetensorsParts(`{${json.join(',')}}`, concatenate(parts))
}

/** A .safetensors file's bytes from a header's text, right or wrong, and the bytes behind it. */
export function writeSafetensorsParts(header: string, data: Uint8Array): Uint8Array {
  const bytes = new TextEncoder().encode(header)
  return concatenate([uint64(bytes.length), bytes, data])
}

export function concatenate(parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const SAFETENSORS_TYPES: Readonly<Record<string, string>> = {
  F16: 'u2',
  BF16: 'u2',
  F32: 'f4',
  F64: 'f8',
  I8: 'i1',
  I16: 'i2',
  I32: 'i4',
  I64: 'i8',
  U8: 'u1',
  U16: 'u2',
  U32: 'u4',
  U64: 'u8',
  BOOL: 'u1',
}

/** Bytes of elements; float16 and bfloat16 elements are given as their 16 bits. */
function encodeElements(data: readonly (number | bigint)[], type: string, littleEndian: boolean): Uint8Array {
  const size = type === '?' ? 1 : Number(type[1])
  const view = new DataView(new ArrayBuffer(data.length * size))
  for (const [i, value] of data.entries()) {
    const at = i * size
    if (type === 'f8') view.setFloat64(at, Number(value), littleEndian)
    else if (type === 'f4') view.setFloat32(at, Number(value), littleEndian)
    else if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), littleEndian)
    else if (size === 4) view.setUint32(at, Number(value), littleEndian)
    else if (size === 2) view.setUint16(at, Number(value), littleEndian)
    else view.setUint8(at, Number(value))
  }
  return new Uint8Array(view.buffer)
}

function inColumnMajor(shape: readonly number[], data: ArrayLike<number | bigint>): (number | bigint)[] {
  return Array.from(data, (_, offset) => {
    let rest = offset
    let at = 0
    for (const [axis, length] of shape.entries()) {
      const stride = shape.slice(axis + 1).reduce((product, n) => product * n, 1)
      at += (rest % length) * stride
      rest = Math.floor(rest / length)
    }
    return data[at]
  })
}

function uint16(value: number): number[] {
  return [value & 255, value >> 8]
}

function uint32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 255)
}

function uint64(value: number): number[] {
  return [...uint32(value), ...uint32(Math.floor(value / 2 ** 32))]
}
