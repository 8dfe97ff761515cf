import type { Plugin } from 'vite'
import { build } from 'vite'

const QUERY = '?bundled'

/**
 * Lets a module be imported as text, bundled with all it imports: `import code from './worker.ts?bundled'`. A
 * worker started from text needs no file beside the library, whatever bundler or test runner it goes through.
 */
export function inlineModulePlugin(): Plugin {
  return {
    name: 'inline-module',
    async load(id) {
      if (!id.endsWith(QUERY)) return null
      const entry = id.slice(0, -QUERY.length)
      const output = await build({
        configFile: false,
        logLevel: 'error',
        build: {
          write: false,
          minify: true,
          target: 'es2023',
          lib: { entry, formats: ['es'], fileName: 'module' },
          rolldownOptions: { external: [/^node:/] },
        },
      })
      const [{ output: chunks }] = output as { output: { type: string; code: string }[] }[]
      if (chunks.length !== 1) throw new Error(`${entry} does not fit into one module`)
      return `export default ${JSON.stringify(chunks[0].code)}`
    },
  }
}
