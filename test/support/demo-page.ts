import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright'
import { afterAll, beforeAll, expect } from 'vitest'
import { launchChromium } from './chromium.js'
import { type ServedFolder, serveFolder } from './serve-folder.js'
import { openPage, type WatchedPage } from './watch-page.js'

/** The built page. */
export const DEMO_FOLDER = fileURLToPath(new URL('../../demo/dist/', import.meta.url))

/** Serves the built page, under a folder, as it may lie on any host. */
export const serveDemo = (): Promise<ServedFolder> => serveFolder(DEMO_FOLDER, { under: '/any/folder/' })

/** Opens a view of the page. Service workers are off unless a test is about them. */
export async function openDemo(
  browser: Browser,
  served: ServedFolder,
  hash: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  return await openPage(browser, served.url + hash, { serviceWorkers: 'block', ...options })
}

/** What the tests of a file open the page with. */
export interface DemoSetUp {
  readonly browser: Browser
  readonly served: ServedFolder
  /** Opens a view in the browser. */
  open(hash: string, options?: BrowserContextOptions): Promise<WatchedPage>
}

/** Serves the built page before the tests of a file, starts a browser, and closes both after them. */
export function setUpDemo(): DemoSetUp {
  let served: ServedFolder
  let browser: Browser
  beforeAll(async () => {
    served = await serveDemo()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await served?.close()
  })
  return {
    get browser() {
      return browser
    },
    get served() {
      return served
    },
    open: (hash, options) => openDemo(browser, served, hash, options),
  }
}

/** The verdict's headline, once there is one. */
export async function readVerdict(page: Page): Promise<string> {
  return await page.locator('.banner-title').innerText({ timeout: 60_000 })
}

/** The JSON report behind what is shown. */
export async function saveJson(page: Page): Promise<Record<string, unknown> & { difference: number }> {
  return JSON.parse(await save(page, 'Save the report as JSON'))
}

/** The text of a file that a button saves. */
export async function save(page: Page, button: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ])
  const chunks: Buffer[] = []
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** A page that did nothing it must not do. */
export function expectClean(watched: WatchedPage): void {
  expect(watched.errors).toEqual([])
  expect(watched.foreignRequests).toEqual([])
}
