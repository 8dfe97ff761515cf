import { cpus } from 'node:os'
import { GradcheckError } from '../../errors.js'
import { requireOneOf } from '../../requirements.js'
import type { AdapterKind } from '../device.js'

/**
 * Where to evaluate: `gpu` a hardware adapter, `software` a WebGPU adapter on the processor (to test shaders),
 * `cpu` float64 on the processor, `auto` a hardware adapter where there is one and else `cpu`.
 */
export type DeviceChoice = 'auto' | 'gpu' | 'software' | 'cpu'

const DEVICE_NAMES: readonly DeviceChoice[] = ['auto', 'gpu', 'software', 'cpu']

/** How each kind of device is opened, and told why it was chosen. */
export interface DeviceOpeners<Device> {
  adapter(kind: AdapterKind, reason: string): Promise<Device>
  processor(reason: string): Device
}

/**
 * Opens the device that was chosen.
 * @throws GradcheckError `device-unavailable` when the one asked for is not there, `unknown-name`
 */
export async function openChosenDevice<Device>(
  choice: DeviceChoice,
  { adapter, processor }: DeviceOpeners<Device>,
): Promise<Device> {
  requireOneOf('device', choice, DEVICE_NAMES)
  switch (choice) {
    case 'cpu':
      return processor('it was asked for')
    case 'gpu':
      return await adapter('hardware', 'it was asked for')
    case 'software':
      return await adapter('software', 'it was asked for')
    case 'auto':
      try {
        return await adapter('hardware', 'a hardware adapter was found')
      } catch (error) {
        if (!(error instanceof GradcheckError) || error.code !== 'device-unavailable') throw error
        return processor(error.message)
      }
  }
}

export function processorName(): string {
  return cpus()[0]?.model.trim() || 'processor'
}
