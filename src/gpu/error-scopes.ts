import { GradcheckError } from '../errors.js'

const FILTERS: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']

/**
 * Runs GPU calls so that none of their errors is lost: validation, out of memory and internal ones are caught in
 * error scopes.
 * @returns what `call` returns, and a promise that rejects with a `GradcheckError` (`internal`, the GPU's error
 * as its cause) when a scope caught one
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
  const checked = Promise.all(pop()).then((errors) => {
    const error = errors.find((candidate) => candidate !== null)
    if (error) throw new GradcheckError('internal', `${what}: ${error.message}`, { cause: error })
  })
  return { value, checked }
}
