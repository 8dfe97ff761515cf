import { Decimal } from 'decimal.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { GpuDevice } from '../../src/gpu/device.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { runProbe } from '../support/probe.js'
import probe from './constants-probe.wesl?extended'

const D = Decimal.clone({ precision: 40 })
const pi = D.acos(-1)
const seluScale = new D('1.0507009873554804934193349852946')
const seluAlpha = new D('1.6732632423543772848170429916717')
const factorial = (n: number): Decimal => (n < 2 ? new D(1) : factorial(n - 1).times(n))
const eight = Array.from({ length: 8 }, (_, k) => k)

/** In the probe's order. */
const CONSTANTS: readonly (readonly [string, Decimal])[] = [
  ["the factor in gelu's sigmoid", new D('1.702')],
  ["SELU's scale", seluScale],
  ["SELU's α", seluAlpha],
  ["SELU's scale·α", seluScale.times(seluAlpha)],
  ['2·√(2/π)', new D(2).div(pi).sqrt().times(2)],
  ["the cubic term of gelu's approximation", new D('0.044715')],
  ['1/6', new D(1).div(6)],
  ['1/24', new D(1).div(24)],
  ['8/3', new D(8).div(3)],
  ['4/3', new D(4).div(3)],
  ['1/√(2π)', pi.times(2).sqrt().pow(-1)],
  ["ln 2's first parts", D.ln(2)],
  ["ln 2's last part", D.ln(2)],
  ...eight.map((n) => [`1/${n + 1}!`, factorial(n + 1).pow(-1)] as const),
  ...eight.map((k) => [`1/${2 * k + 1}`, new D(1).div(2 * k + 1)] as const),
]

let parts: Float32Array
let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
  const cases = new Float32Array(CONSTANTS.length)
  parts = await runProbe(gpu.device, probe, {}, cases, CONSTANTS.length, 2)
})
afterAll(() => gpu?.dispose())

const isPartOfLn2 = (name: string) => name.startsWith('ln 2')

it.each(CONSTANTS.map(([name, exact], k) => ({ name, exact, k })).filter(({ name }) => !isPartOfLn2(name)))(
  'the two parts of $name are the nearest float32 and the nearest to the rest',
  ({ exact, k }) => {
    const high = Math.fround(exact.toNumber())
    expect(parts[2 * k]).toBe(high)
    expect(parts[2 * k + 1]).toBe(Math.fround(exact.minus(high).toNumber()))
  },
)

it('the three parts of ln 2 add up to it, and the first two have room for the bits of an exponent', () => {
  const at = CONSTANTS.findIndex(([name]) => isPartOfLn2(name))
  const [high, middle, low] = parts.subarray(2 * at, 2 * at + 3)
  expect(Math.abs(D.ln(2).minus(high).minus(middle).minus(low).toNumber())).toBeLessThan(2 ** -59)
  for (const part of [high, middle]) {
    for (const n of [127, 125, -126]) expect(Math.fround(n * part)).toBe(n * part)
  }
})
