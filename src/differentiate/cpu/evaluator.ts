import type { Model } from '../../network/model.js'
import {
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  l2Slope,
  type TensorDerivatives,
} from '../evaluator.js'
import { WorkSlices } from '../work-slices.js'
import { LossChanges } from './loss-changes.js'
import { evaluatePiece, type Piece, type PieceResult, splitIntoPieces } from './pieces.js'
import { WorkerPool, type Workers } from './worker-pool.js'

/** Work shorter than this is done before workers would have started. */
const ALONE_MILLISECONDS = 60

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
      await evaluateAlone(work, workers === undefined ? Number.POSITIVE_INFINITY : ALONE_MILLISECONDS)
      if (workers !== undefined && !work.isOver) await evaluateInWorkers(work, workers)
      work.report()
    },
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
    return this.#next.done === true || this.#hooks.signal?.aborted === true
  }

  get #done(): number {
    return this.#tensors.reduce((sum, { done }) => sum + done, 0)
  }

  /** The next piece, as `evaluatePiece` takes it. */
  take(): { piece: Piece; parameterIndex: number; entries: Uint32Array } {
    const piece = this.#next.value as Piece
    this.#next = this.#pieces.next()
    this.#handedOut.push(piece)
    const { tensor, from, to } = piece
    return {
      piece,
      parameterIndex: this.#parameterIndices[tensor],
      entries: this.#tensors[tensor].entries.slice(from, to),
    }
  }

  finish(piece: Piece, { derivatives, kinks }: PieceResult): void {
    const tensor = this.#tensors[piece.tensor]
    for (let k = 0; k < derivatives.length; k++) {
      const entry = tensor.entries[piece.from + k]
      tensor.derivatives[piece.from + k] =
        this.model.lossScale * derivatives[k] + l2Slope(this.model, tensor.parameter, entry, this.settings)
    }
    tensor.kinks.set(kinks, piece.from)
    this.#early.add(piece)
    while (this.#handedOut.length > 0 && this.#early.delete(this.#handedOut[0])) {
      const { tensor: t, to } = this.#handedOut.shift()!
      this.#tensors[t].done = to
    }
  }

  report(): void {
    this.#hooks.onProgress?.(this.#done - this.#startedWith)
  }
}

async function evaluateAlone(work: PendingPieces, milliseconds: number): Promise<void> {
  if (work.isOver) return
  const end = performance.now() + milliseconds
  const slices = new WorkSlices()
  const changes = new LossChanges(work.model, work.settings)
  while (!work.isOver && performance.now() < end) {
    const { piece, parameterIndex, entries } = work.take()
    work.finish(piece, evaluatePiece(work.model, changes, parameterIndex, entries))
    if (slices.isOver) {
      work.report()
      await slices.pause()
    }
  }
}

async function evaluateInWorkers(work: PendingPieces, workers: Workers): Promise<void> {
  using pool = new WorkerPool(workers, work.model, work.settings)
  const inFlight = new Set<Promise<void>>()
  while (!work.isOver || inFlight.size > 0) {
    while (!work.isOver && inFlight.size < pool.capacity) {
      const { piece, parameterIndex, entries } = work.take()
      const finished = pool.evaluate(parameterIndex, entries).then((result) => {
        work.finish(piece, result)
        inFlight.delete(finished)
      })
      inFlight.add(finished)
    }
    if (inFlight.size > 0) await Promise.race(inFlight)
    work.report()
  }
}
