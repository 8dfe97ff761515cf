import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { requireType } from '../requirements.js'
import { ArraysOfFiles } from './arrays-of-files.js'
import { badFile } from './bad-file.js'
import { fileStem } from './file-name.js'
import { SAVE_WITH_SAVEZ, unreadableFormat } from './foreign-formats.js'
import { readNpy } from './npy.js'
import { isNpy } from './npy-header.js'
import { readNpz } from './npz.js'
import { isSafetensors, readSafetensors } from './safetensors.js'

const ZIP_MAGIC = [0x50, 0x4b]

/**
 * Reads the named arrays of a .npz, .npy or .safetensors file; the format is told by the content, not by the
 * file's name. A .npy file gives one array, named after the file without folder and extension. Arrays of other things
 * than real numbers are passed over where there are others.
 * @param fileName the file as messages name it
 * @param isOurs whether nobody reads the bytes any more, so that arrays may lie in their memory
 * @throws GradcheckError `bad-usage` for what are no bytes; `bad-file` when the format is not one of these, the file is
 *   malformed or none of its arrays can be read; `bad-value` when a 64-bit integer has no exact float64.
 */
export function readArrays(bytes: Uint8Array, fileName: string, isOurs = false): ArraysOfFiles {
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
  if (beginsWith(bytes, ZIP_MAGIC)) return readNpz(bytes, fileName, isOurs)
  if (isNpy(bytes)) return new ArraysOfFiles([[fileStem(fileName), readNpy(bytes, fileName, isOurs)]])
  throw unreadableFormat(bytes, fileName)
}

function beginsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte)
}
