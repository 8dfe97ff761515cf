import type { Model } from '../../network/model.js'
import {
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  l2Slope,
  type TensorDerivatives,
} from '../evaluator.js'
import { WorkSlices } from '../work-slices.js'
import { PieceEvaluator, type PieceResult, type PieceTask } from './evaluate-piece.js'
import { type Piece, splitIntoPieces } from './pieces.js'
import { createProgramCarrier } from './program-carrier.js'
import { describeModel } from './worker-messages.js'
import { WorkerPool, type Workers } from './worker-pool.js'

/** Work shorter than this is done before workers would have started. */
const ALONE_MILLISECONDS = 60
/** Multiply-adds of a piece that is not worth starting workers. */
const ALONE_WORK = 1e8

/**
 * Difference arithmetic in float64 (Rall & Reps): no perturbed loss is ever formed; the change that a
 * perturbation makes is carried through the network by identities without cancellation.
 * @param adapter the processor's name
 * @param workers how to start workers for what takes longer; without, everything runs on this thread. The
 * derivatives do not depend on their number.
 */
export function createCpuEvaluator(adapter = 'processor', workers?: Workers): Evaluator {
  return {
    name: 'cpu',
    adapter,
    software: false,
    precision: 'double',
    async evaluate(model, tensors, settings, hooks = {}) {
      const work = new PendingPieces(model, tensors, settings, hooks)
      if (workers === undefined) await evaluateAlone(work)
      else {
        await evaluateAlone(work, ALONE_MILLISECONDS, ALONE_WORK)
        if (!work.isOver) await evaluateInWorkers(work, workers)
      }
      work.report()
    },
    createCarrier: (bound) => createProgramCarrier(bound, workers),
  }
}

/** The pieces of an evaluation, handed out in order, and their results, taken in as they come. */
class PendingPieces {
  readonly model: Model
  readonly settings: DifferenceSettings
  readonly #tensors: readonly TensorDerivatives[]
  readonly #hooks: EvaluationHooks
  readonly #pieces: Generator<Piece>
  readonly #parameterIndices: readonly number[]
  readonly #startedWith: number
  /** Pieces that are finished although one before them is not. */
  readonly #early = new Set<Piece>()
  /** Handed out and not yet counted as done, in order. */
  readonly #handedOut: Piece[] = []
  #next: IteratorResult<Piece>

  constructor(
    model: Model,
    tensors: readonly TensorDerivatives[],
    settings: DifferenceSettings,
    hooks: EvaluationHooks,
  ) {
    this.model = model
    this.settings = settings
    this.#tensors = tensors
    this.#hooks = hooks
    this.#parameterIndices = tensors.map(({ parameter }) => model.parameters.indexOf(parameter))
    this.#startedWith = this.#done
    this.#pieces = splitIntoPieces(model, tensors, settings)
    this.#next = this.#pieces.next()
  }

  /** True when no piece is left to hand out, or the signal aborted. */
  get isOver(): boolean {
    return this.#next.done === true || this.isAborted
  }

  get isAborted(): boolean {
    return this.#hooks.signal?.aborted === true
  }

  get #done(): number {
    return this.#tensors.reduce((sum, { done }) => sum + done, 0)
  }

  /** Multiply-adds of the next piece. */
  get nextWork(): number {
    return this.#next.done === true ? 0 : this.#next.value.work
  }

  /** The next piece, and what a worker needs of it. */
  take(): { piece: Piece; task: PieceTask } {
    const piece = this.#next.value as Piece
    this.#next = this.#pieces.next()
    this.#handedOut.push(piece)
    const parts = piece.parts.map(({ tensor, from, to }) => ({
      parameterIndex: this.#parameterIndices[tensor],
      entries: this.#tensors[tensor].entries.slice(from, to),
    }))
    return { piece, task: { perturbed: piece.perturbed, parts } }
  }

  finish(piece: Piece, result: PieceResult): void {
    for (const [p, { tensor: t, from }] of piece.parts.entries()) {
      const tensor = this.#tensors[t]
      const { derivatives, kinks } = result[p]
      for (let k = 0; k < derivatives.length; k++) {
        const entry = tensor.entries[from + k]
        tensor.derivatives[from + k] =
          this.model.lossScale * derivatives[k] + l2Slope(this.model, tensor.parameter, entry, this.settings)
      }
      tensor.kinks.set(kinks, from)
    }
    this.#early.add(piece)
    while (this.#handedOut.length > 0 && this.#early.delete(this.#handedOut[0])) {
      for (const { tensor: t, to } of this.#handedOut.shift()!.parts) this.#tensors[t].done = to
    }
  }

  report(): void {
    this.#hooks.onProgress?.(this.#done - this.#startedWith)
  }
}

/** @param mostWork multiply-adds above which a piece is left to workers */
async function evaluateAlone(
  work: PendingPieces,
  milliseconds = Number.POSITIVE_INFINITY,
  mostWork = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (work.isOver || work.nextWork > mostWork) return
  const end = performance.now() + milliseconds
  const slices = new WorkSlices()
  const evaluator = new PieceEvaluator(work.model, work.settings)
  while (!work.isOver && performance.now() < end && work.nextWork <= mostWork) {
    const { piece, task } = work.take()
    const evaluation = evaluator.evaluate(task)
    for (let isDone = false; !isDone; ) {
      const next = evaluation.next()
      isDone = next.done === true
      if (next.done) work.finish(piece, next.value)
      if (!slices.isOver) continue
      work.report()
      await slices.pause()
      if (work.isAborted) return
    }
  }
}

async function evaluateInWorkers(work: PendingPieces, workers: Workers): Promise<void> {
  using pool = new WorkerPool(workers, {
    kind: 'model',
    model: describeModel(work.model),
    settings: work.settings,
  })
  const inFlight = new Set<Promise<void>>()
  while (!work.isOver || inFlight.size > 0) {
    while (!work.isOver && inFlight.size < pool.capacity) {
      const { piece, task } = work.take()
      const finished = pool.ask({ kind: 'piece', task }).then((result) => {
        work.finish(piece, result)
        inFlight.delete(finished)
      })
      inFlight.add(finished)
    }
    if (inFlight.size > 0) await Promise.race(inFlight)
    work.report()
  }
}
