import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { inlineModulePlugin } from '../scripts/inline-module-plugin.js'
import { weslPlugin } from '../scripts/wesl-plugin.js'
import { offlinePlugin } from './offline-plugin.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const libraryPlugins = () => [weslPlugin(here('../shaders')), inlineModulePlugin()]

/** The page: static files that work from any folder of any host. */
export default defineConfig({
  root: here('.'),
  base: './',
  plugins: [...libraryPlugins(), offlinePlugin()],
  resolve: { alias: { 'webgpu-gradcheck': here('../src/index.ts') } },
  worker: { format: 'es', plugins: libraryPlugins },
  build: {
    outDir: here('dist'),
    emptyOutDir: true,
    target: 'es2023',
    // files are fetched as such, so that the page's content policy needs no data: addresses
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1' },
  preview: { host: '127.0.0.1', port: 4173 },
})
