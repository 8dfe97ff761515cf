import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { requireType } from '../requirements.js'
import type { NamedTensors, Tensor } from '../tensor.js'
import { badFile } from './bad-file.js'
import { readNpy } from './npy.js'
import { isNpy } from './npy-header.js'
import { readNpz } from './npz.js'
import { isSafetensors, readSafetensors } from './safetensors.js'

const SAVE_WITH_SAVEZ = 'save the arrays with np.savez(f, X=X, Y=Y, **parameters, **gradients)'
const ZIP_MAGIC = [0x50, 0x4b]
const GZIP_MAGIC = [0x1f, 0x8b]
const HDF5_SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

/**
 * Reads the named arrays of a .npz, .npy or .safetensors file; the format is told by the content, not by the
 * file's name. A .npy file gives one array, named after the file without folder and extension.
 * @param fileName the file as messages name it
 * @throws GradcheckError `bad-usage` for what are no bytes; `bad-file` when the format is not one of these or the file is malformed; `bad-value`
 *   when a 64-bit integer has no exact float64.
 */
export function readArrays(bytes: Uint8Array, fileName: string): NamedTensors {
  if (!(bytes instanceof Uint8Array)) {
    throw new GradcheckError(
      'bad-usage',
      `the bytes of a file are ${describeValue(bytes)}, not a Uint8Array`,
      {
        fix: 'read the file first: readArrays(await readFile(path), path), or new Uint8Array(await file.arrayBuffer())',
      },
    )
  }
  requireType("the file's name", fileName ?? null, 'string', 'say how messages shall name the file')
  if (bytes.length === 0) throw badFile(`${fileName} is empty`, SAVE_WITH_SAVEZ)
  // First, because a header's length may happen to look like another format's magic number.
  if (isSafetensors(bytes)) return readSafetensors(bytes, fileName)
  if (beginsWith(bytes, ZIP_MAGIC)) return readNpz(bytes, fileName)
  if (isNpy(bytes)) return new Map([[fileStem(fileName), readNpy(bytes, fileName)]])
  throw unreadableFormat(bytes, fileName)
}

/**
 * The arrays of several files as one set, in the order of the files. An array that is in two files must be the
 * same in both.
 * @throws GradcheckError `bad-file` when two files disagree on an array.
 */
export function mergeArrays(files: readonly { fileName: string; arrays: NamedTensors }[]): NamedTensors {
  if (!Array.isArray(files)) {
    throw new GradcheckError('bad-usage', `the files are ${describeValue(files)}, not a list of files`, {
      fix: 'give [{ fileName, arrays }, …]',
    })
  }
  const merged: NamedTensors = new Map()
  const origin = new Map<string, string>()
  for (const { fileName, arrays } of files) {
    for (const [name, array] of arrays) {
      const earlier = merged.get(name)
      if (earlier !== undefined && !isSameArray(earlier, array)) {
        throw badFile(
          `${origin.get(name)} and ${fileName} both hold an array ${name}, and the two differ`,
          `leave ${name} out of one of them`,
        )
      }
      if (earlier !== undefined) continue
      merged.set(name, array)
      origin.set(name, fileName)
    }
  }
  return merged
}

/** Same shape, dtype and bits (a NaN equals a NaN). */
function isSameArray(a: Tensor, b: Tensor): boolean {
  return (
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((length, axis) => length === b.shape[axis]) &&
    a.data.every((value, i) => Object.is(value, b.data[i]))
  )
}

function unreadableFormat(bytes: Uint8Array, fileName: string): Error {
  if (beginsWith(bytes, HDF5_SIGNATURE)) {
    return badFile(`${fileName}: HDF5 files are not read yet; save with np.savez`, SAVE_WITH_SAVEZ)
  }
  if (beginsWith(bytes, GZIP_MAGIC)) {
    return badFile(
      `${fileName} is compressed by gzip`,
      'unpack it with gunzip; if a pickle is inside, load it in Python and save its arrays with np.savez',
    )
  }
  if (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5) {
    return badFile(
      `${fileName} is a pickle (or an old PyTorch file), which only Python can load`,
      'load it in Python and save its arrays with np.savez or safetensors.torch.save_file',
    )
  }
  const beginning = JSON.stringify(String.fromCharCode(...bytes.subarray(0, 16)))
  return badFile(
    `${fileName} is neither .npz, .npy nor .safetensors: it begins with ${beginning}`,
    SAVE_WITH_SAVEZ,
  )
}

function beginsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte)
}

/** `W1` of `runs/W1.npy`. */
function fileStem(fileName: string): string {
  const base = fileName.split(/[/\\]/).at(-1)!
  return base.replace(/(?<=.)\.[^.]*$/, '')
}
