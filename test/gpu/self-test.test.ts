import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import selfTest from '../../shaders/extended/self_test.wesl?extended'
import reassociated from '../../shaders/extended/self_test.wesl?extended&reassociated'
import unguarded from '../../shaders/extended/self_test.wesl?extended&unguarded'
import {
  requireExtendedArithmetic,
  testExtendedArithmetic,
  testSingleArithmetic,
} from '../../src/differentiate/webgpu/self-test.js'
import { GradcheckError } from '../../src/errors.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { openGpuDevice } from '../support/gpu-device.js'

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

describe("extended precision's self-test", () => {
  it('passes on this device', async () => {
    expect(await testExtendedArithmetic(gpu.device)).toEqual({ exact: true, lost: [] })
    await requireExtendedArithmetic(gpu)
  })

  it('refuses a compiler that loses residuals, naming the device, what is lost and a way out', async () => {
    const refused = await requireExtendedArithmetic(gpu, reassociated).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(GradcheckError)
    const { code, message, fix } = refused as GradcheckError
    expect(code).toBe('device-unavailable')
    expect(message).toContain(`${gpu.name} cannot be used in extended precision`)
    expect(message).toMatch(/loses the residuals of sums, .*the residuals of products, sums, .*products/)
    expect(fix).toBe('use single precision, or the processor (device cpu) for float64')
  })

  it('sees what becomes of the kernels without barriers: llvmpipe reassociates, SwiftShader does not', async () => {
    const { exact, lost } = await testExtendedArithmetic(gpu.device, unguarded)
    const reassociates = /llvmpipe/i.test(gpu.name)
    expect(exact).toBe(!reassociates)
    expect(lost.includes('the residuals of sums')).toBe(reassociates)
  })

  it.each([
    ['an addition', 'add', 'sums'],
    ['a product', 'multiply', 'products'],
    ['a quotient', 'divide', 'quotients'],
    ['an addition of four', 'add4', 'sums of four'],
    ['a product of four', 'multiply4', 'products of four'],
    ['a sum of products', 'multiplyAdd4', 'sums of products'],
  ])('notices %s that loses its low part', async (_, name, lost) => {
    // the function's result, its low part gone
    const start = selfTest.indexOf(`fn ${name}(`)
    const end = selfTest.indexOf('\n}', start)
    const body = selfTest.slice(start, end)
    const broken = body.replace(/return ([^;]+);\s*$/, (_match, result: string) => {
      const type = name.endsWith('4') ? 'Pair4' : 'Pair'
      return `let kept = ${result};\n  return ${type}(kept.high, kept.low - kept.low);`
    })
    expect(broken).not.toBe(body)
    const shader = selfTest.slice(0, start) + broken + selfTest.slice(end)
    expect((await testExtendedArithmetic(gpu.device, shader)).lost).toContain(lost)
  })
})

it("single precision's elementary functions are as expected on this device", async () => {
  const { asExpected, ulps, subnormals } = await testSingleArithmetic(gpu.device)
  expect(asExpected).toBe(true)
  expect(ulps).toBeGreaterThan(0)
  expect(ulps).toBeLessThanOrEqual(4)
  expect(['kept', 'flushed']).toContain(subnormals)
})
