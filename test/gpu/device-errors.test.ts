import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { GradcheckError } from '../../src/errors.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { withErrorScopes } from '../../src/gpu/error-scopes.js'
import { Pipelines } from '../../src/gpu/pipelines.js'
import { openGpuDevice } from '../support/gpu-device.js'

async function failureOf(promise: Promise<unknown>): Promise<GradcheckError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(GradcheckError)
  return error as GradcheckError
}

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

  it('in a shader are no unhandled rejection, however late the compiler tells of them', async () => {
    const create = gpu.device.createShaderModule.bind(gpu.device)
    vi.spyOn(gpu.device, 'createShaderModule').mockImplementationOnce((descriptor) => {
      const module = create(descriptor)
      const getInfo = module.getCompilationInfo.bind(module)
      module.getCompilationInfo = async () => {
        // pops scopes after those around the call: their errors are known by then
        gpu.device.pushErrorScope('validation')
        await gpu.device.popErrorScope()
        await new Promise((resolve) => setTimeout(resolve))
        return await getInfo()
      }
      return module
    })
    const error = await failureOf(new Pipelines(gpu.device).get('late', 'broken', 'main', {}))
    expect(error.message).toMatch(/^the shader late does not compile:\nlate:1:/)
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
