import type { NamedTensors } from '../tensor.js'
import { badFile } from './bad-file.js'
import { readNpy } from './npy.js'
import { readZipDirectory, unpackMembers, type ZipMember } from './zip.js'

const SUFFIX = '.npy'

/**
 * Reads the arrays of a file that `np.savez` or `np.savez_compressed` wrote: a zip whose members are .npy
 * files. Members of other kinds are left alone.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.savez.html
 * @param fileName the file as messages name it
 * @returns the arrays in the order of the zip's directory, under their names without `.npy`
 * @throws GradcheckError `bad-file` when the zip or an array in it is malformed, truncated or corrupt, holds two
 *   arrays of one name, or none; `bad-value` when a 64-bit integer has no exact float64.
 */
export function readNpz(bytes: Uint8Array, fileName: string): NamedTensors {
  const members = readZipDirectory(bytes, fileName)
  const arrayMembers = members.filter((member) => member.name.endsWith(SUFFIX))
  if (arrayMembers.length === 0) throw noArrays(members, fileName)

  const arrays: NamedTensors = new Map()
  for (const [member, unpacked] of unpackMembers(bytes, arrayMembers, fileName)) {
    const name = member.name.slice(0, -SUFFIX.length)
    if (arrays.has(name)) throw badFile(`${fileName} holds two arrays named ${name}`)
    arrays.set(name, readNpy(unpacked, `${name} in ${fileName}`))
  }
  return arrays
}

function noArrays(members: readonly ZipMember[], fileName: string): Error {
  if (members.some((member) => member.name === 'data.pkl' || member.name.endsWith('/data.pkl'))) {
    return badFile(
      `${fileName} is a PyTorch file, which only Python can unpickle`,
      "save the tensors with safetensors.torch.save_file(tensors, 'f.safetensors')",
    )
  }
  const found = members.slice(0, 5).map((member) => member.name)
  return badFile(
    `${fileName} is a zip file without .npy arrays (${found.length === 0 ? 'empty' : `it has ${found.join(', ')}`})`,
    'save the arrays with np.savez(f, X=X, Y=Y, **parameters, **gradients)',
  )
}
