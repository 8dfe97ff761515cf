import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { GradcheckError } from '../errors.js'
import { mergeArrays } from '../files/merge-arrays.js'
import { readArrays } from '../files/read-arrays.js'
import { suggestName } from '../suggest.js'
import type { NamedTensors } from '../tensor.js'
import { ARRAY_FILE_EXTENSIONS } from './options.js'

/**
 * Reads the arrays of several files into one set.
 * @throws GradcheckError `bad-file` when a file cannot be read or is not what its name says.
 */
export async function readFiles(paths: readonly string[]): Promise<NamedTensors> {
  const files: { fileName: string; arrays: NamedTensors }[] = []
  for (const path of paths) {
    files.push({ fileName: path, arrays: readArrays(await readBytes(path), path, true) })
  }
  return mergeArrays(files)
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw await explainFailure(path, error)
  }
}

async function explainFailure(path: string, error: unknown): Promise<GradcheckError> {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new GradcheckError('bad-file', `there is no file ${path}${await suggestFile(path)}`, {
        cause: error,
      })
    case 'EISDIR':
      return new GradcheckError('bad-file', `${path} is a directory`, {
        fix: 'pass the .npz or .safetensors file in it',
        cause: error,
      })
    case 'EACCES':
    case 'EPERM':
      return new GradcheckError('bad-file', `${path} cannot be read: permission denied`, { cause: error })
    case 'ERR_FS_FILE_TOO_LARGE':
      return new GradcheckError('bad-file', `${path} is larger than the 2 GiB that can be read`, {
        fix: 'split it: several files are merged',
        cause: error,
      })
    default:
      return new GradcheckError('bad-file', `${path} cannot be read: ${String(code ?? error)}`, {
        cause: error,
      })
  }
}

async function suggestFile(path: string): Promise<string> {
  try {
    const neighbours = await readdir(dirname(path))
    return suggestName(
      basename(path),
      neighbours.filter((name) => ARRAY_FILE_EXTENSIONS.includes(extname(name))),
    )
  } catch {
    return ''
  }
}
