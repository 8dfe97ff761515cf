import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright'
import { expect, it } from 'vitest'
import { writeNpy, writeNpz } from '../support/array-files.js'
import { expectClean, readVerdict, save, setUpDemo } from '../support/demo-page.js'

const demo = setUpDemo()

const readFixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)))

const FILES = '#network?source=files&device=cpu'
const THREE_LAYERS = `${FILES}&activations=relu,relu,sigmoid&loss=binary-cross-entropy`

/** Picks files as the file dialogue does. */
async function pick(page: Page, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await page.locator('#file-input').setInputFiles(
    Object.entries(files).map(([name, bytes]) => ({
      name,
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(bytes),
    })),
  )
}

const check = (page: Page) => page.getByRole('button', { name: 'Check the gradient' }).click()

it('a dropped file is read on the page and checked', async () => {
  await using watched = await demo.open(THREE_LAYERS)
  const { page } = watched
  const transfer = await page.evaluateHandle((text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    const data = new DataTransfer()
    data.items.add(new File([bytes], 'three-layer-buggy.npz'))
    return data
  }, readFixture('three-layer-buggy.npz').toString('base64'))
  await page.locator('.drop-zone').dispatchEvent('drop', { dataTransfer: transfer })
  await page.getByRole('heading', { name: 'The file is read' }).waitFor()
  expect(await page.locator('.array-list').innerText()).toMatch(/W1\s+\(5, 4\)/)
  await check(page)
  expect(await readVerdict(page)).toBe('The gradient is wrong')
  expect(await page.locator('.banner').innerText()).toContain('db1 and dW2')
  expectClean(watched)
})

it('the number of layers and PyTorch’s names are found in the file', async () => {
  await using watched = await demo.open(`${FILES}&layout=pytorch`)
  const { page } = watched
  await pick(page, { 'digits.safetensors': readFixture('digits-torch.safetensors') })
  await page.getByRole('heading', { name: 'The file is read' }).waitFor()
  await page.getByLabel('Activation of 0.weight').selectOption('tanh')
  await page.getByLabel('Activation of 2.weight').selectOption('relu')
  await check(page)
  expect(await readVerdict(page)).toBe('The gradient is right')
  expectClean(watched)
})

it('a corrupt file is refused with the reason and what to do, where the results would be', async () => {
  await using watched = await demo.open(THREE_LAYERS)
  const { page } = watched
  await pick(page, { 'cut-off.npz': readFixture('three-layer.npz').subarray(0, 3000) })
  const alert = page.getByRole('alert')
  await alert.waitFor()
  expect(await alert.innerText()).toMatch(/cut-off\.npz.*What to do: /s)
  // the page goes on: a sound file is checked after it
  await pick(page, { 'three-layer.npz': readFixture('three-layer.npz') })
  await page.getByRole('heading', { name: 'The file is read' }).waitFor()
  await check(page)
  expect(await readVerdict(page)).toBe('The gradient is right')
  expectClean(watched)
})

it('arrays that do not fit are told apart with their names and shapes', async () => {
  await using watched = await demo.open(`${THREE_LAYERS}&layout=rows`)
  const { page } = watched
  await pick(page, { 'three-layer.npz': readFixture('three-layer.npz') })
  await page.getByRole('heading', { name: 'The file is read' }).waitFor()
  await check(page)
  const alert = page.getByRole('alert')
  await expect.poll(() => alert.innerText()).toMatch(/W1 has shape \(5, 4\).*What to do: /s)
  expectClean(watched)
})

it('a hostile name of an array is shown as text and nothing else, in the saved report too', async () => {
  const hostile = '<img src=x onerror="document.title=1">\u202e'
  const one = (value: number) => writeNpy({ shape: [1, 1], data: [value] })
  // J = ½ (w·2 − 1)² at w = 3: the derivative is 10
  const file = writeNpz({
    X: one(2),
    Y: one(1),
    [`${hostile}.weight`]: one(3),
    [`grad.${hostile}.weight`]: one(5),
  })
  await using watched = await demo.open(`${FILES}&activations=linear&loss=half-squared-error`)
  const { page } = watched
  await pick(page, { '<b>bold</b>.npz': file })
  await page.getByRole('heading', { name: 'The file is read' }).waitFor()
  await check(page)
  expect(await readVerdict(page)).toBe('The gradient is wrong')
  expect(await page.locator('.banner').innerText()).toContain('<img src=x onerror="document.title=1">\\u202e')
  expect(await page.locator('main img, main b').count()).toBe(0)
  const html = await save(page, 'Save the report as HTML')
  expect(html).toContain('&#60;img src=x')
  expect(html).not.toMatch(/<img|<b>|<script|\u202e/)
  const saved = await watched.context.newPage()
  await saved.setContent(html)
  expect(await saved.title()).toContain('The gradient is wrong')
  expect(await saved.locator('img, b').count()).toBe(0)
  expectClean(watched)
})
