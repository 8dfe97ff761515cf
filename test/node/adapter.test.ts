import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openDevice, surveyDevices } from '../../src/differentiate/node/open-device.js'
import { GradcheckError } from '../../src/errors.js'
import { kindOf } from '../../src/gpu/device.js'

const DRIVERS = {
  VK_DRIVER_FILES: process.env.VK_DRIVER_FILES,
  VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES,
}

/** What the adapter is called of the driver that the environment names; SwiftShader comes from npm where it names none. */
function expectedName(): RegExp {
  const named = DRIVERS.VK_DRIVER_FILES || DRIVERS.VK_ICD_FILENAMES
  if (!named) return /swiftshader/i
  const library = (JSON.parse(readFileSync(named, 'utf8')) as { ICD: { library_path: string } }).ICD
    .library_path
  const known = [/swiftshader/i, /lvp|llvmpipe/i].find((driver) => driver.test(library))
  if (known === undefined) throw new Error(`${named} names a driver that these tests do not know: ${library}`)
  return known
}

describe('the software adapter', () => {
  it('is found and named, wherever these tests run', async () => {
    await using opened = await openDevice('software')
    expect(opened.kind).toBe('software')
    expect(opened.name).toMatch(expectedName())
    expect(opened.evaluator).toMatchObject({
      name: 'webgpu',
      precision: 'single',
      software: true,
      adapter: opened.name,
    })
  })

  it('leaves the environment as it was', async () => {
    await using _opened = await openDevice('software')
    expect(process.env.VK_DRIVER_FILES).toBe(DRIVERS.VK_DRIVER_FILES)
    expect(process.env.VK_ICD_FILENAMES).toBe(DRIVERS.VK_ICD_FILENAMES)
  })

  it('can be opened more than once at a time', async () => {
    await using first = await openDevice('software')
    await using second = await openDevice('software')
    expect(second.name).toBe(first.name)
  })

  it('is in the survey with its limits', async () => {
    const { adapters, auto, processor } = await surveyDevices()
    const software = adapters.find(({ kind }) => kind === 'software')
    expect(software?.limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256)
    expect(software?.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8)
    expect(processor.cores).toBeGreaterThanOrEqual(1)
    expect(auto.kind).toBe(adapters.some(({ kind }) => kind === 'hardware') ? 'hardware' : 'cpu')
  })
})

describe('other devices', () => {
  it('gpu is a hardware adapter, or not available with a reason and a fix', async () => {
    const opened = await openDevice('gpu').catch((error: unknown) => error)
    if (opened instanceof Error) {
      expect(opened).toBeInstanceOf(GradcheckError)
      expect(opened).toMatchObject({ code: 'device-unavailable', message: /there is no hardware adapter: ./ })
      expect((opened as GradcheckError).fix).toBeTruthy()
      return
    }
    await using device = opened as Awaited<ReturnType<typeof openDevice>>
    expect(device).toMatchObject({ kind: 'hardware' })
    expect(device.evaluator.software).toBe(false)
  })

  it('auto is never a software adapter', async () => {
    await using opened = await openDevice('auto')
    expect(['hardware', 'cpu']).toContain(opened.kind)
    expect(opened.evaluator.software).toBe(false)
    expect(opened.reason).toBeTruthy()
  })

  it('cpu is float64', async () => {
    await using opened = await openDevice('cpu')
    expect(opened).toMatchObject({
      kind: 'cpu',
      evaluator: { name: 'cpu', precision: 'double', software: false },
    })
    expect(opened.name).toBeTruthy()
  })

  it('an unknown one is refused with the nearest name', async () => {
    await expect(openDevice('sofware' as 'software')).rejects.toMatchObject({
      code: 'unknown-name',
      message: 'unknown device "sofware"; did you mean "software"?',
    })
  })
})

describe('kindOf', () => {
  const info = (names: Partial<GPUAdapterInfo>) =>
    kindOf({
      vendor: '',
      architecture: '',
      device: '',
      description: '',
      isFallbackAdapter: false,
      ...names,
    } as GPUAdapterInfo)

  it.each([
    [{ vendor: 'google', architecture: 'swiftshader', isFallbackAdapter: true }, 'software'],
    [{ description: 'llvmpipe (LLVM 15.0.6, 256 bits)' }, 'software'],
    [{ description: 'Microsoft Basic Render Driver' }, 'software'],
    [{ vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H100 80GB HBM3' }, 'hardware'],
    [{ vendor: 'apple', architecture: 'metal-3' }, 'hardware'],
    [{ vendor: 'amd', description: 'AMD Radeon RX 7900 XTX (RADV NAVI31)' }, 'hardware'],
  ] as const)('%o is %s', (names, kind) => {
    expect(info(names)).toBe(kind)
  })
})
