import { changeOf } from './differences.js'
import type { Tape } from './tape.js'

/** Changes to evaluate: every point × every moved variable × every step. */
export interface FunctionBatch {
  readonly tape: Tape
  /** Each point's constants, of every instruction (`constantsAt`). */
  readonly points: readonly Float64Array[]
  /** The variables that are moved, one at a time. */
  readonly moved: readonly number[]
  /** With their signs. */
  readonly steps: readonly number[]
}

/** What came out, by point, then moved variable, then step. */
export interface FunctionChanges {
  /** (f(x + h) − f(x))/h */
  readonly slopes: Float64Array
  /** The instruction that runs over its special point, or `NO_CROSSING`. */
  readonly crossings: Int32Array
}

/** Carries changes through formulas by difference arithmetic. */
export interface FunctionEvaluator {
  /** Tells it from an evaluator of networks. */
  readonly evaluates: 'formulas'
  readonly name: 'webgpu' | 'cpu'
  /** The adapter's or processor's name. */
  readonly adapter: string
  readonly software: boolean
  readonly precision: 'single' | 'double'
  /** @throws GradcheckError `device-lost` when a device stays lost */
  evaluate(batch: FunctionBatch): Promise<FunctionChanges>
}

/** Room for the changes of a batch. */
export function createChanges({ points, moved, steps }: FunctionBatch): FunctionChanges {
  const count = points.length * moved.length * steps.length
  return { slopes: new Float64Array(count).fill(Number.NaN), crossings: new Int32Array(count) }
}

/**
 * Difference arithmetic in float64 on the calling thread.
 * @param adapter the processor's name
 */
export function createCpuFunctionEvaluator(adapter = 'processor'): FunctionEvaluator {
  return {
    evaluates: 'formulas',
    name: 'cpu',
    adapter,
    software: false,
    precision: 'double',
    async evaluate(batch) {
      const changes = createChanges(batch)
      let at = 0
      for (const constants of batch.points) {
        for (const moved of batch.moved) {
          for (const step of batch.steps) {
            const { slope, crossing } = changeOf(batch.tape, constants, moved, step)
            changes.slopes[at] = slope
            changes.crossings[at++] = crossing
          }
        }
      }
      return changes
    },
  }
}
