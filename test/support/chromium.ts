import { type Browser, chromium } from 'playwright'
import { CHROMIUM_ARGUMENTS, CHROMIUM_PATH, chromiumEnvironment, unpackChromium } from './unpack-chromium.js'

/**
 * Chromium for tests that run in Node and drive a page, as those of test/page do:
 *
 *     let chromium: Browser
 *     beforeAll(async () => { chromium = await launchChromium() })
 *     afterAll(() => chromium?.close())
 *
 *     it('shows the verdict', async () => {
 *       await using served = await serveFolder('demo/dist')
 *       await using watched = await openPage(chromium, served.url)   // of ./watch-page.ts
 *       await watched.page.getByRole('button', { name: 'Check' }).click()
 *       expect(await watched.page.getByRole('status').innerText()).toContain('PASS')
 *       expect(watched.errors).toEqual([])
 *       expect(watched.foreignRequests).toEqual([])
 *     })
 */

/** Nothing but this machine can be reached, by names or through a proxy that the environment names. */
const NO_NETWORK = [
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
  '--no-proxy-server',
]

/**
 * Starts a browser of its own, with a profile of its own that goes when it is closed; `close` ends the processes
 * that this started and no other.
 * @param options.webgpu false for a browser without WebGPU
 */
export async function launchChromium({
  webgpu = true,
}: {
  readonly webgpu?: boolean
} = {}): Promise<Browser> {
  await unpackChromium()
  const chosen = webgpu
    ? CHROMIUM_ARGUMENTS
    : [...CHROMIUM_ARGUMENTS.filter((name) => !name.includes('webgpu')), '--disable-features=WebGPU']
  return await chromium.launch({
    executablePath: CHROMIUM_PATH,
    args: [...chosen, ...NO_NETWORK],
    env: chromiumEnvironment(),
  })
}
