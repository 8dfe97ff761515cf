import { type ChangeCarrier, createCpuCarrier } from '../../program/carry-changes.js'
import type { BoundProgram } from '../../program/evaluate.js'
import {
  carryGroups,
  countAtOnce,
  countGroups,
  type Perturbations,
  type PerturbedGroups,
} from '../../program/numerical-gradient.js'
import type { Shape } from '../../program/shapes.js'
import { WorkSlices } from '../work-slices.js'
import { describeProgram } from './worker-messages.js'
import { WorkerPool, type Workers } from './worker-pool.js'

/** Work shorter than this is done before workers would have started. */
const ALONE_MILLISECONDS = 60
/** Pieces of a value's perturbations for each worker at least, so that all end at about the same time. */
const PIECES = 3

/**
 * Carries the perturbations of a program's values in float64, what takes longer in workers.
 * @param workers how to start them; without, everything runs on this thread. What is found does not depend on their number.
 */
export function createProgramCarrier(bound: BoundProgram, workers: Workers | undefined): ChangeCarrier {
  const alone = createCpuCarrier(bound)
  if (workers === undefined) return alone
  return new SharedCarrier(bound, alone, workers)
}

class SharedCarrier implements ChangeCarrier {
  readonly #bound: BoundProgram
  readonly #alone: ChangeCarrier
  readonly #workers: Workers
  /** Of all values: that workers are ready is heard of in a pause. */
  readonly #slices = new WorkSlices()
  /** What this thread has spent. */
  #milliseconds = 0
  #pool: WorkerPool | undefined
  /** Once the pool's workers know the program. */
  #isReady = false
  #failure: unknown

  constructor(bound: BoundProgram, alone: ChangeCarrier, workers: Workers) {
    this.#bound = bound
    this.#alone = alone
    this.#workers = workers
  }

  roundStep(step: number): number {
    return this.#alone.roundStep(step)
  }

  countAtOnce(...given: Parameters<ChangeCarrier['countAtOnce']>): number {
    return this.#alone.countAtOnce(...given)
  }

  carry(...given: Parameters<ChangeCarrier['carry']>): ReturnType<ChangeCarrier['carry']> {
    return this.#alone.carry(...given)
  }

  async carryGroups(
    shape: Shape,
    perturbations: Perturbations,
    signal?: AbortSignal,
  ): Promise<PerturbedGroups | undefined> {
    const { from: first, to } = perturbations
    const { lanes } = countGroups(shape, perturbations.laneAxis)
    const slopes = new Float64Array((to - first) * lanes)
    const crossings = new Uint32Array((to - first) * lanes)
    const take = (from: number, found: PerturbedGroups) => {
      slopes.set(found.slopes, (from - first) * lanes)
      crossings.set(found.crossings, (from - first) * lanes)
    }
    const most = countAtOnce(this.#alone, shape, perturbations)
    let from = first
    while (from < to && !this.#isReady) {
      if (this.#slices.isOver) await this.#slices.pause()
      if (this.#failure !== undefined) throw this.#failure
      if (signal?.aborted) return undefined
      const started = performance.now()
      const part = { ...perturbations, from, to: Math.min(to, from + most) }
      take(from, (await carryGroups(this.#alone, shape, part))!)
      from = part.to
      this.#milliseconds += performance.now() - started
      if (this.#milliseconds > ALONE_MILLISECONDS) this.#start()
    }
    const length = Math.min(most, Math.ceil((to - from) / (PIECES * this.#workers.count)))
    const inFlight = new Set<Promise<void>>()
    while ((from < to && !signal?.aborted) || inFlight.size > 0) {
      while (from < to && !signal?.aborted && inFlight.size < this.#pool!.capacity) {
        const part = { ...perturbations, from, to: Math.min(to, from + length) }
        const answered = this.#pool!.ask({ kind: 'perturbations', perturbations: part }).then((found) => {
          take(part.from, found)
          inFlight.delete(answered)
        })
        inFlight.add(answered)
        from = part.to
      }
      if (inFlight.size > 0) await Promise.race(inFlight)
    }
    return from < to ? undefined : { slopes, crossings }
  }

  dispose(): void {
    this.#pool?.[Symbol.dispose]()
    this.#alone.dispose()
  }

  /** Starts workers; until they know the program this thread goes on. */
  #start(): void {
    if (this.#pool !== undefined) return
    this.#pool = new WorkerPool(this.#workers, { kind: 'program', program: describeProgram(this.#bound) })
    this.#pool.ask({ kind: 'ready' }).then(
      () => {
        this.#isReady = true
      },
      (error) => {
        this.#failure = error
      },
    )
  }
}
