import { GradcheckError } from '../../errors.js'
import type { AnswerTo, FromWorker, Question, Subject, ToWorker } from './worker-messages.js'

/** A thread or web worker that runs `serve` of ./worker.ts. */
export interface WorkerPort {
  post(message: ToWorker): void
  onMessage(listener: (message: FromWorker) => void): void
  onError(listener: (error: Error) => void): void
  terminate(): void
}

/** How a platform starts workers. */
export interface Workers {
  /** How many to start. */
  readonly count: number
  start(): WorkerPort
}

/** Questions that a worker has at once, so that it never waits for the next. */
const QUESTIONS_AHEAD = 2

/** Workers that all hold the same model, or program, and evaluate pieces of the work on it. */
export class WorkerPool implements Disposable {
  readonly #ports: { port: WorkerPort; busy: number }[]
  readonly #waiting = new Map<
    number,
    { resolve: (result: AnswerTo<Question>) => void; reject: (error: Error) => void }
  >()
  #lastId = 0

  constructor(workers: Workers, subject: Subject) {
    this.#ports = Array.from({ length: workers.count }, () => {
      const worker = { port: workers.start(), busy: 0 }
      worker.port.onMessage(({ id, result }) => {
        worker.busy--
        this.#waiting.get(id)?.resolve(result)
        this.#waiting.delete(id)
      })
      worker.port.onError((cause) => {
        const error = new GradcheckError('internal', `a worker thread failed: ${cause.message}`, { cause })
        for (const { reject } of this.#waiting.values()) reject(error)
        this.#waiting.clear()
      })
      worker.port.post(subject)
      return worker
    })
  }

  /** How many questions the pool takes before one must be waited for. */
  get capacity(): number {
    return QUESTIONS_AHEAD * this.#ports.length
  }

  /** Asks the worker that has the least to do. */
  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>> {
    const id = ++this.#lastId
    const worker = this.#ports.reduce((least, other) => (other.busy < least.busy ? other : least))
    worker.busy++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: AnswerTo<Question>) => void, reject })
      worker.port.post({ ...question, id })
    })
  }

  [Symbol.dispose](): void {
    for (const { port } of this.#ports) port.terminate()
  }
}
