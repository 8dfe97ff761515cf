import { GradcheckError } from '../../errors.js'
import type { Model } from '../../network/model.js'
import type { DifferenceSettings } from '../evaluator.js'
import type { PieceResult, PieceTask } from './evaluate-piece.js'
import { describeModel, type FromWorker, type ToWorker } from './worker-messages.js'

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

/** Pieces that a worker has at once, so that it never waits for the next. */
const PIECES_AHEAD = 2

/** Workers that all hold the same model and evaluate pieces of its parameters. */
export class WorkerPool implements Disposable {
  readonly #ports: { port: WorkerPort; busy: number }[]
  readonly #waiting = new Map<
    number,
    { resolve: (result: PieceResult) => void; reject: (error: Error) => void }
  >()
  #lastId = 0

  constructor(workers: Workers, model: Model, settings: DifferenceSettings) {
    const data = describeModel(model)
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
      worker.port.post({ kind: 'model', model: data, settings })
      return worker
    })
  }

  /** How many pieces the pool takes before one must be waited for. */
  get capacity(): number {
    return PIECES_AHEAD * this.#ports.length
  }

  evaluate(task: PieceTask): Promise<PieceResult> {
    const id = ++this.#lastId
    const worker = this.#ports.reduce((least, other) => (other.busy < least.busy ? other : least))
    worker.busy++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      worker.port.post({ kind: 'piece', id, task })
    })
  }

  [Symbol.dispose](): void {
    for (const { port } of this.#ports) port.terminate()
  }
}
