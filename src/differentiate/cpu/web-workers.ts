import code from './web-worker-entry.ts?bundled'
import type { FromWorker } from './worker-messages.js'
import type { WorkerPort, Workers } from './worker-pool.js'

/** One web worker for each core the browser shows. */
export function useWebWorkers(): Workers {
  return { count: navigator.hardwareConcurrency || 2, start: startWebWorker }
}

function startWebWorker(): WorkerPort {
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
  const worker = new Worker(url, { type: 'module' })
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) =>
      worker.addEventListener('message', (event: MessageEvent<FromWorker>) => listener(event.data)),
    onError: (listener) => worker.addEventListener('error', (event) => listener(new Error(event.message))),
    terminate() {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}
