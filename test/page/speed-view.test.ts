import { expect, it } from 'vitest'
import { expectClean, setUpDemo } from '../support/demo-page.js'

const demo = setUpDemo()

it('measures the processor beside an adapter, with the error of each', async () => {
  const hash = '#speed?network=12-8-4&activation=tanh&samples=4&seconds=1&devices=software,cpu'
  await using watched = await demo.open(hash)
  const { page } = watched
  await expect.poll(() => page.getByLabel('Software adapter').isChecked(), { timeout: 20_000 }).toBe(true)
  expect(await page.getByLabel(/^GPU/).isDisabled()).toBe(true)
  await page.getByRole('button', { name: 'Measure' }).click()
  const rows = page.locator('tbody tr')
  await expect.poll(() => rows.count(), { timeout: 60_000 }).toBe(2)
  const [software, processor] = await rows.allInnerTexts()
  expect(software).toMatch(/swiftshader.*140 of 140/s)
  expect(processor).toMatch(/processor.*140 of 140/s)
  const difference = (row: string) => Number(row.trim().split(/\s+/).at(-1))
  expect(difference(software)).toBeLessThan(1e-6)
  expect(difference(processor)).toBeLessThan(1e-9)
  expectClean(watched)
})

it('Stop ends a measurement at once, and another one can follow', async () => {
  await using watched = await demo.open('#speed?network=784-512-512-10&devices=cpu&seconds=60')
  const { page } = watched
  await expect.poll(() => page.getByLabel('Processor').isChecked(), { timeout: 20_000 }).toBe(true)
  await page.getByRole('button', { name: 'Measure' }).click()
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByText('Stopped.').waitFor()
  await page.getByLabel('Network', { exact: true }).fill('6-4-1')
  await page.getByLabel('Seconds a device').fill('1')
  await page.getByRole('button', { name: 'Measure' }).click()
  await expect.poll(() => page.locator('tbody tr').count(), { timeout: 60_000 }).toBe(1)
  expectClean(watched)
})

it('a text that is no network is refused at its field', async () => {
  await using watched = await demo.open('#speed')
  const { page } = watched
  const field = page.getByLabel('Network', { exact: true })
  await field.fill('784, 10')
  expect(await field.evaluate((input: HTMLInputElement) => input.validationMessage)).toContain(
    '784-256-128-10',
  )
  expectClean(watched)
})
