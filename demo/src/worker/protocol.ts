import type {
  ArrayProblemOptions,
  CheckReport,
  FunctionReport,
  GpuPrecision,
  GradientEntries,
  Progress,
  Scheme,
} from 'webgpu-gradcheck'
import type { EvaluatorSpeed } from '../../../src/bench/evaluator-speed.js'
import type { BenchNetwork } from '../../../src/bench/random-problem.js'
import type { RandomNetwork } from '../problem/random-network.js'

/** Where to run: as the command's `--device`. */
export type DeviceChoice = 'auto' | 'gpu' | 'software' | 'cpu'

/** What is to be checked, as it travels to the worker. Files are read there. */
export type ProblemSource =
  | { readonly kind: 'example'; readonly url: string; readonly options: ArrayProblemOptions }
  | { readonly kind: 'files'; readonly files: readonly File[]; readonly options: ArrayProblemOptions }
  | { readonly kind: 'random'; readonly network: RandomNetwork }

/** How it is to be checked. */
export interface CheckSettings {
  readonly device: DeviceChoice
  /** Of an adapter's arithmetic; the processor's is always float64. */
  readonly precision: GpuPrecision
  readonly method: 'difference' | 'textbook'
  readonly scheme: Scheme
  readonly step?: number
  readonly tolerance?: number
  readonly sample?: number
}

/** A formula of one variable, and where to check its derivative. */
export interface FunctionRequest {
  readonly formula: string
  /** Its derivative as typed; empty for mathjs's. */
  readonly gradient: string
  readonly at: number
  readonly scheme: Scheme
}

/** What the page may ask the worker for. */
export type Request =
  | { readonly kind: 'survey' }
  | { readonly kind: 'inspect'; readonly files: readonly File[] }
  | { readonly kind: 'check'; readonly source: ProblemSource; readonly settings: CheckSettings }
  | {
      readonly kind: 'bench'
      readonly network: BenchNetwork
      readonly device: Exclude<DeviceChoice, 'auto'>
      readonly seconds: number
    }
  | ({ readonly kind: 'function' } & FunctionRequest)

/** What each request is answered with. */
export interface Answers {
  readonly survey: DeviceSurvey
  readonly inspect: FileContents
  readonly check: CheckResult
  readonly bench: BenchResult
  readonly function: FunctionResult
}

/** What this browser can compute on. */
export interface DeviceSurvey {
  /** The adapter's name; absent without one. */
  readonly gpu?: string
  readonly software?: string
  /** Why there is no graphics processor. */
  readonly reason?: string
  /** Cores of the processor. */
  readonly cores: number
}

/** What lies in the files that were picked. */
export interface FileContents {
  readonly arrays: readonly { readonly name: string; readonly shape: readonly number[] }[]
  /** Names of the weights, a layer each; absent where they are not named as weights are. */
  readonly weights?: readonly string[]
}

/** A finished check with what the charts show. */
export interface CheckResult {
  readonly report: CheckReport
  readonly summary: GradientSummary
}

/** How an entry is counted in a histogram: by the power of ten of its relative error. */
export interface ErrorHistogram {
  /** Entries in each half decade, from `LOWEST_POWER` on. */
  readonly counts: readonly number[]
  /** How many of them lie outside what is allowed. */
  readonly outside: readonly number[]
  /** Entries whose two values are equal. */
  readonly exact: number
}

/** An entry that disagrees more than others. */
export interface EntrySummary {
  readonly tensor: number
  readonly index: readonly number[]
  readonly analytical: number
  readonly numerical: number
  readonly relativeError: number
  readonly isOutside: boolean
}

/** Entries to draw against each other: all of a tensor's, or evenly many of a large one's. */
export interface ScatterPoints {
  readonly numerical: Float64Array
  readonly analytical: Float64Array
  /** 1 where the two lie further apart than is allowed. */
  readonly isOutside: Uint8Array
}

/** What charts need of all entries and a page should not compute itself. */
export interface GradientSummary {
  /** One for all tensors, then one for each. */
  readonly histograms: readonly ErrorHistogram[]
  /** One for each tensor. */
  readonly scatters: readonly ScatterPoints[]
  /** The entries of largest relative error, those outside what is allowed first. */
  readonly largest: readonly EntrySummary[]
}

export interface BenchResult {
  readonly adapter: string
  readonly evaluator: 'webgpu' | 'cpu'
  readonly speed: EvaluatorSpeed
}

/** Both ways of computing a derivative, at one step. */
export interface StepSample {
  readonly h: number
  /** f(x − h) and f(x + h) */
  readonly below: number
  readonly above: number
  readonly textbook: Readonly<Record<Scheme, number>>
  readonly difference: Readonly<Record<Scheme, number>>
}

/** A checked formula with what its charts show. */
export interface FunctionResult {
  readonly report: FunctionReport
  readonly variable: string
  readonly at: number
  /** f(x) */
  readonly value: number
  readonly curve: { readonly x: Float64Array; readonly y: Float64Array }
  /** The derivative that errors are measured against, where there is one. */
  readonly reference: number | undefined
  readonly samples: readonly StepSample[]
}

/** An error as it travels: the library's, or one of the platform's. */
export interface PlainError {
  readonly message: string
  readonly fix?: string
  readonly code?: string
}

export type ToWorker =
  | { readonly kind: 'request'; readonly id: number; readonly request: Request }
  | { readonly kind: 'stop'; readonly id: number }

export type FromWorker =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress; readonly adapter: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly kind: 'error'; readonly id: number; readonly error: PlainError }

/** The buffers of a report's gradients, which move to the page instead of being copied. */
export function listBuffers(gradients: readonly GradientEntries[]): ArrayBufferLike[] {
  return gradients.flatMap(({ offsets, analytical, numerical, allowed }) =>
    [offsets, analytical, numerical, allowed].map(({ buffer }) => buffer),
  )
}
