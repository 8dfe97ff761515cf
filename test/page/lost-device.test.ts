import { expect, it } from 'vitest'
import { expectClean, readVerdict, saveJson, setUpDemo } from '../support/demo-page.js'

// of its own: its GPU process is ended
const demo = setUpDemo()

it('a GPU that is lost in the middle of a check is opened anew, and the check goes on to its end', async () => {
  const hash =
    '#network?source=random&device=software&widths=64-64-64-10&activations=tanh,tanh,linear&samples=32'
  await using watched = await demo.open(hash)
  const { page } = watched
  // a device beside the check's shows that they are lost
  await page.evaluate(async () => {
    const device = await (await navigator.gpu.requestAdapter())!.requestDevice()
    void device.lost.then(() => {
      document.title = 'lost'
    })
  })
  await expect
    .poll(() => page.locator('.progress-text').innerText(), { timeout: 60_000 })
    .toMatch(/ of 8,970 /)
  const session = await demo.browser.newBrowserCDPSession()
  await session.send('Browser.crashGpuProcess')
  await expect.poll(() => page.title(), { timeout: 10_000 }).toBe('lost')
  expect(await page.locator('.progress').isVisible()).toBe(true)
  expect(await readVerdict(page)).toBe('The gradient is right')
  expect(await saveJson(page)).toMatchObject({
    device: { evaluator: 'webgpu', software: true },
    parameters: { total: 8970, checked: 8970 },
  })
  expectClean(watched)
})
