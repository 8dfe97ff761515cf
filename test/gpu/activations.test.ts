import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GpuDevice } from '../../src/gpu/device.js'
import { ACTIVATION_NAMES, crossesKink, findActivation } from '../../src/network/activations.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { runProbe } from '../support/probe.js'
import { allowedError, expectNear, referenceSlope } from '../support/reference.js'
import probe from './activation-probe.wesl'

const UNIT_ROUNDOFF = 2 ** -24
/** A device may take numbers below 2^−126 for 0, on the way too. */
const FLUSHED = 1e-36

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
// silu and gelu have their minima at −1.28 and −0.7518; tails underflow beyond 13, 44 and 87
const ARGUMENTS = [0, ...bothSigns([1e-8, 0.1, 0.7518, 1.28, 3, 6, 8.3, 11.9, 30, 80, 100, 1e5])]
const CHANGES = [0, ...bothSigns([1e-30, 1e-8, 1e-5, 1e-3, 0.1, 0.4, 0.9, 2, 7.7, 50, 2000])]

const cases = ARGUMENTS.flatMap((z) =>
  [...CHANGES, -z, -2 * z, -0.999 * z, -1.001 * z].map((d) => ({ z: Math.fround(z), d: Math.fround(d) })),
)

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

describe.each(ACTIVATION_NAMES)('%s in WGSL', (name) => {
  const activation = findActivation(name)

  it('has the secant slope that its definition gives, and the kinks that the host counts', async () => {
    const input = cases.flatMap(({ z, d }) => [z, activation.tail(z), d])
    const constants = { ACTIVATION: activation.code }
    const output = await runProbe(gpu.device, probe, constants, Float32Array.from(input), cases.length, 2)
    const slopes = cases.map(({ z, d }, k) => {
      const reference = referenceSlope(name, z, d)
      return {
        at: `z = ${z}, d = ${d}`,
        value: output[2 * k],
        reference,
        allowed: allowedError(name, z, d, reference, UNIT_ROUNDOFF),
      }
    })
    expectNear(slopes, FLUSHED)
    expect(cases.map((_, k) => output[2 * k + 1] === 1)).toEqual(
      cases.map(({ z, d }) => activation.hasKink && crossesKink(z, d)),
    )
  })
})
