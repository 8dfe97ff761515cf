import { EXIT_STATUS } from './exit-status.js'

/**
 * Runs work that Ctrl-C may stop: the first aborts the signal, so that the work can end with what it has; the
 * second, even while the report is being written, ends the process at once, after `cleanUp`.
 */
export async function runInterruptibly<T>(
  work: (signal: AbortSignal) => Promise<T>,
  cleanUp: () => void,
): Promise<T> {
  const controller = new AbortController()
  const onInterrupt = () => {
    if (controller.signal.aborted) {
      cleanUp()
      process.exit(EXIT_STATUS.interrupted)
    }
    controller.abort()
  }
  process.on('SIGINT', onInterrupt)
  try {
    return await work(controller.signal)
  } finally {
    if (!controller.signal.aborted) process.off('SIGINT', onInterrupt)
  }
}
