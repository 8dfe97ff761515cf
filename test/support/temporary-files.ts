import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { readArrays } from '../../src/files/read-arrays.js'
import { type ArrayLike64, writeNpy, writeNpz } from './array-files.js'

/** The path of a file in test/fixtures. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}

/** The arrays of a file in test/fixtures, to be changed and written anew. */
export function readFixture(name: string): Map<string, ArrayLike64> {
  return new Map(readArrays(readFileSync(fixturePath(name)), name))
}

/** A folder for a test file's own files; it is removed after the file's last test. */
export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'gradcheck-test-'))

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }))
  }

  /** Writes a file and gives its path. */
  write(name: string, content: Uint8Array | string): string {
    const path = join(this.path, name)
    writeFileSync(path, content)
    return path
  }

  /** Writes arrays as a .npz file of float64 and gives its path. */
  writeArrays(name: string, arrays: ReadonlyMap<string, ArrayLike64>): string {
    return this.write(name, writeNpz(new Map([...arrays].map(([key, array]) => [key, writeNpy(array)]))))
  }
}
