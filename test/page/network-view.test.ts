import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { expectClean, openDemo, readVerdict, saveJson, setUpDemo } from '../support/demo-page.js'

const demo = setUpDemo()

const RIGHT = 'The gradient is right'
const WRONG = 'The gradient is wrong'

describe.each(['cpu', 'software'])('on the device %s', (device) => {
  it.each([
    ['three-layer-buggy', WRONG],
    ['three-layer', RIGHT],
    ['two-three-one', RIGHT],
    ['digits-torch', RIGHT],
    ['digits-sklearn', RIGHT],
    ['image-tanh', RIGHT],
  ])('the example %s shows: %s', async (example, verdict) => {
    await using watched = await demo.open(`#network?example=${example}&device=${device}`)
    expect(await readVerdict(watched.page)).toBe(verdict)
    const report = await saveJson(watched.page)
    expect(report.verdict).toBe(verdict === RIGHT ? 'pass' : 'fail')
    expect(report.device).toMatchObject(
      device === 'cpu' ? { evaluator: 'cpu' } : { evaluator: 'webgpu', software: true },
    )
    expectClean(watched)
  })
})

it('the two bugs of the notebook are where the page points', async () => {
  await using watched = await demo.open('')
  const { page } = watched
  expect(await readVerdict(page)).toBe(WRONG)
  const wrong = page
    .getByRole('region', { name: 'Table of tensors' })
    .getByRole('row')
    .filter({ hasText: 'wrong' })
  expect(await wrong.getByRole('rowheader').allInnerTexts()).toEqual(['db1', 'dW2'])
  expect(await page.locator('.banner').innerText()).toContain('db1 and dW2')
  // the worst entry, by its index and both values
  const worst = page.getByRole('region', { name: 'Table of the worst entries' }).getByRole('row').nth(1)
  expect(await worst.innerText()).toMatch(/db1\[0, 0\]\s+4\.0000\s+2\.531631\s+0\.6329079/)
  expectClean(watched)
})

