import { Backpropagation, type BackwardSteps } from '../../network/backpropagation.js'
import type { ForwardPass, Model, ParameterTensor } from '../../network/model.js'
import type { EntryFunction, Prediction, TensorEvidence } from './evidence.js'
import type { BackwardMistake } from './explanation.js'

/** How many elements the rounding of a mistaken backpropagation is scaled by. */
const ROUNDING_SAMPLE = 64

/** What hypotheses on a tensor's numbers start from: the right gradient of each, and nothing of layers but what is known. */
export interface NumbersBaseline {
  readonly evidence: readonly TensorEvidence[]
  /** The network whose gradient it is; undefined for a function in code or a formula. */
  readonly model: Model | undefined
  /** Elements of tensor `t`'s gradient. */
  entries(t: number): EntryFunction
  /** The penalty's part of it. */
  penalty(t: number): EntryFunction
  /** What rounding does to it. */
  rounding(t: number): EntryFunction
  prediction(t: number): Prediction
}

/** The numerical gradients by themselves, of whatever they may be. */
export function createNumbersBaseline(evidence: readonly TensorEvidence[]): NumbersBaseline {
  const entries = (t: number): EntryFunction => {
    const { right } = evidence[t]
    return (offset) => right[offset]
  }
  const rounding = (t: number) => evidence[t].rounding
  return {
    evidence,
    model: undefined,
    entries,
    penalty: () => () => 0,
    rounding,
    prediction: (t) => ({ value: entries(t), rounding: rounding(t) }),
  }
}

/**
 * The backpropagation that hypotheses depart from: the right one, or one with the mistakes that were found
 * already. Hypotheses on single tensors take its gradients, hypotheses on the backward pass replace its steps.
 */
export class Baseline implements NumbersBaseline {
  readonly model: Model
  readonly pass: ForwardPass
  readonly evidence: readonly TensorEvidence[]
  readonly backpropagation: Backpropagation
  readonly #right: Baseline
  readonly #gradients: Float64Array[] = []
  readonly #roundings: EntryFunction[] = []

  /** @param right the right backpropagation, where this is not it */
  constructor(
    model: Model,
    pass: ForwardPass,
    evidence: readonly TensorEvidence[],
    backpropagation = new Backpropagation(model.layers, model.backwardSteps(pass)),
    right?: Baseline,
  ) {
    this.model = model
    this.pass = pass
    this.evidence = evidence
    this.backpropagation = backpropagation
    this.#right = right ?? this
  }

  /** True for the right backpropagation. */
  get isRight(): boolean {
    return this.#right === this
  }

  get steps(): BackwardSteps {
    return this.backpropagation.steps
  }

  /** The same with a mistake in it. */
  with({ apply, reach, from }: Pick<BackwardMistake, 'apply' | 'reach' | 'from'>): Baseline {
    const mistaken = this.backpropagation.replaceSteps(apply(this.steps), reach, from)
    return new Baseline(this.model, this.pass, this.evidence, mistaken, this.#right)
  }

  /** The whole gradient of tensor `t`, in the model's orientation, the penalty included. */
  gradient(t: number): Float64Array {
    this.#gradients[t] ??= this.isRight
      ? this.evidence[t].right
      : this.backpropagation.gradient(this.evidence[t].parameter)
    return this.#gradients[t]
  }

  /** Single elements of that gradient, for little work. */
  entries(t: number): EntryFunction {
    const known = this.#gradients[t]
    if (known !== undefined) return (offset) => known[offset]
    const { parameter } = this.evidence[t]
    return (offset) => this.backpropagation.gradientEntry(parameter, offset)
  }

  /** The penalty's part of tensor `t`'s gradient. */
  penalty(t: number): EntryFunction {
    const { role, layer } = this.evidence[t].parameter
    return role === 'weights' ? (offset) => this.steps.penalty(layer, offset) : () => 0
  }

  /** What rounding does to elements of tensor `t`. */
  rounding(t: number): EntryFunction {
    this.#roundings[t] ??= this.isRight ? this.evidence[t].rounding : this.#mistakenRounding(t)
    return this.#roundings[t]
  }

  prediction(t: number): Prediction {
    const mostRounding = this.isRight ? this.evidence[t].mostRounding : undefined
    return { value: this.entries(t), rounding: this.rounding(t), mostRounding }
  }

  /**
   * The rounding of a mistaken backpropagation: in proportion to Σ|δ·a| of each element, and as much of it as the
   * right one's is of its own.
   */
  #mistakenRounding(t: number): EntryFunction {
    const { parameter, offsets, rounding } = this.evidence[t]
    let [roundings, magnitudes] = [0, 0]
    for (const offset of offsets.subarray(0, ROUNDING_SAMPLE)) {
      roundings += rounding(offset)
      magnitudes += this.#right.#magnitude(parameter, offset)
    }
    const ratio = magnitudes === 0 ? 0 : roundings / magnitudes
    return (offset) => rounding(offset) + ratio * this.#magnitude(parameter, offset)
  }

  /** Σ|δ·a| of an element. */
  #magnitude({ layer, role }: ParameterTensor, offset: number): number {
    const [delta, input] = [this.backpropagation.delta(layer), this.pass.A[layer]]
    const isBias = role === 'biases'
    const [i, j] = isBias ? [offset, 0] : [Math.floor(offset / input.columns), offset % input.columns]
    let sum = 0
    for (let s = 0; s < delta.rows; s++) {
      const a = isBias ? 1 : input.data[s * input.columns + j]
      sum += Math.abs(delta.data[s * delta.columns + i] * a)
    }
    return sum
  }
}
