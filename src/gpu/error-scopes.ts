import { GradcheckError } from '../errors.js'

/** Something did not fit into the device's memory; less may. */
export class OutOfDeviceMemory extends Error {}

const FILTERS: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']

/**
 * Runs GPU calls so that none of their errors is lost: validation, out of memory and internal ones are caught in
 * error scopes.
 * @returns what `call` returns, and a promise that rejects when a scope caught an error: with `OutOfDeviceMemory`,
 * or with a `GradcheckError` (`internal`) whose cause is the GPU's error
 */
export function withErrorScopes<T>(
  device: GPUDevice,
  what: string,
  call: () => T,
): { value: T; checked: Promise<void> } {
  for (const filter of FILTERS) device.pushErrorScope(filter)
  const pop = () => FILTERS.map(() => device.popErrorScope())
  let value: T
  try {
    value = call()
  } catch (error) {
    for (const popped of pop()) popped.catch(() => undefined)
    throw error
  }
  const checked = readErrors(pop(), what)
  return { value, checked }
}

async function readErrors(popped: readonly Promise<GPUError | null>[], what: string): Promise<void> {
  let errors: (GPUError | null)[]
  try {
    errors = await Promise.all(popped)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new GradcheckError('internal', `${what}: the device does not tell its errors: ${reason}`, { cause })
  }
  const error = errors.find((candidate) => candidate !== null)
  if (error instanceof GPUOutOfMemoryError) throw new OutOfDeviceMemory(`${what}: ${error.message}`)
  if (error) throw new GradcheckError('internal', `${what}: ${error.message}`, { cause: error })
}
