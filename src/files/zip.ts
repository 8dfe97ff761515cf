import { inflateSync } from 'fflate'
import { badFile } from './bad-file.js'
import { crc32 } from './crc32.js'

/** One member of a zip file, as the directory at the file's end describes it. */
export interface ZipMember {
  readonly name: string
  /** 0 stored, 8 deflated. */
  readonly method: number
  readonly encrypted: boolean
  readonly crc32: number
  /** Where its compressed bytes begin, and how many there are. */
  readonly offset: number
  readonly compressedSize: number
  /** Declared length in bytes once it is unpacked. */
  readonly size: number
}

/** Bytes that all deflated members may unpack to, 1 GiB; members stored as they are have no such limit. */
export const MAX_UNPACKED_BYTES = 2 ** 30
/** Deflate cannot pack better: 258 bytes in 2 bits (zlib, "Maximum Compression Factor"). */
const MAX_DEFLATE_RATIO = 1032

const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50
const ZIP64_LOCATOR_BYTES = 20
const ZIP64_END_SIGNATURE = 0x06064b50
const ZIP64_END_BYTES = 56
const ENTRY_SIGNATURE = 0x02014b50
const ENTRY_BYTES = 46
const LOCAL_SIGNATURE = 0x04034b50
const LOCAL_BYTES = 30
const ZIP64_EXTRA_FIELD = 1
const MAX_UINT16 = 0xffff
const MAX_UINT32 = 0xffffffff

/**
 * The members of a zip file, Zip64 included. fflate's own `unzipSync` is not used: it gives a plain object, in
 * which an array called `__proto__` is lost, and checks neither sizes nor checksums.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
 * @throws GradcheckError `bad-file` when the file is no zip, is truncated, or its directory contradicts itself.
 */
export function readZipDirectory(bytes: Uint8Array, fileName: string): ZipMember[] {
  const view = viewOf(bytes)
  const directory = findDirectory(view, fileName)
  const members: ZipMember[] = []
  let at = directory.start
  while (at < directory.end) {
    const room = directory.end - at
    if (room < ENTRY_BYTES || view.getUint32(at, true) !== ENTRY_SIGNATURE || entryLength(view, at) > room) {
      throw badFile(`${fileName} has a corrupt zip directory at byte ${at}`, 'save the file again')
    }
    members.push(readEntry(bytes, at, directory.start, fileName))
    at += entryLength(view, at)
  }
  if (members.length !== directory.members) {
    throw badFile(
      `${fileName} has a corrupt zip directory: ${directory.members} members declared, ${members.length} there`,
    )
  }
  const packed = members.reduce((sum, member) => sum + LOCAL_BYTES + member.compressedSize, 0)
  if (packed > directory.start) throw badFile(`${fileName} has a corrupt zip directory: its members overlap`)
  return members
}

/**
 * Unpacks members one at a time, and refuses a zip bomb before anything is allocated for it.
 * @throws GradcheckError `bad-file` when a member is packed in an unknown way, does not unpack to the size and
 *   checksum declared for it, or all of them to more than {@link MAX_UNPACKED_BYTES}.
 */
export function* unpackMembers(
  bytes: Uint8Array,
  members: readonly ZipMember[],
  fileName: string,
): Generator<[ZipMember, Uint8Array]> {
  const inflated = members.reduce((sum, member) => sum + (member.method === 0 ? 0 : member.size), 0)
  if (inflated > MAX_UNPACKED_BYTES) {
    throw badFile(
      `${fileName} unpacks to ${inflated} bytes; at most ${MAX_UNPACKED_BYTES} are unpacked`,
      'save it with np.savez, which does not compress',
    )
  }
  for (const member of members) yield [member, unpackMember(bytes, member, fileName)]
}

function unpackMember(bytes: Uint8Array, member: ZipMember, fileName: string): Uint8Array {
  const label = `${member.name} in ${fileName}`
  if (member.encrypted) throw badFile(`${label} is encrypted`, 'save the file without a password')
  if (member.method !== 0 && member.method !== 8) {
    throw badFile(
      `${label} is compressed by zip method ${member.method}; stored and deflated members are read`,
      'save the file with np.savez or np.savez_compressed',
    )
  }
  const packed = bytes.subarray(member.offset, member.offset + member.compressedSize)
  const unpacked = member.method === 0 ? packed : inflateMember(packed, member, label)
  if (unpacked.length !== member.size) {
    throw badFile(`${label} is corrupt: it does not unpack to the ${member.size} bytes declared for it`)
  }
  if (crc32(unpacked) !== member.crc32) {
    throw badFile(`${label} is corrupt: its checksum does not match`, 'save or copy the file again')
  }
  return unpacked
}

/** What comes out, and one byte more where that is more than the declared size. */
function inflateMember(packed: Uint8Array, member: ZipMember, label: string): Uint8Array {
  if (member.size > packed.length * MAX_DEFLATE_RATIO) {
    throw badFile(
      `${label} declares ${member.size} bytes, more than its ${packed.length} compressed bytes can hold`,
    )
  }
  try {
    return inflateSync(packed, { out: new Uint8Array(member.size + 1) })
  } catch (cause) {
    throw badFile(`${label} is corrupt: it cannot be unpacked`, 'save or copy the file again', cause)
  }
}

