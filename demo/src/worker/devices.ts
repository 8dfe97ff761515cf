import {
  createBrowserEvaluator,
  createCpuEvaluator,
  type Evaluator,
  type GpuPrecision,
  GradcheckError,
  useWebWorkers,
  type WebgpuEvaluator,
} from 'webgpu-gradcheck'
import type { AdapterKind } from '../../../src/gpu/device.js'
import type { DeviceChoice, DeviceSurvey } from './protocol.js'

/** The evaluators of this worker, opened when they are first wanted and kept for the next check. */
export class Devices {
  readonly #open = new Map<string, Promise<WebgpuEvaluator>>()

  /** What there is to compute on. */
  async survey(): Promise<DeviceSurvey> {
    const cores = navigator.hardwareConcurrency || 1
    const [hardware, software] = await Promise.allSettled([this.#gpu('hardware'), this.#gpu('software')])
    return {
      cores,
      ...(hardware.status === 'fulfilled'
        ? { gpu: hardware.value.adapter }
        : { reason: (hardware.reason as Error).message }),
      ...(software.status === 'fulfilled' ? { software: software.value.adapter } : {}),
    }
  }

  /**
   * The evaluator for a choice; `auto` takes the graphics processor where there is one.
   * @throws GradcheckError `device-unavailable`
   */
  async choose(choice: DeviceChoice, precision: GpuPrecision = 'single'): Promise<Evaluator> {
    if (choice === 'cpu') return openProcessor()
    if (choice !== 'auto') return await this.#gpu(choice === 'gpu' ? 'hardware' : 'software', precision)
    try {
      return await this.#gpu('hardware', precision)
    } catch (error) {
      if (error instanceof GradcheckError && error.code === 'device-unavailable') return openProcessor()
      throw error
    }
  }

  /** Gives an evaluator's device up, so that the next check opens another. */
  async discard(choice: DeviceChoice, precision: GpuPrecision): Promise<void> {
    const key = keyOf(choice === 'software' ? 'software' : 'hardware', precision)
    const open = this.#open.get(key)
    this.#open.delete(key)
    const [outcome] = await Promise.allSettled([open])
    if (outcome.status === 'fulfilled') outcome.value?.dispose()
  }

  #gpu(kind: AdapterKind, precision: GpuPrecision = 'single'): Promise<WebgpuEvaluator> {
    const key = keyOf(kind, precision)
    const open = this.#open.get(key) ?? createBrowserEvaluator(undefined, kind, { precision })
    this.#open.set(key, open)
    // an adapter that is not there now may be there at the next try
    open.catch(() => this.#open.delete(key))
    return open
  }
}

const keyOf = (kind: AdapterKind, precision: GpuPrecision) => `${kind} ${precision}`

function openProcessor(): Evaluator {
  const cores = navigator.hardwareConcurrency || 1
  return createCpuEvaluator(
    `this computer’s processor, ${cores} ${cores === 1 ? 'core' : 'cores'}`,
    useWebWorkers(),
  )
}
