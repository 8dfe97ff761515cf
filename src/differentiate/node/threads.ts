import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { FromWorker } from '../cpu/worker-messages.js'
import type { WorkerPort, Workers } from '../cpu/worker-pool.js'
import code from './thread-entry.ts?bundled'

/** One worker thread for each core. */
export function useThreads(): Workers {
  return { count: availableParallelism(), start: startThread }
}

function startThread(): WorkerPort {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.on('message', (message: FromWorker) => listener(message)),
    onError: (listener) => worker.on('error', listener),
    terminate: () => void worker.terminate(),
  }
}
