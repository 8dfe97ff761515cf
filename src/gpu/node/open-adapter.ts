import { GradcheckError } from '../../errors.js'
import { type AdapterKind, type GpuDevice, openDevice, requestAdapter } from '../device.js'
import { createGpu } from './dawn.js'
import { useSoftwareDriver } from './software-driver.js'
import { hasSystemLoader } from './vulkan.js'

/** Dawn's object while devices made from it live. */
const alive = new Set<GPU>()

/** An adapter that has not been used yet, or why there is none. */
export type FoundAdapter =
  | { readonly adapter: GPUAdapter; readonly gpu: GPU }
  | { readonly adapter: undefined; readonly reason: string; readonly fix: string }

/**
 * Looks for an adapter of a kind.
 * @throws nothing: what stands in the way is the `reason`
 */
export async function findAdapter(kind: AdapterKind): Promise<FoundAdapter> {
  if (kind === 'software') return await findSoftwareAdapter()
  if (!hasSystemLoader()) {
    return {
      adapter: undefined,
      reason: "Vulkan's loader (libvulkan.so.1) is not installed",
      fix: 'install the graphics driver and the package libvulkan1 (Debian, Ubuntu) or vulkan-loader (Fedora)',
    }
  }
  return await findWithDawn('hardware', {
    reason: 'Dawn found no graphics processor with a driver it accepts',
    fix: 'install the graphics driver; on Linux it must support Vulkan 1.1',
  })
}

async function findSoftwareAdapter(): Promise<FoundAdapter> {
  let restore: () => void
  try {
    restore = await useSoftwareDriver()
  } catch (error) {
    if (!(error instanceof GradcheckError)) throw error
    return { adapter: undefined, reason: error.message, fix: error.fix ?? '' }
  }
  try {
    return await findWithDawn('software', {
      reason: 'the software Vulkan driver gave no adapter that Dawn accepts',
      fix: 'unset VK_DRIVER_FILES and VK_ICD_FILENAMES to use SwiftShader',
    })
  } finally {
    restore()
  }
}

async function findWithDawn(
  kind: AdapterKind,
  missing: { reason: string; fix: string },
): Promise<FoundAdapter> {
  try {
    const gpu = await createGpu()
    const adapter = await requestAdapter(gpu, kind)
    return adapter === undefined ? { adapter: undefined, ...missing } : { adapter, gpu }
  } catch (error) {
    if (!(error instanceof GradcheckError)) throw error
    return { adapter: undefined, reason: error.message, fix: error.fix ?? missing.fix }
  }
}

/**
 * Opens a device of an adapter of a kind; its `dispose` lets the process end.
 * @throws GradcheckError `device-unavailable` with the reason there is none
 */
export async function openGpuDevice(kind: AdapterKind): Promise<GpuDevice> {
  const found = await findAdapter(kind)
  if (found.adapter === undefined) {
    throw new GradcheckError('device-unavailable', `there is no ${kind} adapter: ${found.reason}`, {
      fix: found.fix,
    })
  }
  const { gpu, adapter } = found
  const device = await openDevice(adapter)
  alive.add(gpu)
  return {
    ...device,
    dispose() {
      device.dispose()
      alive.delete(gpu)
    },
  }
}