it.each([
  ['scaled', 2, ['dW2'], 'scaled'],
  ['sign', 1, ['dW1'], 'sign-flipped'],
  ['transposed', 2, ['dW2'], 'transposed'],
  ['no-mean', 1, ['dW1', 'db1', 'dW2', 'db2', 'dW3', 'db3'], 'not-averaged'],
  ['no-activation-derivative', 2, ['dW1', 'db1', 'dW2', 'db2'], 'activation-derivative-missing'],
  ['one-entry', 3, ['dW3'], 'elements'],
  ['zero-row', 2, ['dW2'], 'rows'],
  ['bias-not-summed', 2, ['db2'], 'reduction-wrong'],
  ['no-l2', 1, ['dW1', 'dW2', 'dW3'], 'regularisation-missing'],
])('the planted bug "%s" in layer %i is found in %j and named: %s', async (bug, layer, tensors, kind) => {
  const hash = `#network?source=random&l2=0.5&device=cpu&activations=tanh,sigmoid,linear&widths=8-6-6-3&bug=${bug}&bugLayer=${layer}`
  await using watched = await demo.open(hash)
  expect(await readVerdict(watched.page)).toBe(WRONG)
  const report = (await saveJson(watched.page)) as unknown as {
    tensors: { gradient: string; verdict: string }[]
    diagnosis: { kind: string; message: string }[]
  }
  expect(report.tensors.filter(({ verdict }) => verdict === 'fail').map(({ gradient }) => gradient)).toEqual(
    tensors,
  )
  expect(report.diagnosis.map((finding) => finding.kind)).toEqual([kind])
  // a remark on the set-up may follow
  const finding = watched.page.locator('.findings > li').first()
  expect(await finding.innerText()).toContain(report.diagnosis[0].message)
  // the page on the mistake unfolds below it
  await finding.locator('summary').click()
  expect(await finding.locator('pre').first().innerText()).toMatch(/# right[\s\S]*# wrong/)
  expectClean(watched)
})

it('a network that is built by hand is checked with the gradient of the page', async () => {
  await using watched = await demo.open('#network?source=random&device=cpu')
  const { page } = watched
  expect(await readVerdict(page)).toBe(RIGHT)
  await page.getByRole('button', { name: '+ Add a layer' }).click()
  await page.getByLabel('Loss').selectOption('binary-cross-entropy')
  expect(await page.getByLabel('Activation of Layer 4').inputValue()).toBe('sigmoid')
  await page.getByLabel('Width of Layer 2').fill('7')
  await page.getByRole('button', { name: 'Check the gradient' }).click()
  await expect
    .poll(() => page.locator('.banner, .progress').first().getAttribute('class'))
    .toContain('banner-pass')
  expect(((await saveJson(page)) as unknown as { tensors: unknown[] }).tensors.length).toBe(8)
  // what was set is in the address, and shows the same again
  expect(page.url()).toContain('widths=8-6-7-6-3')
  await page.reload()
  expect(await page.getByLabel('Width of Layer 2').inputValue()).toBe('7')
  expect(await readVerdict(page)).toBe(RIGHT)
  expectClean(watched)
})

it('Stop ends a long check and shows what was compared', async () => {
  const hash =
    '#network?source=random&device=cpu&method=textbook&widths=784-512-512-10&samples=8&activations=tanh,tanh,linear'
  await using watched = await demo.open(hash)
  const { page } = watched
  await page.getByRole('button', { name: 'Check the gradient' }).click()
  await expect
    .poll(() => page.locator('.progress-text').innerText(), { timeout: 30_000 })
    .toMatch(/parameters · .* a second/)
  // the page answers while it computes
  await page.getByLabel('Loss').focus()
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect
    .poll(() => page.locator('.verdict').innerText(), { timeout: 30_000 })
    .toMatch(/Stopped before the end|Stopped: nothing was compared/)
  expectClean(watched)
})

it('61,481 parameters are checked on the software adapter without holding up the page', {
  retry: 2,
}, async () => {
  await using watched = await demo.open('#network?example=image-tanh&device=software')
  const { page } = watched
  expect(await readVerdict(page)).toBe(RIGHT)
  await page.locator('.heat-map').hover()
  const report = await saveJson(page)
  expect(report.parameters).toEqual({ total: 61_481, checked: 61_481 })
  expect(report.difference).toBeLessThanOrEqual(1e-7)
  const long = (await watched.longTasks()).filter(({ milliseconds }) => milliseconds > 100)
  expect(long).toEqual([])
  expectClean(watched)
})

describe('without WebGPU', () => {
  let plain: Browser
  beforeAll(async () => {
    plain = await launchChromium({ webgpu: false })
  })
  afterAll(() => plain?.close())

  it('the page says so and checks on the processor', async () => {
    await using watched = await openDemo(plain, demo.served, '#network?example=digits-sklearn')
    const { page } = watched
    expect(await readVerdict(page)).toBe(RIGHT)
    expect(await page.locator('.device-line').innerText()).toMatch(
      /No graphics processor for WebGPU.*float64 on this computer’s processor/s,
    )
    expect(await saveJson(page)).toMatchObject({ device: { evaluator: 'cpu', software: false } })
    expectClean(watched)
  })

  it('asking for the GPU says what is missing and what to do', async () => {
    await using watched = await openDemo(plain, demo.served, '#network?example=three-layer&device=gpu')
    const alert = watched.page.getByRole('alert')
    await expect
      .poll(() => alert.innerText())
      .toMatch(/this browser (has no WebGPU|gave no hardware adapter)/)
    expect(await alert.innerText()).toContain('What to do')
    expectClean(watched)
  })
})

it('extended precision gives an adapter’s check the digits of float64', async () => {
  const hash = '#network?example=three-layer&device=software&precision=extended'
  await using watched = await demo.open(hash)
  expect(await readVerdict(watched.page)).toBe(RIGHT)
  const report = await saveJson(watched.page)
  expect(report).toMatchObject({ precision: 'extended', device: { evaluator: 'webgpu' } })
  expect(report.difference).toBeLessThan(1e-11)
  expectClean(watched)
})

it('a check that is left for another view gives way to it', async () => {
  // whole losses of a wide network: the worker is busy for long without looking up
  const hash = '#network?source=random&device=cpu&method=textbook&widths=784-1024-512-10&samples=256'
  await using watched = await demo.open(`${hash}&activations=tanh,tanh,linear`)
  const { page } = watched
  await page.getByRole('button', { name: 'Check the gradient' }).click()
  await page.locator('.progress').waitFor()
  await page.getByRole('link', { name: 'Function' }).click()
  expect(await readVerdict(page)).toBe('The derivative is right')
  // and is found again as it was set
  await page.getByRole('link', { name: 'Network' }).click()
  expect(await page.getByLabel('Width of Layer 1').inputValue()).toBe('1024')
  expectClean(watched)
})
