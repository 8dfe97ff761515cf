import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import type { Plugin } from 'vite'
import { link } from 'wesl/core'
import { writeCodes } from '../src/gpu/shader-codes.js'
import { ACTIVATION_CODES } from '../src/network/activations.js'
import { LOSS_CODES } from '../src/network/losses.js'
import { RULE_CODES } from '../src/operations/table.js'

/** Modules that are made of the host's own lists. */
const CODE_MODULES = {
  activation_codes: ACTIVATION_CODES,
  loss_codes: LOSS_CODES,
  rule_codes: RULE_CODES,
}

/**
 * Lets TypeScript import a shader module: `import shader from '../shaders/loss.wesl'` is the WGSL text of that
 * module with everything it imports from the `shaders` folder (`import package::elementary::expm1;`) and nothing
 * else; `package::activation_codes` and the like are made of the host's lists. With `?extended` the modules of a folder
 * `extended` take the place of those of the same name.
 * @param variantFolders where such folders lie beside those in `shaderFolder`
 */
export function weslPlugin(shaderFolder: string, variantFolders: readonly string[] = []): Plugin {
  return {
    name: 'wesl',
    async load(id) {
      const [path, query] = id.split('?')
      if (!path.endsWith('.wesl')) return null
      const sources: Record<string, string> = {}
      for (const [module, codes] of Object.entries(CODE_MODULES))
        sources[`./${module}.wesl`] = writeCodes(codes)
      const addModules = (folder: string) => {
        for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
          if (!file.endsWith('.wesl')) continue
          this.addWatchFile(join(folder, file))
          sources[`./${file}`] = readFileSync(join(folder, file), 'utf8')
        }
      }
      addModules(shaderFolder)
      // a development server's own queries have values: t=…
      for (const variant of (query ?? '').split('&').filter((name) => name !== '' && !name.includes('='))) {
        const folders = [shaderFolder, ...variantFolders].map((parent) => join(parent, variant))
        const found = folders.filter((folder) => existsSync(folder))
        if (found.length === 0) this.error(`${id}: there is no folder ${variant} of shaders`)
        for (const folder of found) addModules(folder)
      }
      // a root outside the folder (a test's probe) joins it under its own name
      const inside = relative(shaderFolder, path)
      const root = inside.startsWith('..') ? basename(path) : inside
      sources[`./${root}`] = readFileSync(path, 'utf8')
      const linked = await link({
        weslSrc: sources,
        rootModuleName: `./${root}`,
        keepComments: false,
        debugWeslRoot: shaderFolder,
      })
      return `export default ${JSON.stringify(linked.dest)}`
    },
  }
}
