import { copyFileSync, mkdirSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import manifest from './package.json' with { type: 'json' }
import { inlineModulePlugin } from './scripts/inline-module-plugin.js'
import { weslPlugin } from './scripts/wesl-plugin.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const external = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })

/** The cases `gradcheck examples` runs travel with the build: arrays, and the notebooks' code. */
const EXAMPLES = [
  'three-layer.npz',
  'three-layer-buggy.npz',
  'two-three-one.npz',
  'image-tanh.npz',
  'notebooks/three_layer_notebook.py',
  'notebooks/three_layer_buggy_notebook.py',
  'notebooks/neural_network_demystified.py',
  'notebooks/cat_classifier_notebook.py',
  'notebooks/coding_neural_network_from_scratch.py',
]

function copyExamples(): Plugin {
  return {
    name: 'copy-examples',
    apply: 'build',
    closeBundle() {
      mkdirSync(here('dist/examples'), { recursive: true })
      for (const file of EXAMPLES)
        copyFileSync(here(`test/fixtures/${file}`), here(`dist/examples/${basename(file)}`))
    },
  }
}

export default defineConfig({
  plugins: [weslPlugin(here('shaders'), [here('test/gpu')]), inlineModulePlugin(), copyExamples()],
  // the page's modules name the library as its users do
  resolve: { alias: [{ find: /^webgpu-gradcheck$/, replacement: here('src/index.ts') }] },
  build: {
    target: 'es2023',
    sourcemap: true,
    minify: false,
    lib: {
      entry: {
        index: here('src/index.ts'),
        node: here('src/node.ts'),
        cli: here('src/cli/cli.ts'),
      },
      formats: ['es'],
    },
    rolldownOptions: {
      external: [/^node:/, ...external.flatMap((name) => [name, new RegExp(`^${name}/`)])],
      // chunks lie flat beside the entries, so that import.meta.url finds dist/examples from any of them
      output: { chunkFileNames: '[name]-[hash].js' },
    },
  },
  test: {
    // by default Vitest leaves one core idle, which is half of a machine with two
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          // the long run tries more instances of what tests draw (test/support/how-many.ts), and nothing else again
          include: [process.env.LONG_TESTS === undefined ? 'test/**/*.test.ts' : 'test/**/*.many.test.ts'],
          exclude: ['test/browser/**'],
          // of a driver that compiles for minutes CI asks for more
          testTimeout: Number(process.env.TEST_TIMEOUT ?? 120_000),
          hookTimeout: 120_000,
          expect: { poll: { timeout: 30_000 } },
          // Dawn keeps process-wide state: a process for each file keeps tests apart
          pool: 'forks',
        },
      },
      'vitest.chromium.config.ts',
    ],
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: process.env.TEST_RESULTS ?? '.cache/test-results.json' }]]
      : ['default'],
  },
})
