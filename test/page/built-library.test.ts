import { readFileSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import type { CheckOptions } from '../../src/check/check-options.js'
import { problemFromArrays } from '../../src/check/problem-from-arrays.js'
import type { CheckReport } from '../../src/check/report.js'
import { openDevice } from '../../src/differentiate/node/open-device.js'
import { readArrays } from '../../src/files/read-arrays.js'
import type { NamedTensors } from '../../src/tensor.js'
import { writeNpy, writeNpz } from '../support/array-files.js'
import { launchChromium } from '../support/chromium.js'
import { makeRandomProblem } from '../support/random-network.js'
import { type ServedFolder, serveFolder } from '../support/serve-folder.js'
import { openPage, type WatchedPage } from '../support/watch-page.js'

/** What the page's module leaves for the functions that run in it. */
declare const gradcheck: typeof import('../../src/index.js')

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const SAVED = ['three-layer.npz', 'three-layer-buggy.npz']
const NETWORK = {
  activations: ['relu', 'relu', 'sigmoid'],
  loss: 'binary-cross-entropy',
  layout: 'columns',
}
const WIDE = {
  activations: ['tanh', 'tanh', 'tanh', 'linear'],
  loss: 'half-squared-error',
  layout: 'columns',
}

let folder: string
let chromium: Browser
let served: ServedFolder
let watched: WatchedPage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradcheck-page-'))
  await build({
    configFile: false,
    logLevel: 'error',
    root: here('library'),
    base: './',
    build: { outDir: folder, target: 'es2023' },
  })
  for (const name of SAVED) {
    await cp(here(`../fixtures/${name}`), join(folder, name))
  }
  await writeFile(join(folder, 'wide.npz'), writeWideProblem())
  served = await serveFolder(folder, { under: '/some/folder/' })
  chromium = await launchChromium()
})

afterAll(async () => {
  await chromium?.close()
  await served?.close()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  watched = await openPage(chromium, served.url)
})

afterEach(async () => {
  await using page = watched
  expect(page.errors).toEqual([])
  expect(page.foreignRequests).toEqual([])
})

/** Work for longer than the evaluator takes on before it starts workers. */
function writeWideProblem(): Uint8Array {
  const { problem } = makeRandomProblem({
    ...{ seed: 1, activations: ['tanh', 'tanh', 'tanh', 'linear'], loss: 'half-squared-error' },
    ...{ widths: [40, 60, 60, 60, 10], samples: 16, targets: 'values' },
  })
  const arrays: NamedTensors = new Map([
    ...(problem.parameters as NamedTensors),
    ...(problem.gradients as NamedTensors),
  ])
  arrays.set('X', problem.inputs).set('Y', problem.targets)
  return writeNpz(new Map([...arrays].map(([name, array]) => [name, writeNpy(array)])))
}

type Where = 'webgpu' | 'web workers'

/** Checks files of the page's folder in the page, one after the other with one evaluator. */
function checkInPage(
  files: readonly string[],
  network: typeof NETWORK,
  where: Where,
  options: CheckOptions = {},
): Promise<CheckReport[]> {
  return watched.page.evaluate(
    async ({ files, network, where, options }) => {
      const { checkGradients, problemFromArrays, readArrays } = gradcheck
      const gpu =
        where === 'webgpu' ? await gradcheck.createBrowserEvaluator(navigator.gpu, 'software') : undefined
      const evaluator = gpu ?? gradcheck.createCpuEvaluator('processor', gradcheck.useWebWorkers())
      const reports: CheckReport[] = []
      for (const file of files) {
        const bytes = new Uint8Array(await (await fetch(file)).arrayBuffer())
        const problem = problemFromArrays(readArrays(bytes, file), network)
        reports.push(await checkGradients(problem, { ...options, evaluator }))
      }
      gpu?.dispose()
      return reports
    },
    { files, network, where, options },
  )
}

