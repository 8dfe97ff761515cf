import { ACTIVATION_NAMES, type ActivationName } from 'webgpu-gradcheck'
import { parseWidths } from '../../../src/bench/random-problem.js'
import type { DeviceChoice } from '../worker/protocol.js'

export type BenchDevice = Exclude<DeviceChoice, 'auto'>

export const BENCH_DEVICES: readonly BenchDevice[] = ['gpu', 'software', 'cpu']

/** What the speed view measures. */
export interface SpeedState {
  /** Widths as they are typed: 784-256-128-10. */
  network: string
  activation: ActivationName
  samples: number
  /** Seconds that a device may take. */
  seconds: number
  /** Left out: every device that is there, but no software adapter. */
  devices: readonly BenchDevice[] | undefined
}

function createSpeedState(): SpeedState {
  return { network: '784-128-64-10', activation: 'relu', samples: 32, seconds: 2, devices: undefined }
}

export function parseSpeedState(fields: ReadonlyMap<string, string>): SpeedState {
  const state = createSpeedState()
  const number = (name: string, most: number) => {
    const value = Number(fields.get(name))
    return Number.isInteger(value) && value >= 1 && value <= most ? value : undefined
  }
  const network = fields.get('network')
  if (network !== undefined && isNetwork(network)) state.network = network
  state.activation = ACTIVATION_NAMES.find((name) => name === fields.get('activation')) ?? state.activation
  state.samples = number('samples', 10_000) ?? state.samples
  state.seconds = number('seconds', 60) ?? state.seconds
  const devices = fields.get('devices')?.split(',')
  if (devices !== undefined) state.devices = BENCH_DEVICES.filter((device) => devices.includes(device))
  return state
}

export function formatSpeedState(state: SpeedState): Record<string, string | undefined> {
  const initial = createSpeedState()
  const changed = (name: 'network' | 'activation' | 'samples' | 'seconds') =>
    state[name] === initial[name] ? undefined : String(state[name])
  return {
    network: changed('network'),
    activation: changed('activation'),
    samples: changed('samples'),
    seconds: changed('seconds'),
    devices: state.devices?.join(','),
  }
}

/** Whether a text is widths that a page can hold. */
export function isNetwork(text: string): boolean {
  try {
    const widths = parseWidths(text)
    return widths.every((width) => width <= 8192)
  } catch {
    // what makes no network is shown as such at the field
    return false
  }
}
