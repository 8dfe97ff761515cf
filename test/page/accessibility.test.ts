import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { expectClean, readVerdict, setUpDemo } from '../support/demo-page.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const demo = setUpDemo()

/** What axe-core finds, a line each. */
async function findViolations(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}

const VIEWS = [
  ['an example that fails', '#network?device=cpu', '.banner'],
  ['a right gradient', '#network?example=digits-sklearn&device=cpu', '.banner'],
  ['a network to build', '#network?source=random&bug=scaled&device=cpu', '.banner'],
  ['files to pick', '#network?source=files', '.empty'],
  ['an error', '#network?source=random&bug=transposed&bugLayer=1&device=cpu', '.error-box'],
  ['the function view', '#function', '.ready'],
  ['the speed view', '#speed', '.ready'],
] as const

describe.each([
  [360, 'light'],
  [1440, 'dark'],
] as const)('%i pixels wide, %s', (width, colorScheme) => {
  it.each(VIEWS)('axe-core finds nothing against %s', async (_, hash, shown) => {
    await using watched = await demo.open(hash, {
      viewport: { width, height: 900 },
      colorScheme,
    })
    const { page } = watched
    await page.locator(shown).first().waitFor()
    for (const details of await page.locator('details').all()) {
      await details.evaluate((target: HTMLDetailsElement) => {
        target.open = true
      })
    }
    expect(await findViolations(page)).toEqual([])
    // nothing sticks out sideways
    const overhang = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(overhang).toBeLessThanOrEqual(0)
    expectClean(watched)
  })
})

it('the page can be used with the keyboard alone', async () => {
  await using watched = await demo.open('#network?device=cpu')
  const { page } = watched
  await readVerdict(page)
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content')
  // arrows move between the examples, and choosing one checks it
  await page.getByRole('radio', { name: /Two bugs to find/ }).focus()
  await page.keyboard.press('ArrowDown')
  await expect.poll(() => page.locator('.banner-title').innerText()).toBe('The gradient is right')
  expect(await page.locator('#announcements').innerText()).toBe('The gradient is right')
  const map = page.locator('.heat-map')
  await map.focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowDown')
  expect(await page.locator('.readout').innerText()).toMatch(
    /dW1\[1, 1\]: analytical [-\d.]+, numerical [-\d.]+, relative error/,
  )
  await page.keyboard.press('+')
  await page.keyboard.press('0')
  expectClean(watched)
})

it('light and dark can be switched, and stay so', async () => {
  await using watched = await demo.open('#network?device=cpu', { colorScheme: 'light' })
  const { page } = watched
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await background()
  await page.getByRole('button', { name: 'Switch to dark colours' }).click()
  const dark = await background()
  expect(dark).not.toBe(light)
  await page.reload()
  expect(await background()).toBe(dark)
  expectClean(watched)
})