/** The same in Node, from the sources. */
async function checkInNode(
  files: readonly string[],
  network: typeof NETWORK,
  choice: 'software' | 'cpu',
  options: CheckOptions = {},
): Promise<CheckReport[]> {
  await using device = await openDevice(choice)
  const reports: CheckReport[] = []
  for (const file of files) {
    const arrays = readArrays(readFileSync(join(folder, file)), file)
    const problem = problemFromArrays(arrays, network)
    reports.push(await checkGradients(problem, { ...options, evaluator: device.evaluator }))
  }
  return reports
}

/**
 * Expects what two reports say of the gradient to be the same.
 * @param digits by which numerical derivatives may differ, relative to themselves
 * @param least a difference below which reports agree: what rounding leaves of right gradients
 */
function expectSame(inPage: CheckReport, inNode: CheckReport, digits: number, least: number): void {
  const withoutNumbers = ({ verdict, parameters, tolerance, precision, notices, tensors }: CheckReport) => ({
    ...{ verdict, parameters, tolerance, precision, notices },
    tensors: tensors.map(({ name, gradient, shape, checked, verdict, kinks, wrongEntries }) => ({
      ...{ name, gradient, shape, checked, verdict, kinks, wrongEntries },
    })),
  })
  expect(withoutNumbers(inPage)).toEqual(withoutNumbers(inNode))
  expect(inPage.cost).toBeCloseTo(inNode.cost, 14)
  expect(Math.abs(inPage.difference - inNode.difference)).toBeLessThan(least)
  for (const [t, { name, worst }] of inPage.tensors.entries()) {
    const others = new Map(inNode.tensors[t].worst.map((entry) => [String(entry.index), entry]))
    for (const { index, analytical, numerical } of worst) {
      const other = others.get(String(index))
      expect(other, `${name}[${index}]`).toBeDefined()
      expect(analytical).toBe(other!.analytical)
      expect(Math.abs(numerical / other!.numerical - 1)).toBeLessThan(digits)
    }
  }
}

describe('the library as built, in a page', () => {
  it('gives the numbers that it gives in Node, in WebGPU', async () => {
    const inPage = await checkInPage(SAVED, NETWORK, 'webgpu')
    const inNode = await checkInNode(SAVED, NETWORK, 'software')
    expect(inPage.map(({ verdict }) => verdict)).toEqual(['pass', 'fail'])
    for (const [k, report] of inPage.entries()) {
      expect(report.device).toMatchObject({ evaluator: 'webgpu', software: true })
      expect(report.device.adapter).toMatch(/swiftshader/i)
      expectSame(report, inNode[k], 1e-5, 1e-6)
    }
  })

  it('gives the numbers that it gives in Node, in float64', async () => {
    const inPage = await checkInPage(SAVED, NETWORK, 'web workers')
    const inNode = await checkInNode(SAVED, NETWORK, 'cpu')
    expect(inPage.map(({ verdict }) => verdict)).toEqual(['pass', 'fail'])
    for (const [k, report] of inPage.entries()) {
      expect(report.device.evaluator).toBe('cpu')
      expectSame(report, inNode[k], 1e-10, 1e-11)
    }
  })

  it('shares longer work among web workers, one for each core, and ends them', async () => {
    let started = 0
    watched.page.on('worker', () => started++)
    // one by one, parameters are long work
    const [inPage] = await checkInPage(['wide.npz'], WIDE, 'web workers', { perturb: 'parameters' })
    expect(started).toBe(await watched.page.evaluate(() => navigator.hardwareConcurrency))
    await expect.poll(() => watched.page.workers().length).toBe(0)
    const [inNode] = await checkInNode(['wide.npz'], WIDE, 'cpu', { perturb: 'parameters' })
    expectSame(inPage, inNode, 1e-10, 1e-11)
  })

  it('says that there is no hardware adapter, and what to do', async () => {
    const failure = await watched.page.evaluate(() =>
      gradcheck.createBrowserEvaluator().then(
        () => undefined,
        ({ code, message, fix }) => ({ code, message, fix }),
      ),
    )
    expect(failure).toEqual({
      code: 'device-unavailable',
      message: 'this browser gave no hardware adapter',
      fix: expect.stringMatching(/float64 on the CPU/),
    })
  })
})
