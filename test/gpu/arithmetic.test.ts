import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GpuDevice } from '../../src/gpu/device.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { PRECISIONS_UNDER_TEST } from '../support/precisions.js'
import { runProbe, spread } from '../support/probe.js'
import probe from './arithmetic-probe.wesl?extended'

const EXTENDED = PRECISIONS_UNDER_TEST.find(({ precision }) => precision === 'extended')!
/** u² */
const UNIT = 2 ** -48
const COUNT = 10_000

type Numbers = readonly [a: number, b: number, c: number]

/** In the order of the probe's `OPERATION`; bounds in u² as shaders/extended/real.wesl states them. */
const OPERATIONS: {
  name: string
  exact: (...numbers: Numbers) => number
  size?: (...numbers: Numbers) => number
  bound: number
}[] = [
  { name: 'add', exact: (a, b) => a + b, bound: 3 },
  { name: 'subtract', exact: (a, b) => a - b, bound: 3 },
  { name: 'multiply', exact: (a, b) => a * b, bound: 5 },
  // on devices that round float32 division correctly, as both software drivers do
  { name: 'divide', exact: (a, b) => a / b, bound: 10 },
  {
    name: 'multiplyAdd',
    exact: (a, b, c) => a * b + c,
    size: (a, b, c) => Math.abs(a * b) + Math.abs(c),
    bound: 9,
  },
  { name: 'scale4', exact: (a, b) => a * b, bound: 5 },
]

/** Numbers of 48 bits and both signs, of magnitudes 2^−6 to 2^6. */
function numbers(seed: number): number[] {
  const [high, low, exponent] = [1, 2, 3].map((k) => spread(seed + k, seed + k + 1, COUNT).map((x) => x % 1))
  return high.map((x, k) => {
    const significand = (1 + x) * (1 + low[(7 * k + 13) % COUNT] * 2 ** -24)
    const sign = k % 3 === 0 ? -1 : 1
    return EXTENDED.round(sign * significand * 2 ** Math.round(12 * exponent[(11 * k + seed) % COUNT] - 6))
  })
}

const [A, B, C] = [1, 5, 9].map(numbers)
/** Operands far apart, near each other, and so close to opposite that their sum cancels. */
const CASES: Numbers[] = A.map((a, k) => [
  a,
  k % 4 === 0 ? EXTENDED.round(-a * (1 + 2 ** -(1 + (k % 46)) * B[k])) : B[k],
  k % 5 === 0 ? EXTENDED.round(-a * B[k] * (1 + 2 ** -(1 + (k % 40)))) : C[k],
])

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

it('products that underflow are off by less than 2^−124', async () => {
  const tiny = A.map((a, k) => [
    EXTENDED.round(a * 2 ** -50),
    EXTENDED.round(B[k] * 2 ** -(25 + (k % 45))),
    0,
  ])
  const OPERATION = OPERATIONS.findIndex(({ name }) => name === 'multiply')
  const words = await runProbe(gpu.device, probe, { OPERATION }, EXTENDED.encode(tiny.flat()), COUNT, 4)
  const errors = [...EXTENDED.decode(words)].map((value, k) => {
    const [a, b] = tiny[Math.floor(k / 2)]
    return Math.max(0, Math.abs(value - a * b) - 5 * UNIT * Math.abs(a * b))
  })
  expect(Math.max(...errors)).toBeLessThan(2 ** -124)
  expect(tiny.some(([a, b]) => Math.abs(a * b) < 2 ** -110)).toBe(true)
})

describe.each(OPERATIONS)('$name in extended precision', ({ name, exact, size, bound }) => {
  it('is within its published bound, alone and among four, and keeps its residual', async () => {
    const OPERATION = OPERATIONS.findIndex((operation) => operation.name === name)
    const words = await runProbe(gpu.device, probe, { OPERATION }, EXTENDED.encode(CASES.flat()), COUNT, 4)
    const results = EXTENDED.decode(words)
    let worst = { error: 0, text: '' }
    let withLow = 0
    for (const [k, at] of CASES.entries()) {
      const expected = exact(...at)
      const allowed = UNIT * (size?.(...at) ?? Math.abs(expected))
      for (const value of [results[2 * k], results[2 * k + 1]]) {
        const error = Math.abs(value - expected) === 0 ? 0 : Math.abs(value - expected) / allowed
        if (!(error <= worst.error)) worst = { error, text: `${at}: ${value}, not ${expected}` }
      }
      if (words[4 * k + 1] !== 0) withLow++
    }
    expect(worst.error, worst.text).toBeLessThanOrEqual(bound)
    // some results are float32 numbers: where much cancels, and quotients by multiples
    expect(withLow / COUNT).toBeGreaterThan(0.75)
  })
})
