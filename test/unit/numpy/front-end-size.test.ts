import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import { expect, it } from 'vitest'
import { inlineModulePlugin } from '../../../scripts/inline-module-plugin.js'
import { weslPlugin } from '../../../scripts/wesl-plugin.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

it('parser and interpreter are at most 92 kB gzipped, in modules that only a forward pass loads', async () => {
  const entry = here('../../../src/index.ts')
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [weslPlugin(here('../../../shaders')), inlineModulePlugin()],
    build: {
      target: 'es2023',
      write: false,
      minify: true,
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict' },
    },
  })
  const { output } = built as Rolldown.RolldownOutput
  const chunks = new Map(
    output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])),
  )
  const reach = (file: string, found: Set<string>, later = false): Set<string> => {
    if (found.has(file)) return found
    found.add(file)
    const { imports, dynamicImports } = chunks.get(file)!
    for (const next of later ? [...imports, ...dynamicImports] : imports) reach(next, found, later)
    return found
  }
  const modulesOf = (files: Iterable<string>) =>
    [...files].flatMap((file) => Object.keys(chunks.get(file)!.modules))
  const first = [...chunks.values()].find(({ isEntry }) => isEntry)!
  const atFirst = reach(first.fileName, new Set())
  const isFrontEnd = (module: string) =>
    /\/src\/numpy\/|\/@lezer\//.test(module) && !module.endsWith('/load-forward.ts')
  expect(modulesOf(atFirst).filter(isFrontEnd)).toEqual([])

  const forward = first.dynamicImports.find((file) =>
    modulesOf([file]).some((module) => module.endsWith('/numpy/trace-forward.ts')),
  )!
  // the parser is loaded by the interpreter, with an import of its own
  const loaded = [...reach(forward, new Set(), true)].filter((file) => !atFirst.has(file))
  expect(modulesOf(loaded).some((module) => module.includes('/@lezer/python/'))).toBe(true)
  const size = loaded.reduce((sum, file) => sum + gzipSync(chunks.get(file)!.code).length, 0)
  expect(size).toBeLessThanOrEqual(92_000)
})
