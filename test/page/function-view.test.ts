import { expect, it } from 'vitest'
import { expectClean, readVerdict, setUpDemo } from '../support/demo-page.js'

const demo = setUpDemo()

it.each([
  ['A parabola', 'The derivative is right'],
  ['A straight line', 'The derivative is right'],
  ['One side or two', 'The derivative is right'],
  ['A wrong derivative', 'The derivative is wrong'],
  ['A kink', 'The derivative is right'],
  ['A saturated unit', 'The derivative is right'],
])('the example "%s" shows: %s', async (example, verdict) => {
  await using watched = await demo.open('#function')
  const { page } = watched
  await readVerdict(page)
  await page.getByRole('button', { name: example, exact: true }).click()
  await expect.poll(() => page.locator('.banner-title').innerText(), { timeout: 10_000 }).toBe(verdict)
  expect(await page.getByRole('button', { name: example, exact: true }).getAttribute('aria-pressed')).toBe(
    'true',
  )
  expectClean(watched)
})

it('the slider moves the secant, and the figures follow the formulas', async () => {
  const hash = `#function?${new URLSearchParams({ f: 'x^3', d: '3 * x^2', at: '2', h: '0.1' })}`
  await using watched = await demo.open(hash)
  const { page } = watched
  await readVerdict(page)
  const figures = page.locator('.step-figures')
  // ((2 + h)³ − (2 − h)³)/2h = 12 + h²
  expect(await figures.innerText()).toMatch(/Textbook\s+12\.01000/)
  const slider = page.getByRole('slider')
  await slider.focus()
  for (let k = 0; k < 4; k++) await page.keyboard.press('ArrowLeft')
  expect(await slider.getAttribute('aria-valuetext')).toBe('h = 0.01')
  expect(await figures.innerText()).toMatch(/Textbook\s+12\.00010/)
  // ((2 + h)³ − 2³)/h = 12 + 6h + h²
  await page.getByRole('radio', { name: 'Forward' }).check()
  await expect.poll(() => figures.innerText(), { timeout: 10_000 }).toMatch(/Textbook\s+12\.06010/)
  expect(page.url()).toMatch(/h=0\.01&scheme=forward/)
  expectClean(watched)
})

it('a derivative that is left out is derived, and says so', async () => {
  await using watched = await demo.open('#function?f=sin(t)&at=0.5')
  expect(await readVerdict(watched.page)).toBe('The derivative is right')
  expect(await watched.page.locator('.banner').innerText()).toContain('cos(t)')
  expectClean(watched)
})

it.each([
  ['x +* 2', /the formula cannot be read/],
  ['x * y', /2 variables: x, y/],
  ['2 + 3', /no variable/],
  ['<img src=x onerror=alert(1)>', /What to do|cannot be read|formula/],
])('the formula %s is refused with the reason', async (formula, reason) => {
  await using watched = await demo.open(`#function?${new URLSearchParams({ f: formula })}`)
  const alert = watched.page.getByRole('alert')
  await alert.waitFor()
  expect(await alert.innerText()).toMatch(reason)
  expect(await watched.page.locator('main img').count()).toBe(0)
  expectClean(watched)
})
