import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { inlineModulePlugin } from './scripts/inline-module-plugin.js'
import { weslPlugin } from './scripts/wesl-plugin.js'
import { CHROMIUM_ARGUMENTS, CHROMIUM_PATH, chromiumEnvironment } from './test/support/unpack-chromium.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Tests of whole evaluators, which run in Node as well and take minutes here: those of `npm run test:long`. */
const LONG = [
  'webgpu-evaluator.many',
  'extended-evaluator.many',
  'tiles.many',
  'outputs',
  'function',
  'losses',
  'far-softmax',
  'hard-points',
  'slope-series',
  'fast-check',
  'activations.many',
  'programs.many',
  'operations.many',
  'nets.many',
].map((name) => `test/gpu/${name}.test.ts`)

const isLong = process.env.LONG_TESTS !== undefined

/** The tests that run in Chromium: those of test/browser there alone, those of test/gpu there and in Node. */
export default defineConfig({
  plugins: [weslPlugin(here('shaders'), [here('test/gpu')]), inlineModulePlugin()],
  resolve: {
    alias: [{ find: /^(.*\/gpu-device)\.js$/, replacement: '$1.browser.ts' }],
  },
  test: {
    name: 'chromium',
    include: isLong ? LONG : ['test/browser/**/*.test.ts', 'test/gpu/**/*.test.ts'],
    // memory counts the host's own buffers, by the same code as in Node, and takes long; failing calls wrap Node's devices
    exclude: ['test/gpu/memory.test.ts', 'test/gpu/failing-calls.many.test.ts', ...(isLong ? [] : LONG)],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: 'test/support/chromium-setup.ts',
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: CHROMIUM_PATH,
          args: [...CHROMIUM_ARGUMENTS],
          env: chromiumEnvironment(),
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})
