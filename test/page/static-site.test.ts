import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { DEMO_FOLDER, expectClean, openDemo, readVerdict, serveDemo } from '../support/demo-page.js'
import { openPage } from '../support/watch-page.js'

let chromium: Browser

beforeAll(async () => {
  chromium = await launchChromium()
})

afterAll(() => chromium?.close())

it('all that the page needs at first is below 500 kB gzipped', async () => {
  await using served = await serveDemo()
  await using watched = await openDemo(chromium, served, '')
  const { page } = watched
  const asked = new Set<string>()
  watched.context.on('request', (request) => asked.add(new URL(request.url()).pathname))
  await page.reload()
  await readVerdict(page)
  const files = [...asked].filter((path) => path.startsWith('/any/folder/'))
  expect(files.length).toBeGreaterThan(3)
  const bytes = files.map((path) => {
    const file = path.slice('/any/folder/'.length) || 'index.html'
    return gzipSync(readFileSync(join(DEMO_FOLDER, file))).length
  })
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(500_000)
})

it('every file but the large example is below 500 kB gzipped in all', () => {
  const files = readdirSync(DEMO_FOLDER, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('image-tanh'),
  )
  const total = files.reduce(
    (sum, { parentPath, name }) => sum + gzipSync(readFileSync(join(parentPath, name))).length,
    0,
  )
  expect(files.length).toBeGreaterThan(8)
  expect(total).toBeLessThan(500_000)
})

it('once loaded it works without its host, the large example too', async () => {
  await using served = await serveDemo()
  await using watched = await openPage(chromium, `${served.url}#network?device=cpu`)
  const { page } = watched
  await readVerdict(page)
  await expect
    .poll(
      () =>
        page.evaluate(async () => {
          const names = await caches.keys()
          const kept = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()))
          return kept.flat().some(({ url }) => url.includes('image-tanh'))
        }),
      { timeout: 30_000 },
    )
    .toBe(true)
  await served.close()
  await page.reload()
  expect(await readVerdict(page)).toBe('The gradient is wrong')
  await page.getByRole('radio', { name: /A whole image/ }).check()
  await expect
    .poll(() => page.locator('.verdict').innerText(), { timeout: 60_000 })
    .toContain('The gradient is right')
  expectClean(watched)
})
