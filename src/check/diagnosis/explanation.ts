import type { BackwardSteps } from '../../network/backpropagation.js'
import type { Baseline, NumbersBaseline } from './baseline.js'
import type { Prediction, TensorEvidence } from './evidence.js'
import type { MistakeKind } from './kinds.js'

/** The words for what was found, to be made into a sentence. */
export interface Wording {
  /** The wrong tensors' gradients, `dW1 and db1`. */
  readonly names: string
  /** True for more than one. */
  readonly plural: boolean
  /** How well they fit, `to 1.2e-16`. */
  readonly agreement: string
}

/** What every explanation has, of one tensor or of many. */
interface Explanation {
  readonly kind: MistakeKind
  /**
   * How much it asks one to believe: 1 for a mistake without a free choice, more for each choice that was fitted.
   * Of several explanations the cheapest wins.
   */
  readonly cost: number
  readonly factor?: number
  /** Multi-indices of wrong elements, in the user's own layout. */
  readonly entries?: readonly (readonly number[])[]
  /** The sentence for the user. */
  describe(wording: Wording): string
}

/** An explanation of one tensor of the gradient. */
export interface TensorExplanation extends Explanation {
  readonly prediction: Prediction
  /**
   * Explanations of several tensors with the same group are one mistake. Left out where it is the tensor's own.
   */
  readonly group?: string
  /** What each further tensor of the group adds to the cost. */
  readonly costOfAnother?: number
  /** The layer it happened in, from 0, where that says more than the tensor's name. */
  readonly layer?: number
}

/** A mistake in a step of the backward pass, which spoils every layer that the gradient reaches after it. */
export interface BackwardMistake extends Explanation {
  /** The last layer whose gradients it changes, from 0; it changes those before as well. */
  readonly reach: number
  /** What of that layer it changes first: ∂J/∂A, or δ alone. */
  readonly from: 'upstream' | 'delta'
  /** The layer whose step is wrong, from 0; left out for the loss. */
  readonly layer?: number
  /** What it is, as the beginning of a sentence. */
  readonly text: string
  apply(steps: BackwardSteps): BackwardSteps
}

/** Two mistakes at one place, of which each spoils what the other does: this one's own fields are the first's. */
export interface PairedMistake extends BackwardMistake {
  readonly partner: BackwardMistake
}

/**
 * One kind of mistake on single tensors: proposes what might explain a wrong one. What it proposes is tested
 * afterwards, so it may be generous.
 */
export type TensorHypothesis = (evidence: TensorEvidence, baseline: Baseline) => Iterable<TensorExplanation>

/** The same where the numbers alone are looked at: it holds of any tensors, a network's or not. */
export type NumbersHypothesis = (
  evidence: TensorEvidence,
  baseline: NumbersBaseline,
) => Iterable<TensorExplanation>

/** One kind of mistake on the backward pass. */
export type BackwardHypothesis = (
  baseline: Baseline,
  wrong: readonly TensorEvidence[],
) => Iterable<BackwardMistake>
