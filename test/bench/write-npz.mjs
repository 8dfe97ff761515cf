import { writeFile } from 'node:fs/promises'
import { zipSync } from 'fflate'

/** @import { NumericArray } from './cases.mjs' */

/** Magic string, version 1.0, and the length of the header. */
const PREFIX_BYTES = 10
const ALIGNMENT_BYTES = 64

/**
 * An array as NumPy's format 1.0 has it: little-endian float64 in C order.
 * @param {NumericArray} array
 */
function encodeNpy({ shape, data }) {
  const lengths = shape.map((length) => `${length},`).join(' ')
  const description = `{'descr': '<f8', 'fortran_order': False, 'shape': (${lengths}), }`
  const unpadded = PREFIX_BYTES + description.length + 1
  const header = `${description.padEnd(description.length + (-unpadded & (ALIGNMENT_BYTES - 1)))}\n`
  const bytes = new Uint8Array(PREFIX_BYTES + header.length + 8 * data.length)
  bytes.set([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 0xff, header.length >> 8])
  bytes.set(Buffer.from(header, 'latin1'), PREFIX_BYTES)
  // a DataView, since the machine's own byte order may be the other one
  const view = new DataView(bytes.buffer, PREFIX_BYTES + header.length)
  for (let k = 0; k < data.length; k++) view.setFloat64(8 * k, data[k], true)
  return bytes
}

/**
 * Writes arrays as `np.savez` does, uncompressed.
 * @param {string} path
 * @param {Record<string, NumericArray>} arrays
 */
export async function writeNpz(path, arrays) {
  const files = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)])
  await writeFile(path, zipSync(Object.fromEntries(files), { level: 0 }))
}
