import {
  GradcheckError,
  mergeArrays,
  type NamedTensors,
  type Problem,
  problemFromArrays,
  readArrays,
} from 'webgpu-gradcheck'
import { matchNames } from '../../../src/network/naming.js'
import { createRandomNetwork } from '../problem/random-network.js'
import type { FileContents, ProblemSource } from './protocol.js'

/**
 * Makes the problem of a source.
 * @throws GradcheckError for files that cannot be read or do not fit together
 */
export async function createProblem(source: ProblemSource): Promise<Problem> {
  switch (source.kind) {
    case 'random':
      return createRandomNetwork(source.network)
    case 'files':
      return problemFromArrays(await readFiles(source.files), source.options)
    case 'example': {
      const bytes = await fetchExample(source.url)
      return problemFromArrays(readArrays(bytes, source.url.split('/').at(-1)!), source.options)
    }
  }
}

/**
 * What lies in files: their arrays, and which of them are weights.
 * @throws GradcheckError `bad-file`
 */
export async function inspectFiles(files: readonly File[]): Promise<FileContents> {
  const arrays = await readFiles(files)
  const listed = [...arrays].map(([name, { shape }]) => ({ name, shape }))
  try {
    return { arrays: listed, weights: matchNames([...arrays.keys()]).map(({ weights }) => weights) }
  } catch (error) {
    // names of another pattern: the check itself says which are missed, once the patterns are given
    if (error instanceof GradcheckError) return { arrays: listed }
    throw error
  }
}

async function readFiles(files: readonly File[]): Promise<NamedTensors> {
  const read = await Promise.all(
    files.map(async (file) => ({
      fileName: file.name,
      arrays: readArrays(await readBytes(file), file.name),
    })),
  )
  return mergeArrays(read)
}

async function readBytes(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer())
  } catch (cause) {
    throw new GradcheckError('bad-file', `${file.name} could not be read: ${(cause as Error).message}`, {
      cause,
      fix: 'pick the file again: it was moved, changed or is too large for this browser',
    })
  }
}

async function fetchExample(url: string): Promise<Uint8Array> {
  try {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
    return new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    throw new GradcheckError('bad-file', `the example could not be loaded: ${(cause as Error).message}`, {
      cause,
      fix: 'try again once the page is reachable',
    })
  }
}
