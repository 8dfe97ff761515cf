import type { AdapterKind } from '../../gpu/device.js'
import {
  type DeviceChoice,
  makeClosable,
  openChosenDevice,
  processorName,
} from '../../gpu/node/choose-device.js'
import { openGpuDevice } from '../../gpu/node/open-adapter.js'
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
  return await openChosenDevice<OpenedFunctionDevice>(choice, {
    adapter: openAdapter,
    processor: openProcessor,
  })
}

function openProcessor(reason: string): OpenedFunctionDevice {
  const name = processorName()
  const { evaluator, close } = makeClosable(createCpuFunctionEvaluator(name))
  return { kind: 'cpu', name, reason, evaluator, close, [Symbol.asyncDispose]: close }
}

async function openAdapter(kind: AdapterKind, reason: string): Promise<OpenedFunctionDevice> {
  const evaluator = await createWebgpuFunctionEvaluator(() => openGpuDevice(kind))
  const close = async () => evaluator.dispose()
  return { kind, name: evaluator.adapter, reason, evaluator, close, [Symbol.asyncDispose]: close }
}
