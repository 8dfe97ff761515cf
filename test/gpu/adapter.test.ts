import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDevice, surveyDevices } from '../../src/differentiate/node/open-device.js'
import { GradcheckError } from '../../src/errors.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { kindOf } from '../../src/gpu/device.js'
import { withErrorScopes } from '../../src/gpu/error-scopes.js'
import { openGpuDevice } from '../../src/gpu/node/open-adapter.js'
import { Pipelines } from '../../src/gpu/pipelines.js'

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

async function failureOf(promise: Promise<unknown>): Promise<GradcheckError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(GradcheckError)
  return error as GradcheckError
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
    const error = await failureOf(openDevice('sofware' as 'software'))
    expect(error.code).toBe('unknown-name')
    expect(error.message).toBe('unknown device "sofware"; did you mean "software"?')
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

describe('errors of a device', () => {
  let gpu: GpuDevice
  beforeAll(async () => {
    gpu = await openGpuDevice('software')
  })
  afterAll(() => gpu?.dispose())

  it('are caught in the scopes around the call that made them', async () => {
    const { checked } = withErrorScopes(gpu.device, 'a bad buffer', () =>
      gpu.device.createBuffer({
        label: 'bad',
        size: 16,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE,
      }),
    )
    const error = await failureOf(checked)
    expect(error.code).toBe('internal')
    expect(error.message).toMatch(/^a bad buffer: .*usage/is)
    expect(error.cause).toBeTruthy()
  })

  it('are none for a call that is right, whose value is passed on', async () => {
    const { value, checked } = withErrorScopes(gpu.device, 'a buffer', () =>
      gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE }),
    )
    await checked
    expect(value.size).toBe(16)
  })

  it('do not hide what the host throws, and leave no scope open', async () => {
    expect(() =>
      withErrorScopes(gpu.device, 'a host error', () => {
        throw new RangeError('host')
      }),
    ).toThrow(new RangeError('host'))
    // every scope was popped: there is none left
    await expect(gpu.device.popErrorScope()).rejects.toThrow()
  })

  it('in a shader are given with the line that does not compile', async () => {
    const code = '@compute @workgroup_size(1)\nfn main() {\n  let x: f32 = 1u;\n}\n'
    const error = await failureOf(new Pipelines(gpu.device).get('broken', code, 'main', {}))
    expect(error.code).toBe('internal')
    expect(error.message).toMatch(
      /^the shader broken does not compile:\nbroken:3:\d+: .+\n {6}let x: f32 = 1u;/,
    )
  })

  it('in a pipeline name it', async () => {
    const code = 'override SIZE: u32;\n@compute @workgroup_size(SIZE)\nfn main() {}\n'
    const pipelines = new Pipelines(gpu.device)
    const error = await failureOf(pipelines.get('too large', code, 'main', { SIZE: 100_000 }))
    expect(error.code).toBe('internal')
    expect(error.message).toMatch(/^the pipeline too large could not be made: ./)
    const missing = await failureOf(pipelines.get('other', code, 'absent', { SIZE: 1 }))
    expect(missing.message).toMatch(/^the pipeline other could not be made: ./)
  })

  it('are none for pipelines asked for twice, which are made once', async () => {
    const code = 'override SIZE: u32;\n@compute @workgroup_size(SIZE)\nfn main() {}\n'
    const pipelines = new Pipelines(gpu.device)
    const [first, again, other] = await Promise.all([
      pipelines.get('one', code, 'main', { SIZE: 1 }),
      pipelines.get('one', code, 'main', { SIZE: 1 }),
      pipelines.get('one', code, 'main', { SIZE: 2 }),
    ])
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  it('say why the device was lost', async () => {
    const own = await openGpuDevice('software')
    expect(own.lost.reason).toBeUndefined()
    own.device.destroy()
    await own.device.lost
    expect(own.lost.reason).toBeTruthy()
    own.dispose()
  })
})
