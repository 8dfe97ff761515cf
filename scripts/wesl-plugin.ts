import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import type { Plugin } from 'vite'
import { link } from 'wesl/core'

/**
 * Lets TypeScript import a shader module: `import shader from '../shaders/loss.wesl'` is the WGSL text of that
 * module with everything it imports from the `shaders` folder (`import package::elementary::expm1;`) and nothing
 * else. `?extended` and the like set conditions for `@if(extended)`.
 */
export function weslPlugin(shaderFolder: string): Plugin {
  return {
    name: 'wesl',
    async load(id) {
      const [path, query] = id.split('?')
      if (!path.endsWith('.wesl')) return null
      const sources: Record<string, string> = {}
      for (const file of readdirSync(shaderFolder, { recursive: true, encoding: 'utf8' })) {
        if (!file.endsWith('.wesl')) continue
        const absolute = join(shaderFolder, file)
        this.addWatchFile(absolute)
        sources[`./${relative(shaderFolder, absolute)}`] = readFileSync(absolute, 'utf8')
      }
      // a root outside the folder (a test's probe) joins it under its own name
      const inside = relative(shaderFolder, path)
      const root = inside.startsWith('..') ? basename(path) : inside
      sources[`./${root}`] = readFileSync(path, 'utf8')
      const conditions = Object.fromEntries(
        (query ?? '')
          .split('&')
          .filter(Boolean)
          .map((name) => [name, true]),
      )
      const linked = await link({
        weslSrc: sources,
        rootModuleName: `./${root}`,
        conditions,
        keepComments: false,
        debugWeslRoot: shaderFolder,
      })
      return `export default ${JSON.stringify(linked.dest)}`
    },
  }
}
