import { GradcheckError } from '../errors.js'
import type { GpuDevice } from './device.js'
import { Pipelines } from './pipelines.js'

/** How long after the work it ended a loss may be told. */
const LOSS_MILLISECONDS = 200

/** A device and the pipelines made on it. */
export interface DeviceSession {
  readonly gpu: GpuDevice
  readonly pipelines: Pipelines
}

/**
 * A device that is replaced when it is lost, until it is closed. Several checks may run on it at once: the first that
 * meets a loss replaces it, and the others go on with the new one.
 */
export class ReplaceableDevice {
  readonly #open: () => Promise<GpuDevice>
  #session: DeviceSession
  #replacement: Promise<void> | undefined
  #isClosed = false
  #replacements = 0
  #shortages = 0

  private constructor(open: () => Promise<GpuDevice>, gpu: GpuDevice) {
    this.#open = open
    this.#session = { gpu, pipelines: new Pipelines(gpu.device) }
  }

  /** @param open opens a device anew; called once at first and once for each loss */
  static async open(open: () => Promise<GpuDevice>): Promise<ReplaceableDevice> {
    return new ReplaceableDevice(open, await open())
  }

  /** The device as it is now; closed ones included, for their names. */
  get gpu(): GpuDevice {
    return this.#session.gpu
  }

  /** By how much batches are to be smaller than they might be: twice for each loss, and each shortage of memory. */
  get shrink(): number {
    return 2 ** (this.#replacements + this.#shortages)
  }

  /** Says that memory ran out. */
  noteShortage(): void {
    this.#shortages++
  }

  /** @throws GradcheckError `bad-usage` once it is closed */
  get session(): DeviceSession {
    this.requireOpen()
    return this.#session
  }

  /** @throws GradcheckError `bad-usage` once it is closed */
  requireOpen(): void {
    if (this.#isClosed) throw closedError(this.gpu.name)
  }

  /** Opens another device in place of a session's, unless that was done already. */
  async replace(session: DeviceSession): Promise<void> {
    this.requireOpen()
    if (session !== this.#session) return
    this.#replacement ??= this.#openAnother().finally(() => {
      this.#replacement = undefined
    })
    await this.#replacement
  }

  async #openAnother(): Promise<void> {
    this.gpu.dispose()
    const gpu = await this.#open()
    if (this.#isClosed) {
      gpu.dispose()
      throw closedError(gpu.name)
    }
    this.#session = { gpu, pipelines: new Pipelines(gpu.device) }
    this.#replacements++
  }

  /** Gives the device back; what runs on it ends with an error. */
  dispose(): void {
    this.#isClosed = true
    this.gpu.dispose()
  }
}

/** What an evaluator says that is used after it was closed. */
export function closedError(name: string): GradcheckError {
  return new GradcheckError('bad-usage', `the evaluator on ${name} is closed`, {
    fix: 'close a device after the last check that runs on it, or open another one',
  })
}

/** Whether a device was lost; waits a moment, as a loss may be told after what it ended. */
export async function isLost({ device, lost }: GpuDevice): Promise<boolean> {
  if (lost.reason === undefined) {
    await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, LOSS_MILLISECONDS))])
  }
  return lost.reason !== undefined
}
