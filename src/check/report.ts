import type { Perturbed, Precision } from '../differentiate/evaluator.js'
import type { LossName } from '../network/losses.js'
import type { Reduction } from '../network/reductions.js'
import type { Source } from '../program/program.js'
import type { BackwardReport } from './backward-report.js'
import type { GradientEntries } from './gradient-entries.js'
import type { IntermediateReport } from './program/check-intermediates.js'
import type { SetupFinding } from './setup/findings.js'

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
  /** Bound on |error of ĝ| / (|g| + |ĝ|): how far the numerical value itself can be trusted. */
  readonly numericalError: number
  /** Wrong, or left open: it disagrees, but the errors of both gradients may explain it, or it is not finite. */
  readonly verdict: 'fail' | 'inconclusive'
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
  /** ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over the checked elements; of a fast check over all, estimated. */
  readonly difference: number
  /** The threshold on it, by the tensor's own precision. */
  readonly tolerance: number
  /** Estimated ‖error of ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over the checked elements. */
  readonly numericalError: number
  readonly verdict: Verdict
  /** What was moved: its elements, one by one, or the outputs of its layer before the activation. */
  readonly perturbed: Perturbed
  /**
   * How many of its perturbations crossed a kink (ReLU at 0), or sit on one. Where outputs are moved, those count that
   * do so even with next to no step.
   */
  readonly kinks: number
  /** How many checked elements are off by more than the tolerance and their own error estimate. */
  readonly wrongEntries: number
  /**
   * How many an inconclusive tensor leaves open: not finite, off by no more than the errors of both gradients, or on a
   * kink with a value between the possible ones.
   */
  readonly undecidedEntries: number
  /** Worst elements first, wrong ones before those left open; empty when the tensor passes. */
  readonly worst: readonly EntryReport[]
  /** Where a fast check found it wrong. */
  readonly located?: LocatedReport
}

/** Where a tensor is wrong, by the axes of the user's own array; of a vector, `rows` are the places along it. */
export interface LocatedReport {
  readonly rows: readonly number[]
  readonly columns: readonly number[]
  /** True when every element where a row and a column meet was looked at; else rows and columns are suspicious. */
  readonly complete: boolean
}

/** What a fast check was made of, and what it can find. */
export interface FastReport {
  /** Random directions for each group of a tensor's rows. */
  readonly directions: number
  /** Where the directions were evaluated, in float64. */
  readonly evaluator: 'cpu'
  /** Perturbed losses, in directions and in the search for what is wrong. */
  readonly perturbations: number
  readonly detectable: {
    /** With which an error is found. */
    readonly probability: number
    readonly tensors: readonly {
      readonly name: string
      /** How many groups its rows were checked in, and how many of them disagree. */
      readonly groups: number
      readonly disagreeing: number
      /** The size from which on an error of any single entry is found; NaN where every group disagrees. */
      readonly error: number
      /** The same relative to the root mean square of the tensor's gradient. */
      readonly relative: number
    }[]
  }
}

/** What a check of a sample of the entries can find. */
export interface SamplingReport {
  readonly probability: number
  readonly tensors: readonly {
    readonly name: string
    /** The probability with which a single wrong entry is found: the share of the tensor that was checked. */
    readonly singleEntry: number
    /** The share of the tensor's entries that must be wrong for one to be found with `probability`. */
    readonly extent: number
  }[]
}

/** What is wrong, named. */
export interface Finding {
  /** The mistake: `scaled`, `activation-derivative-missing`, …, or `unexplained`. */
  readonly kind: string
  /** The names of the parameters whose gradients it spoils. */
  readonly tensors: readonly string[]
  /** How many times too large they are, or the penalty's coefficient over λ/m. */
  readonly factor?: number
  /** ‖g − p‖₂ / (‖g‖₂ + ‖p‖₂), p being what the mistake makes of the right gradient. */
  readonly residual?: number
  /** The share of the error ‖g − ĝ‖₂ that the mistake accounts for. */
  readonly explained?: number
  /** The layer whose backward pass is wrong, counted from 1. */
  readonly layer?: number
  /** Where a program's operation is written whose backward pass is wrong: as far as the program says. */
  readonly source?: Source
  /** Multi-indices of wrong entries, or the numbers of wrong rows or columns, in the user's own layout. */
  readonly entries?: readonly (readonly number[])[]
  /** Other kinds that would give the same numbers. */
  readonly alternatives?: readonly string[]
  /** A sentence for the user. */
  readonly message: string
  /** The page on this mistake, relative to the package: its right and its wrong formula. */
  readonly link?: string
}

/** The loss that was saved beside the gradient. */
export interface SavedCostReport {
  readonly value: number
  /** Whether it is that of the network declared; if not, a finding of `setup` says more. */
  readonly agrees: boolean
  /** Of one that was rounded before it was saved: how many digits it has, all of which agree. */
  readonly digits?: number
}

