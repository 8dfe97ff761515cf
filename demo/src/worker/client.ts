import type { Progress } from 'webgpu-gradcheck'
import type { Answers, FromWorker, PlainError, Request, ToWorker } from './protocol.js'

/** An error that the worker reported, with what the user can do about it. */
export class WorkerError extends Error {
  readonly fix: string | undefined
  readonly code: string | undefined

  constructor({ message, fix, code }: PlainError) {
    super(message)
    this.name = 'WorkerError'
    this.fix = fix
    this.code = code
  }
}

export interface RequestHooks {
  readonly signal?: AbortSignal
  /** How long after the signal the worker may take to answer before it is ended. @default 5000 */
  readonly patienceMilliseconds?: number
  readonly onProgress?: (progress: Progress, adapter: string) => void
}

interface Pending {
  readonly request: Request
  resolve(answer: never): void
  reject(error: Error): void
  readonly onProgress: RequestHooks['onProgress']
}

/** The page's side of the worker in which everything is computed. */
export class WorkerClient {
  readonly #pending = new Map<number, Pending>()
  #worker: Worker | undefined
  #lastId = 0

  /**
   * Asks the worker for something.
   * @throws WorkerError
   */
  request<R extends Request>(request: R, hooks: RequestHooks = {}): Promise<Answers[R['kind']]> {
    const id = ++this.#lastId
    const answered = new Promise<Answers[R['kind']]>((resolve, reject) => {
      this.#pending.set(id, { request, resolve, reject, onProgress: hooks.onProgress })
      this.#start().postMessage({ kind: 'request', id, request } satisfies ToWorker)
    })
    const { signal, patienceMilliseconds = 5000 } = hooks
    let patience: ReturnType<typeof setTimeout> | undefined
    const stop = () => {
      this.#worker?.postMessage({ kind: 'stop', id } satisfies ToWorker)
      patience = setTimeout(() => this.#stop(id), patienceMilliseconds)
    }
    signal?.addEventListener('abort', stop, { once: true })
    return answered.finally(() => {
      clearTimeout(patience)
      signal?.removeEventListener('abort', stop)
    })
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    worker.addEventListener('message', (event: MessageEvent<FromWorker>) => this.#receive(event.data))
    worker.addEventListener('error', (event) => {
      event.preventDefault()
      this.#fail(event.message || 'the worker could not be started')
    })
    this.#worker = worker
    return worker
  }

  #receive(message: FromWorker): void {
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    if (message.kind === 'progress') {
      pending.onProgress?.(message.progress, message.adapter)
      return
    }
    this.#pending.delete(message.id)
    if (message.kind === 'answer') pending.resolve(message.answer as never)
    else pending.reject(new WorkerError(message.error))
  }

  /** Ends the worker because one request does not stop; what else it was asked goes to another worker. */
  #stop(id: number): void {
    const stopped = this.#pending.get(id)
    if (stopped === undefined) return
    this.#pending.delete(id)
    this.#end()
    stopped.reject(new WorkerError({ message: 'stopped', code: 'stopped' }))
    for (const [other, { request }] of this.#pending) {
      this.#start().postMessage({ kind: 'request', id: other, request } satisfies ToWorker)
    }
  }

  /** Gives up what the worker was asked; the next request starts another. */
  #fail(message: string): void {
    this.#end()
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of waiting) reject(new WorkerError({ message }))
  }

  #end(): void {
    this.#worker?.terminate()
    this.#worker = undefined
  }
}
