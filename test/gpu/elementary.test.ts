import erfc from '@stdlib/math-base-special-erfc'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GpuPrecision } from '../../src/differentiate/evaluator.js'
import { formatOf } from '../../src/differentiate/webgpu/reals.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { PRECISIONS_UNDER_TEST } from '../support/precisions.js'
import { runProbe, spread } from '../support/probe.js'
import probe from './elementary-probe.wesl'
import extendedProbe from './elementary-probe.wesl?extended'

const PROBES = { single: probe, extended: extendedProbe }
const SMALLEST_NORMAL = 2 ** -126

/** What a function may be off by where it has the value x. */
const ALLOWED: Record<GpuPrecision, (x: number) => number> = {
  // 4 ulp; what would be subnormal may be 0
  single: (x) => 4 * ulp(x) + (Math.abs(x) < SMALLEST_NORMAL ? SMALLEST_NORMAL : 0),
  // low parts may be 0 where they would be subnormal
  extended: (x) => 2 ** -44 * Math.abs(x) + (Math.abs(x) < 2 ** -78 ? 2 ** -122 : 0),
}

/** The distance from one float32 to the next, where a number is. */
const ulp = (x: number) => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23)

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
/** Numbers of every order of magnitude in a range. */
const spreadWide = (from: number, to: number, count: number) =>
  spread(Math.log(from), Math.log(to), count).map((x) => Math.exp(x))
const small = bothSigns(spreadWide(1e-30, 1, 1000))

const normalDensity = (x: number) => Math.exp(-x * (x / 2)) / Math.sqrt(2 * Math.PI)
const normalTail = (x: number) => erfc(Math.abs(x) * Math.SQRT1_2) / 2

/** φ(x)/Φ(−|x|): far out by Laplace's continued fraction x + 1/(x + 2/(x + 3/(x + …))), whose terms cannot cancel. */
function inverseMills(x: number): number {
  const s = Math.abs(x)
  if (s < 2) return normalDensity(s) / normalTail(s)
  let rest = s
  for (let n = 300; n > 0; n--) rest = s + n / rest
  return rest
}

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
  { name: 'inverseMills', reference: inverseMills, cases: [0, 1e-30, ...spread(-13.2, 13.2, 6000)] },
]

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

it('runs on a software adapter', () => {
  expect(gpu.kind).toBe('software')
})

describe.each(PRECISIONS_UNDER_TEST)('in $precision precision', ({ precision, round, encode, decode }) => {
  const { parts } = formatOf(precision)

  async function evaluate(name: string, cases: readonly number[]): Promise<Float64Array> {
    const FUNCTION = FUNCTIONS.findIndex((candidate) => candidate.name === name)
    return decode(
      await runProbe(gpu.device, PROBES[precision], { FUNCTION }, encode(cases), cases.length, parts),
    )
  }

  it.each(FUNCTIONS)('$name is within its bound over its range', async ({ name, reference, cases }) => {
    // second parts that have no pattern either, of numbers that have all their digits
    const points = cases
      .map((x, k) => round(x * (1 - 2 ** -26 * Math.sin(k) ** 2)))
      .filter((x) => precision === 'single' || name !== 'logarithm' || x > 2 ** -78)
    const values = await evaluate(name, points)
    let worst = { ratio: 0, text: '' }
    for (const [k, x] of points.entries()) {
      const exact = reference(x)
      const ratio = Math.abs(values[k] - exact) / ALLOWED[precision](exact)
      if (!(ratio <= worst.ratio)) worst = { ratio, text: `x = ${x}: ${values[k]}, not ${exact}` }
    }
    expect(worst.ratio, worst.text).toBeLessThanOrEqual(1)
  })

  it('what would underflow is 0, and e^x stays finite', async () => {
    expect([...(await evaluate('exponential', [-87.4, -100, -1e30]))]).toEqual([0, 0, 0])
    expect([...(await evaluate('normalDensity', [13.1, -20, 1e20]))]).toEqual([0, 0, 0])
    expect([...(await evaluate('normalTail', [13.1, -20, 1e18]))]).toEqual([0, 0, 0])
    const largest = await evaluate('exponential', [88.8, 1000, 1e30])
    expect(largest.every((value) => value > 3e38 && Number.isFinite(value))).toBe(true)
  })
})
