import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

/** Files above this size are cached after the page has come up, not before. */
const LARGE_BYTES = 200_000

/**
 * Writes the service worker that lets the page work offline: it knows every file of this build, by a version that
 * changes with any of them.
 */
export function offlinePlugin(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const files = Object.entries(bundle).filter(([name]) => !name.endsWith('.map'))
      const version = createHash('sha256')
      const first: string[] = ['./']
      const later: string[] = []
      for (const [name, file] of files) {
        const content = file.type === 'chunk' ? file.code : file.source
        version.update(name).update(content)
        if (name === 'index.html') continue
        ;(content.length > LARGE_BYTES && file.type === 'asset' ? later : first).push(`./${name}`)
      }
      const template = readFileSync(fileURLToPath(new URL('service-worker.js', import.meta.url)), 'utf8')
      this.emitFile({
        type: 'asset',
        fileName: 'service-worker.js',
        source: template
          .replace("'VERSION'", JSON.stringify(version.digest('hex').slice(0, 16)))
          .replace("['FIRST']", JSON.stringify(first))
          .replace("['LATER']", JSON.stringify(later)),
      })
    },
  }
}
