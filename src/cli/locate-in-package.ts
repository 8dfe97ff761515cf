import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

/** A file of the package, by the shorter of its paths from here: documentation that a report points to. */
export function locateInPackage(path: string): string {
  const root = dirname(createRequire(import.meta.url).resolve('webgpu-gradcheck/package.json'))
  const absolute = join(root, path)
  const fromHere = relative(process.cwd(), absolute)
  return fromHere.length < absolute.length ? fromHere : absolute
}
