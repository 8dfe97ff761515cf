import { GradcheckError } from '../errors.js'
import { OutOfDeviceMemory } from './error-scopes.js'
import { type DeviceSession, isLost, type ReplaceableDevice } from './replaceable-device.js'
import { UnverifiedResults } from './unverified-results.js'

/** How often a lost device is replaced, or memory runs out, before the check gives up. */
const MOST_LOSSES = 4
/** How long work may go on after its signal aborted: some batches' time. */
const PATIENCE_MILLISECONDS = 1000

/**
 * Runs work on a device until it is done: a lost device is replaced, and after each loss or shortage of memory the
 * device's `shrink` is twice what it was, by which the work makes its batches smaller.
 * @param run goes on from where it was ended
 * @param work what is said not to fit, where memory runs out whatever the batches, and what helps
 * @throws GradcheckError `device-lost`, or `bad-usage` for what does not fit
 */
export async function surviveLosses<T>(
  device: ReplaceableDevice,
  work: { readonly what: string; readonly fix: string },
  run: (session: DeviceSession) => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    const session = device.session
    const { gpu } = session
    try {
      return await run(session)
    } catch (error) {
      // what a closed device ended is no loss
      device.requireOpen()
      if (error instanceof OutOfDeviceMemory) {
        if (failures > MOST_LOSSES) throw doesNotFit(work, gpu.name, error)
        device.noteShortage()
        continue
      }
      if (!(error instanceof UnverifiedResults) && !(await isLost(gpu))) throw error
      if (failures > MOST_LOSSES) {
        throw new GradcheckError(
          'device-lost',
          `the GPU device ${gpu.name} was lost ${failures} times: ${gpu.lost.reason ?? (error as Error).message}`,
          { cause: error, fix: 'check on the processor (device cpu)' },
        )
      }
      await device.replace(session)
    }
  }
}

function doesNotFit(
  { what, fix }: { readonly what: string; readonly fix: string },
  name: string,
  cause: OutOfDeviceMemory,
): GradcheckError {
  return new GradcheckError(
    'bad-usage',
    `${what} does not fit into the memory of ${name}: ${cause.message}`,
    {
      cause,
      fix,
    },
  )
}

/**
 * Waits for work on a device that ends soon after its signal aborts; where it does not, the device hangs and is given up:
 * the next check opens another.
 * @param begin is given a signal that aborts when nobody waits for the work any more
 * @returns what the work gives; undefined where it was given up
 */
export async function endUnlessHung<T>(
  { gpu }: DeviceSession,
  begin: (abandoned: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const abandoned = new AbortController()
  const work = begin(abandoned.signal)
  let timer: ReturnType<typeof setTimeout> | undefined
  let stop: () => void = () => undefined
  const hung = new Promise<undefined>((resolve) => {
    stop = () => {
      timer = setTimeout(() => {
        abandoned.abort()
        work.catch(() => undefined)
        gpu.dispose()
        resolve(undefined)
      }, PATIENCE_MILLISECONDS)
    }
  })
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, hung])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}
