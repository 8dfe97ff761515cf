import erfc from '@stdlib/math-base-special-erfc'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { GpuDevice } from '../../src/gpu/device.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { runProbe, spread } from '../support/probe.js'
import probe from './elementary-probe.wesl'

/** Units in the last place of a float32 by which a function may be off. */
const MOST_ULPS = 4
const SMALLEST_NORMAL = 2 ** -126

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
/** Numbers of every order of magnitude in a range. */
const spreadWide = (from: number, to: number, count: number) =>
  spread(Math.log(from), Math.log(to), count).map((x) => Math.fround(Math.exp(x)))
const small = bothSigns(spreadWide(1e-30, 1, 1000))

const normalDensity = (x: number) => Math.exp(-x * (x / 2)) / Math.sqrt(2 * Math.PI)
const normalTail = (x: number) => erfc(Math.abs(x) * Math.SQRT1_2) / 2

/** In the order of the probe's `FUNCTION`. */
const FUNCTIONS: { name: string; reference: (x: number) => number; cases: number[] }[] = [
  {
    name: 'exponential',
    reference: Math.exp,
    cases: [0, -87.3, 88.7, ...small, ...spread(-87.3, 88.7, 6000)],
  },
  {
    name: 'expm1Ratio',
    reference: (x) => (x === 0 ? 1 : Math.expm1(x) / x),
    cases: [0, -1000, ...small, ...spread(-3, 3, 6000), ...spread(-100, 88.7, 3000)],
  },
  {
    name: 'logarithm',
    reference: Math.log,
    cases: [0.5, 1, 2, 2 ** -126, 2 ** 127, ...spread(0.4, 2.5, 6000), ...spreadWide(1.2e-38, 3.4e38, 3000)],
  },
  {
    name: 'log1pRatio',
    reference: (x) => (x === 0 ? 1 : Math.log1p(x) / x),
    cases: [0, ...small, ...spread(-0.99999, 3, 6000), ...spreadWide(1, 3e38, 3000)].filter((x) => x > -1),
  },
  { name: 'normalDensity', reference: normalDensity, cases: [0, 1e-30, ...spread(-12.9, 12.9, 6000)] },
  { name: 'normalTail', reference: normalTail, cases: [0, 1e-30, ...spread(-12.9, 12.9, 6000)] },
  {
    name: 'inverseMills',
    reference: (x) => normalDensity(x) / normalTail(x),
    cases: [0, 1e-30, ...spread(-13.2, 13.2, 6000)],
  },
]

/** The distance from one float32 to the next, where a number is. */
const ulp = (x: number) => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23)

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

const evaluate = (name: string, cases: readonly number[]) => {
  const FUNCTION = FUNCTIONS.findIndex((candidate) => candidate.name === name)
  return runProbe(gpu.device, probe, { FUNCTION }, Float32Array.from(cases), cases.length)
}

it('runs on a software adapter', () => {
  expect(gpu.kind).toBe('software')
})

it.each(FUNCTIONS)('$name is within 4 ulp of float64 over its range', async ({ name, reference, cases }) => {
  const values = await evaluate(name, cases)
  let worst = { ulps: 0, text: '' }
  for (const [k, x] of cases.map(Math.fround).entries()) {
    const exact = reference(x)
    // what would be subnormal may be 0
    const allowance = Math.abs(exact) < SMALLEST_NORMAL ? SMALLEST_NORMAL : 0
    const ulps = Math.max(0, Math.abs(values[k] - exact) - allowance) / ulp(exact)
    if (!(ulps <= worst.ulps)) worst = { ulps, text: `x = ${x}: ${values[k]}, not ${exact}` }
  }
  expect(worst.ulps, worst.text).toBeLessThanOrEqual(MOST_ULPS)
})

it('what would underflow is 0, and e^x stays finite', async () => {
  expect([...(await evaluate('exponential', [-87.4, -100, -1e30]))]).toEqual([0, 0, 0])
  expect([...(await evaluate('normalDensity', [13.1, -20, 1e20]))]).toEqual([0, 0, 0])
  expect([...(await evaluate('normalTail', [13.1, -20, 1e18]))]).toEqual([0, 0, 0])
  const largest = await evaluate('exponential', [88.8, 1000, 1e30])
  expect(largest.every((value) => value > 3e38 && Number.isFinite(value))).toBe(true)
})
