import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatOf } from '../../src/differentiate/webgpu/reals.js'
import { activationConstants } from '../../src/differentiate/webgpu/stages.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { crossesKink, findActivation } from '../../src/network/activations.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { howMany, spread } from '../support/how-many.js'
import { PRECISIONS_UNDER_TEST } from '../support/precisions.js'
import { runProbe } from '../support/probe.js'
import { ACTIVATIONS_UNDER_TEST } from '../support/random-network.js'
import { allowedError, expectNear, referenceSlope } from '../support/reference.js'
import probe from './activation-probe.wesl'
import extendedProbe from './activation-probe.wesl?extended'

const PROBES = { single: probe, extended: extendedProbe }

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
// silu and gelu have their minima at −1.28 and −0.7518; tails underflow beyond 13, 44 and 87
const ARGUMENTS = [0, ...bothSigns([1e-8, 0.1, 0.7518, 1.28, 3, 6, 8.3, 11.9, 30, 80, 100, 1e5])]
const CHANGES = [0, ...bothSigns([1e-8, 1e-5, 1e-3, 0.1, 0.4, 0.9, 2, 7.7, 50, 2000])]

const casesFrom = (small: number) =>
  ARGUMENTS.flatMap((z) =>
    [...CHANGES, small, -small, -z, -2 * z, -0.999 * z, -1.001 * z].map((d) => ({ z, d })),
  )

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

const ALL = PRECISIONS_UNDER_TEST.flatMap((under) =>
  ACTIVATIONS_UNDER_TEST.map((name) => ({ ...under, name })),
)
const SUITES = spread(ALL, howMany(16, ALL.length))

describe.each(SUITES)('$name in WGSL, $precision precision,', (under) => {
  const { name, precision, unitRoundoff, flushed, round } = under
  const activation = findActivation(name)
  const cases = casesFrom(under.small).map(({ z, d }) => ({ z: round(z), d: round(d) }))

  it('has the secant slope that its definition gives, and the kinks that the host counts', async () => {
    const input = cases.flatMap(({ z, d }) => [z, activation.tail(z), d])
    const constants = activationConstants(activation)
    const words = under.encode(input)
    const { parts } = formatOf(precision)
    const output = under.decode(
      await runProbe(gpu.device, PROBES[precision], constants, words, cases.length, 2 * parts),
    )
    const slopes = cases.map(({ z, d }, k) => {
      const reference = referenceSlope(name, z, d)
      return {
        at: `z = ${z}, d = ${d}`,
        value: output[2 * k],
        reference,
        allowed: allowedError(name, z, d, reference, unitRoundoff),
      }
    })
    expectNear(slopes, flushed)
    expect(cases.map((_, k) => output[2 * k + 1] === 1)).toEqual(
      cases.map(({ z, d }) => activation.hasKink && crossesKink(z, d)),
    )
  })
})
