import { GradcheckError } from '../../errors.js'

/**
 * Loads Dawn and makes its `GPU` object. The object must be kept as long as anything made from it lives: once it
 * is collected the process aborts.
 * @throws GradcheckError `device-unavailable` where Dawn has no binary for this system
 */
export async function createGpu(): Promise<GPU> {
  let dawn: typeof import('webgpu')
  try {
    dawn = await import('webgpu')
  } catch (cause) {
    throw new GradcheckError(
      'device-unavailable',
      `Dawn (npm package webgpu) could not be loaded on ${process.platform} ${process.arch}`,
      { cause, fix: 'check on the processor (device cpu)' },
    )
  }
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true })
  }
  return dawn.create([])
}
