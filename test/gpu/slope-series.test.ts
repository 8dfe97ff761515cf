import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatOf } from '../../src/differentiate/webgpu/reals.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { ACTIVATION_NAMES, findActivation, SLOPE_SERIES_REACH } from '../../src/network/activations.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { PRECISIONS_UNDER_TEST } from '../support/precisions.js'
import { runProbe } from '../support/probe.js'
import { allowedError, expectNear, referenceSlope } from '../support/reference.js'
import probe from './series-probe.wesl'
import extendedProbe from './series-probe.wesl?extended'

const PROBES = { single: probe, extended: extendedProbe }
/** `SERIES_REACH` of shaders/real.wesl and shaders/extended/real.wesl */
const REACH = { single: 2 ** -7, extended: 2 ** -11 }
const WITH_SERIES = ACTIVATION_NAMES.filter((name) => findActivation(name).slopeSeries !== undefined)

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
const ARGUMENTS = [0, ...bothSigns([1e-8, 0.1, 0.5, 0.66, 1, 1.3, 3, 6, 15, 30])]
const PARTS = [0, ...bothSigns([1e-20, 1e-6, 0.01, 0.3, 1])]
const casesUpTo = (reach: number) => ARGUMENTS.flatMap((z) => PARTS.map((part) => ({ z, d: part * reach })))

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

it('sigmoid, tanh and softplus have a slope series', () => {
  expect(WITH_SERIES).toEqual(['sigmoid', 'tanh', 'softplus'])
})

describe.each(WITH_SERIES)("%s's slope series", (name) => {
  const activation = findActivation(name)

  it('gives the secant slope up to its reach in float64', () => {
    const coefficients = new Float64Array(4)
    expectNear(
      casesUpTo(SLOPE_SERIES_REACH).map(({ z, d }) => {
        activation.slopeSeries!(z, activation.tail(z), coefficients)
        const [c0, c1, c2, c3] = coefficients
        const reference = referenceSlope(name, z, d)
        const allowed = allowedError(name, z, d, reference, 2 ** -53)
        return { at: `z = ${z}, d = ${d}`, value: c0 + d * (c1 + d * (c2 + d * c3)), reference, allowed }
      }),
      1e-300,
    )
  })

  it.each(PRECISIONS_UNDER_TEST)(
    'gives the secant slope up to its reach in WGSL, $precision',
    async (under) => {
      const { precision, unitRoundoff, flushed, round } = under
      const cases = casesUpTo(REACH[precision]).map(({ z, d }) => ({ z: round(z), d: round(d) }))
      const input = under.encode(cases.flatMap(({ z, d }) => [z, activation.tail(z), d]))
      const { parts } = formatOf(precision)
      const constants = { ACTIVATION: activation.code }
      const words = await runProbe(gpu.device, PROBES[precision], constants, input, cases.length, parts)
      const output = under.decode(words)
      expectNear(
        cases.map(({ z, d }, k) => {
          const reference = referenceSlope(name, z, d)
          const allowed = allowedError(name, z, d, reference, unitRoundoff)
          return { at: `z = ${z}, d = ${d}`, value: output[k], reference, allowed }
        }),
        flushed,
      )
    },
  )
})
