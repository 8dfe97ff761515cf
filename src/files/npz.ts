import type { Tensor } from '../tensor.js'
import type { ArraysOfFiles } from './arrays-of-files.js'
import { badFile } from './bad-file.js'
import { unreadableZip } from './foreign-formats.js'
import { keepReadable } from './keep-readable.js'
import { readNpy } from './npy.js'
import { readZipDirectory, unpackMembers } from './zip.js'

const SUFFIX = '.npy'

/**
 * Reads the arrays of a file that `np.savez` or `np.savez_compressed` wrote: a zip whose members are .npy
 * files. Members of other kinds are left alone.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.savez.html
 * @param fileName the file as messages name it
 * @param isOurs whether arrays may lie in the file's memory, which is read no more
 * @returns the arrays in the order of the zip's directory, under their names without `.npy`
 * @throws GradcheckError `bad-file` when the zip or an array in it is malformed, truncated or corrupt, holds two
 *   arrays of one name, or none; `bad-value` when a 64-bit integer has no exact float64.
 */
export function readNpz(bytes: Uint8Array, fileName: string, isOurs = false): ArraysOfFiles {
  const members = readZipDirectory(bytes, fileName)
  const arrayMembers = members.filter((member) => member.name.endsWith(SUFFIX))
  if (arrayMembers.length === 0)
    throw unreadableZip(
      members.map(({ name }) => name),
      fileName,
    )

  return keepReadable(listArrays())

  function* listArrays(): Generator<[string, () => Tensor]> {
    const seen = new Set<string>()
    for (const [member, unpacked] of unpackMembers(bytes, arrayMembers, fileName)) {
      const name = member.name.slice(0, -SUFFIX.length)
      if (seen.has(name)) throw badFile(`${fileName} holds two arrays named ${name}`)
      seen.add(name)
      yield [name, () => readNpy(unpacked, `${name} in ${fileName}`, isOurs)]
    }
  }
}
