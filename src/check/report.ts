import type { GradientEntries } from './gradient-entries.js'

/** What a check concludes: the gradient is right, it is wrong, or the numerical side cannot tell. */
export type Verdict = 'pass' | 'fail' | 'inconclusive'

/** One element of a gradient that disagrees the most with the numerical one. */
export interface EntryReport {
  /** Multi-index in the user's own layout and shape. */
  readonly index: readonly number[]
  /** The user's value. */
  readonly analytical: number
  /** Our value. */
  readonly numerical: number
  /** |g − ĝ| / (|g| + |ĝ|); 0 when both are zero. */
  readonly relativeError: number
}

/** The judgement of one tensor. */
export interface TensorReport {
  /** The parameter's name, `W1`. */
  readonly name: string
  /** The name of its gradient, `dW1`. */
  readonly gradient: string
  /** Shape in the user's own layout. */
  readonly shape: readonly number[]
  /** How many of its elements were perturbed. */
  readonly checked: number
  /** ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over the checked elements. */
  readonly difference: number
  readonly verdict: Verdict
  /** How many of its perturbations crossed a kink (ReLU at 0). */
  readonly kinks: number
  /** How many checked elements are off by more than the tolerance and their own error estimate. */
  readonly wrongEntries: number
  /** Worst elements first; empty when every element agrees within the tolerance. */
  readonly worst: readonly EntryReport[]
}

/** What is wrong, named. */
export interface Finding {
  readonly kind: string
  readonly tensors: readonly string[]
  readonly factor?: number
  readonly residual?: number
  readonly message: string
}

/** Where the losses were evaluated. */
export interface DeviceReport {
  readonly evaluator: 'webgpu' | 'cpu' | 'textbook'
  /** The adapter's or processor's name. */
  readonly adapter: string
  /** True for a WebGPU adapter that runs on the processor. */
  readonly software: boolean
}

/** The result of a gradient check: the JSON report's content (`schema` 1), numbers still numbers. */
export interface CheckReport {
  readonly schema: 1
  readonly verdict: Verdict
  /** ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over every checked parameter. */
  readonly difference: number
  /** The threshold on `difference` that was applied. */
  readonly tolerance: number
  /** Estimated ‖error of ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂): how far the numerical side itself can be trusted. */
  readonly numericalError: number
  /** The loss J at the given parameters. */
  readonly cost: number
  readonly parameters: { readonly total: number; readonly checked: number }
  readonly method: 'difference' | 'textbook'
  readonly scheme: 'central' | 'forward'
  readonly step: number
  readonly precision: 'single' | 'double'
  readonly device: DeviceReport
  readonly tensors: readonly TensorReport[]
  /** Findings about a failing check. */
  readonly diagnosis: readonly Finding[]
  /** The textbook evaluator against the one that was used, on a sample of parameters. */
  readonly crossValidation: { readonly checked: number; readonly difference: number }
  readonly timing: { readonly seconds: number; readonly perturbations: number }
  /** Sentences a reader should see: why a verdict is inconclusive, that the check was interrupted. */
  readonly notices: readonly string[]
  /** True when the check was stopped before every chosen parameter was perturbed. */
  readonly interrupted: boolean
  /** Both gradients, entry by entry, where `keepGradients` asked for them. The JSON report leaves them out. */
  readonly gradients?: readonly GradientEntries[]
}
