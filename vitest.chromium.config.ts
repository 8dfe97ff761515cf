import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { inlineModulePlugin } from './scripts/inline-module-plugin.js'
import { weslPlugin } from './scripts/wesl-plugin.js'
import { CHROMIUM_ARGUMENTS, CHROMIUM_PATH, chromiumEnvironment } from './test/support/unpack-chromium.js'

/** The tests that run in Chromium: those of test/browser there alone, those of test/gpu there and in Node. */
export default defineConfig({
  plugins: [weslPlugin(fileURLToPath(new URL('shaders', import.meta.url))), inlineModulePlugin()],
  resolve: {
    alias: [{ find: /^(.*\/support\/gpu-device)\.js$/, replacement: '$1.browser.ts' }],
  },
  test: {
    name: 'chromium',
    include: ['test/browser/**/*.test.ts', 'test/gpu/**/*.test.ts'],
    // counts the host's own buffers, by the same code as in Node, and takes long
    exclude: ['test/gpu/memory.test.ts'],
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
