import { cpus } from 'node:os'
import { DEVICE_NAMES, type DeviceChoice } from '../../differentiate/node/open-device.js'
import { GradcheckError } from '../../errors.js'
import { openGpuDevice } from '../../gpu/node/open-adapter.js'
import { suggestName } from '../../suggest.js'
import { createCpuFunctionEvaluator, type FunctionEvaluator } from '../function-evaluator.js'
import { createWebgpuFunctionEvaluator } from '../webgpu/evaluator.js'

/** A device for formulas. Whoever opened it closes it, by `close` or `await using`. */
export interface OpenedFunctionDevice extends AsyncDisposable {
  readonly kind: 'hardware' | 'software' | 'cpu'
  /** The adapter's or processor's name. */
  readonly name: string
  /** Why it was chosen. */
  readonly reason: string
  readonly evaluator: FunctionEvaluator
  close(): Promise<void>
}

/**
 * Opens a device for formulas.
 * @throws GradcheckError `device-unavailable` when the one asked for is not there, `unknown-name`
 */
export async function openFunctionDevice(choice: DeviceChoice): Promise<OpenedFunctionDevice> {
  switch (choice) {
    case 'cpu':
      return openProcessor('it was asked for')
    case 'gpu':
      return await openAdapter('hardware', 'it was asked for')
    case 'software':
      return await openAdapter('software', 'it was asked for')
    case 'auto':
      try {
        return await openAdapter('hardware', 'a hardware adapter was found')
      } catch (error) {
        if (!(error instanceof GradcheckError) || error.code !== 'device-unavailable') throw error
        return openProcessor(error.message)
      }
    default:
      throw new GradcheckError(
        'unknown-name',
        `unknown device "${choice}"${suggestName(String(choice), DEVICE_NAMES)}`,
        { fix: `use one of ${DEVICE_NAMES.join(', ')}` },
      )
  }
}

function openProcessor(reason: string): OpenedFunctionDevice {
  const name = cpus()[0]?.model.trim() || 'processor'
  const close = async () => undefined
  const evaluator = createCpuFunctionEvaluator(name)
  return { kind: 'cpu', name, reason, evaluator, close, [Symbol.asyncDispose]: close }
}

async function openAdapter(kind: 'hardware' | 'software', reason: string): Promise<OpenedFunctionDevice> {
  const evaluator = await createWebgpuFunctionEvaluator(() => openGpuDevice(kind))
  const close = async () => evaluator.dispose()
  return { kind, name: evaluator.adapter, reason, evaluator, close, [Symbol.asyncDispose]: close }
}