interface Directory {
  readonly start: number
  readonly end: number
  readonly members: number
}

/** Finds the directory through the end record, which must be the last thing in the file. */
function findDirectory(view: DataView, fileName: string): Directory {
  const endRecord = findEndRecord(view, fileName)
  let members = view.getUint16(endRecord + 10, true)
  let size = view.getUint32(endRecord + 12, true)
  let start = view.getUint32(endRecord + 16, true)
  let end = endRecord
  let firstDisk = view.getUint32(endRecord + 4, true) === 0
  const zip64Record = findZip64EndRecord(view, endRecord, fileName)
  if (zip64Record !== undefined) {
    end = zip64Record
    members = Number(view.getBigUint64(end + 32, true))
    size = Number(view.getBigUint64(end + 40, true))
    start = Number(view.getBigUint64(end + 48, true))
    firstDisk = view.getBigUint64(end + 16, true) === 0n
  }
  if (!firstDisk || start + size !== end) {
    throw badFile(`${fileName} has a corrupt zip directory, or is one part of several`, 'save the file again')
  }
  return { start, end, members }
}

function findEndRecord(view: DataView, fileName: string): number {
  const last = view.byteLength - END_BYTES
  for (let at = last; at >= Math.max(0, last - MAX_UINT16); at--) {
    const commentBytes = last - at
    if (view.getUint32(at, true) === END_SIGNATURE && view.getUint16(at + 20, true) === commentBytes)
      return at
  }
  throw badFile(
    `${fileName} is not a whole zip file: the directory at its end is missing, as in a truncated file`,
    'save or copy the file again',
  )
}

/** The Zip64 end record, where a locator just before the end record points to one. */
function findZip64EndRecord(view: DataView, endRecord: number, fileName: string): number | undefined {
  const locator = endRecord - ZIP64_LOCATOR_BYTES
  if (locator < 0 || view.getUint32(locator, true) !== ZIP64_LOCATOR_SIGNATURE) return undefined
  const at = Number(view.getBigUint64(locator + 8, true))
  if (at + ZIP64_END_BYTES <= locator && view.getUint32(at, true) === ZIP64_END_SIGNATURE) return at
  throw badFile(`${fileName} has a corrupt zip directory: its Zip64 record is missing`, 'save the file again')
}

/** Length of a directory entry: its fixed part, name, extra fields and comment. */
function entryLength(view: DataView, at: number): number {
  const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true))
  return ENTRY_BYTES + name + extra + comment
}

function readEntry(bytes: Uint8Array, at: number, directoryStart: number, fileName: string): ZipMember {
  const view = viewOf(bytes)
  const nameBytes = bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + view.getUint16(at + 28, true))
  const name = new TextDecoder('utf-8', { ignoreBOM: true }).decode(nameBytes)
  const { size, compressedSize, localHeader } = readSizes(view, at, `${name} in ${fileName}`)
  const offset = findData(bytes, localHeader, nameBytes)
  if (offset === undefined || offset + compressedSize > directoryStart) {
    throw badFile(`${name} in ${fileName} is not where the zip directory says`, 'save or copy the file again')
  }
  return {
    name,
    method: view.getUint16(at + 10, true),
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    crc32: view.getUint32(at + 16, true),
    offset,
    compressedSize,
    size,
  }
}

/** Sizes and place of a member; a field too small for its number is all ones and moved to the Zip64 field. */
function readSizes(view: DataView, at: number, label: string) {
  const wide = findZip64Field(view, at)
  const readField = (field: number): number => {
    const value = view.getUint32(at + field, true)
    if (value !== MAX_UINT32) return value
    const next = wide.shift()
    if (next === undefined) throw badFile(`${label} has a corrupt zip directory entry: no Zip64 sizes`)
    return next
  }
  const size = readField(24)
  const compressedSize = readField(20)
  const localHeader = readField(42)
  return { size, compressedSize, localHeader }
}

/** The 64-bit numbers of a directory entry's Zip64 extra field, as many as there are. */
function findZip64Field(view: DataView, entry: number): number[] {
  let at = entry + ENTRY_BYTES + view.getUint16(entry + 28, true)
  const end = at + view.getUint16(entry + 30, true)
  while (at + 4 <= end) {
    const length = view.getUint16(at + 2, true)
    const next = at + 4 + length
    if (next <= end && view.getUint16(at, true) === ZIP64_EXTRA_FIELD) {
      const count = Math.min(3, Math.floor(length / 8))
      return Array.from({ length: count }, (_, i) => Number(view.getBigUint64(at + 4 + 8 * i, true)))
    }
    at = next
  }
  return []
}

/** Where a member's bytes begin: behind its local header, which must carry the same name. */
function findData(bytes: Uint8Array, localHeader: number, nameBytes: Uint8Array): number | undefined {
  const view = viewOf(bytes)
  const nameStart = localHeader + LOCAL_BYTES
  if (nameStart > bytes.length || view.getUint32(localHeader, true) !== LOCAL_SIGNATURE) return undefined
  const nameEnd = nameStart + view.getUint16(localHeader + 26, true)
  const localName = bytes.subarray(nameStart, nameEnd)
  const same = localName.length === nameBytes.length && localName.every((byte, i) => byte === nameBytes[i])
  return same ? nameEnd + view.getUint16(localHeader + 28, true) : undefined
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
