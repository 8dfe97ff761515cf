import { expect, it } from 'vitest'
import { openGpuDevice } from '../support/gpu-device.js'

it("the browser's software adapter is SwiftShader", async () => {
  const gpu = await openGpuDevice('software')
  try {
    const { vendor, architecture } = gpu.device.adapterInfo
    expect({ vendor, architecture }).toEqual({ vendor: 'google', architecture: 'swiftshader' })
    expect(gpu.kind).toBe('software')
    expect(gpu.name).toMatch(/swiftshader/i)
  } finally {
    gpu.dispose()
  }
})
