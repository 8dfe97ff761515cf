import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { expectClean, readVerdict, setUpDemo } from '../support/demo-page.js'

const demo = setUpDemo()

const RIGHT = 'The gradient is right'
const WRONG = 'The gradient is wrong'
const NARROW = { viewport: { width: 360, height: 740 } }

const isGrey = async (page: Page) => {
  const banner = page.locator('.banner')
  const isMarked = (await banner.innerText()).includes('Changed since')
  expect((await banner.getAttribute('class'))?.includes('is-stale')).toBe(isMarked)
  return isMarked
}

describe('a verdict', () => {
  it('is marked as soon as the question is another, and no longer once it is the same again', async () => {
    await using watched = await demo.open('#network?source=random&device=cpu')
    const { page } = watched
    expect(await readVerdict(page)).toBe(RIGHT)
    expect(await isGrey(page)).toBe(false)
    for (const change of [
      () => page.getByLabel('Width of Layer 2').fill('7'),
      () => page.getByLabel('Random seed').fill('2'),
      // no number yet
      () => page.getByLabel('Random seed').fill(''),
    ]) {
      await change()
      expect(await isGrey(page)).toBe(true)
      await page.getByRole('button', { name: 'Check the gradient' }).focus()
      await page.getByLabel('Width of Layer 2').fill('6')
      await page.getByLabel('Random seed').fill('1')
      expect(await isGrey(page)).toBe(false)
    }
    await page.getByLabel('Plant a bug').selectOption('scaled')
    expect(await isGrey(page)).toBe(true)
    // the words of the verdict stay: it is still that of the other question
    expect(await readVerdict(page)).toBe(RIGHT)
    await page.getByRole('button', { name: 'Check the gradient' }).click()
    await expect.poll(() => readVerdict(page)).toBe(WRONG)
    expect(await isGrey(page)).toBe(false)
    await page.locator('.advanced summary').click()
    await page.getByRole('spinbutton', { name: 'Tolerance' }).fill('0.01')
    expect(await isGrey(page)).toBe(true)
    expectClean(watched)
  })

  it('on an example is no verdict on files that are to be picked', async () => {
    await using watched = await demo.open('#network?example=three-layer&device=cpu')
    const { page } = watched
    expect(await readVerdict(page)).toBe(RIGHT)
    await page.getByRole('radio', { name: 'My files' }).check()
    expect(await isGrey(page)).toBe(true)
    expectClean(watched)
  })

  it('on a derivative is marked as soon as formula, derivative or point is another', async () => {
    await using watched = await demo.open('#function?f=x^2&d=2*x&at=1.5')
    const { page } = watched
    expect(await readVerdict(page)).toBe('The derivative is right')
    for (const [field, value] of [
      ['Function f', 'x^3'],
      ['Its derivative', '3*x'],
      ['At', '2'],
    ]) {
      const input = page.getByLabel(field, { exact: true })
      const before = await input.inputValue()
      await input.fill(value)
      expect(await isGrey(page)).toBe(true)
      await input.fill(before)
      expect(await isGrey(page)).toBe(false)
    }
    // the slider is for looking: the verdict does not hang on it
    await page.getByRole('slider').focus()
    await page.keyboard.press('ArrowRight')
    expect(await isGrey(page)).toBe(false)
    expectClean(watched)
  })
})

it('Back returns to the example before, and Forward to the one after', async () => {
  await using watched = await demo.open('')
  const { page } = watched
  expect(await readVerdict(page)).toBe(WRONG)
  await page.getByText('The same, mended').click()
  await expect.poll(() => page.locator('.banner-title').allInnerTexts()).toEqual([RIGHT])
  await page.getByText('The smallest network').click()
  await expect.poll(() => page.locator('.lesson').innerText()).toMatch(/^Nine weights/)
  await page.goBack()
  expect(await page.locator('.lesson').innerText()).toMatch(/^With both lines mended/)
  await page.goBack()
  expect(await page.getByRole('radio', { name: /Two bugs to find/ }).isChecked()).toBe(true)
  expect(await readVerdict(page)).toBe(WRONG)
  await page.goForward()
  expect(await readVerdict(page)).toBe(RIGHT)
  expectClean(watched)
})

it('tensors that were not looked at before Stop are not checked, and not right', async () => {
  // whole losses: no processor is through with them before Stop
  const hash =
    '#network?source=random&device=cpu&method=textbook&widths=784-512-512-10&samples=8&activations=tanh,tanh,linear'
  await using watched = await demo.open(hash)
  const { page } = watched
  await page.getByRole('button', { name: 'Check the gradient' }).click()
  await expect
    .poll(() => page.locator('.progress-text').innerText(), { timeout: 30_000 })
    .toMatch(/[1-9][\d,]* of .* parameters · /)
  await page.getByRole('button', { name: 'Stop' }).click()
  expect(await readVerdict(page)).toBe('Stopped before the end')
  const rows = page.getByRole('region', { name: 'Table of tensors' }).locator('tbody tr')
  const labels = await rows.locator('.badge').allInnerTexts()
  // a layer's weights and biases are looked at together
  const looked = labels.filter((label) => label !== 'not checked').length
  expect(labels).toEqual(labels.map((_, row) => (row < looked ? 'right so far' : 'not checked')))
  expect(looked).toBeGreaterThan(0)
  expect(looked).toBeLessThan(labels.length)
  expectClean(watched)
})

describe('at 360 pixels', () => {
  it('the verdict comes before the form, and is in sight once a check was asked for', async () => {
    await using watched = await demo.open('#network?device=cpu', NARROW)
    const { page } = watched
    expect(await readVerdict(page)).toBe(WRONG)
    const top = async (selector: string) => (await page.locator(selector).boundingBox())!.y
    expect(await top('.banner')).toBeLessThan(await top('.setup'))
    expect(await top('.banner-title')).toBeLessThan(740)
    await page.getByText('The same, mended').click()
    await expect.poll(() => page.locator('.banner-title').allInnerTexts()).toEqual([RIGHT])
    await expect.poll(() => top('.banner-title')).toBeLessThan(700)
    expect(await top('.banner-title')).toBeGreaterThanOrEqual(0)
    expectClean(watched)
  })

  it('the wrong rows show their Difference and Ratio without scrolling', async () => {
    await using watched = await demo.open('#network?device=cpu', NARROW)
    const { page } = watched
    expect(await readVerdict(page)).toBe(WRONG)
    for (const [table, column] of [
      ['Table of tensors', 'Difference'],
      ['Table of the worst entries', 'Ratio'],
    ]) {
      const region = page.getByRole('region', { name: table })
      const heads = await region.getByRole('columnheader').allInnerTexts()
      const cells = region.locator('tbody tr').first().locator('th, td')
      for (const cell of [
        region.getByRole('columnheader', { name: column }),
        cells.nth(heads.indexOf(column)),
      ]) {
        const { x, width } = (await cell.boundingBox())!
        expect(x + width, `${table}: ${column}`).toBeLessThanOrEqual(360)
      }
    }
    // nothing sticks out of the page
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    expectClean(watched)
  })
})