/** The output that was saved beside the gradient, against that of the forward pass that was read. */
export interface SavedOutputReport {
  readonly name: string
  /** Whether every element is within what rounding in the digits that it is saved in may do. */
  readonly agrees: boolean
  /** ‖saved − ours‖₂ / (‖saved‖₂ + ‖ours‖₂) */
  readonly difference: number
  /** Where it differs most, in what rounding may do; undefined where it agrees. */
  readonly worst?: { readonly index: readonly number[]; readonly saved: number; readonly ours: number }
}

/** Where the losses were evaluated. */
export interface DeviceReport {
  readonly evaluator: 'webgpu' | 'cpu' | 'textbook'
  /** The adapter's or processor's name. */
  readonly adapter: string
  /** True for a WebGPU adapter that runs on the processor. */
  readonly software: boolean
}

/** The difference at one step of a sweep, by both methods on the same parameters. */
export interface StepReport {
  readonly step: number
  /** By difference arithmetic. */
  readonly difference: number
  /** By the textbook method, two whole forward passes in float64. */
  readonly textbook: number
  /** How many parameters were perturbed. */
  readonly checked: number
}

/** The loss that was declared, and its samples. */
export interface LossReport {
  readonly name: LossName
  readonly reduction: Reduction
  /** The samples of the arrays, and how many of them count. */
  readonly samples: { readonly total: number; readonly counted: number }
  /** Whether the samples have weights. */
  readonly weighted: boolean
}

/** Where code decides by what depends on the parameters: the decision is that at the given point. */
export interface ForwardGuard {
  readonly kind: 'branch' | 'mask'
  readonly file: string
  /** Counted from 1, as the column; of a notebook in its cell. */
  readonly line: number
  readonly column: number
}

/** A forward pass that was read, and what became of it. */
export interface ForwardReport {
  readonly file: string
  /** The function, or the expression of the loss. */
  readonly entry: string
  /** Which array each argument got, or what else. */
  readonly bound: readonly { readonly argument: string; readonly array: string }[]
  /** Operations that the loss needs, each run of a line in a loop by itself. */
  readonly operations: number
  readonly guards: readonly ForwardGuard[]
  /** Operations that are evaluated in their place: loops are taken together. Known once it is checked. */
  readonly stages?: number
  readonly notices: readonly string[]
}

/** The result of a gradient check: the JSON report's content (`schema` 1), numbers still numbers. */
export interface CheckReport {
  readonly schema: 1
  readonly verdict: Verdict
  /** ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over every checked parameter; of a fast check over all, estimated. */
  readonly difference: number
  /**
   * The threshold on `difference`. Where tensors have thresholds of their own, by their precisions, what it comes to
   * where each of them is at its own.
   */
  readonly tolerance: number
  /** Estimated ‖error of ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂): how far the numerical side itself can be trusted. */
  readonly numericalError: number
  /** The loss J at the given parameters. */
  readonly cost: number
  /** The loss as the user's code computed it, where that was given. */
  readonly savedCost?: SavedCostReport
  /** The output of the forward pass as the user's code computed it, where that was saved. */
  readonly savedOutput?: SavedOutputReport
  /** The loss declared of a network, and the samples that it was taken of. */
  readonly loss?: LossReport
  /** The user's own forward pass, where it was read. */
  readonly forward?: ForwardReport
  /** Saved gradients of values inside the forward pass. */
  readonly intermediates?: readonly IntermediateReport[]
  /** The user's own backward pass, where it was read, with a mark for each of its lines. */
  readonly backward?: BackwardReport
  readonly parameters: { readonly total: number; readonly checked: number }
  readonly method: 'difference' | 'textbook'
  readonly scheme: 'central' | 'forward'
  readonly step: number
  readonly precision: Precision
  readonly device: DeviceReport
  readonly tensors: readonly TensorReport[]
  /** Findings about the problem itself, each among the notices too. */
  readonly setup: readonly SetupFinding[]
  /** Findings about a failing check. */
  readonly diagnosis: readonly Finding[]
  /** The textbook evaluator against the one that was used, on a sample of parameters. */
  readonly crossValidation: { readonly checked: number; readonly difference: number }
  /** The difference against the step, where a sweep was asked for: the largest step first. */
  readonly steps?: readonly StepReport[]
  readonly timing: { readonly seconds: number; readonly perturbations: number }
  /** Every reason why the verdict is inconclusive, in sentences that are among the notices too; else empty. */
  readonly reasons: readonly string[]
  /** Sentences a reader should see: why a verdict is inconclusive, where kinks are, that the check was interrupted. */
  readonly notices: readonly string[]
  /** True when the check was stopped before every chosen parameter was perturbed. */
  readonly interrupted: boolean
  /** Both gradients, entry by entry, where `keepGradients` asked for them. The JSON report leaves them out. */
  readonly gradients?: readonly GradientEntries[]
  /** Of a fast check, whose `parameters.checked` counts what was looked at one by one. */
  readonly fast?: FastReport
  /** Of a check of a sample. */
  readonly sampling?: SamplingReport
}
