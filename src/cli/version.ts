import { createRequire } from 'node:module'

/** The version in package.json, found through the package's own name: the path is the same in src and dist. */
export function readVersion(): string {
  const { version } = createRequire(import.meta.url)('webgpu-gradcheck/package.json') as { version: string }
  return version
}
