/** A mistake that people make in a backward pass, planted on purpose. */
export type BugKind =
  | 'none'
  | 'scaled'
  | 'sign'
  | 'transposed'
  | 'no-mean'
  | 'no-activation-derivative'
  | 'one-entry'
  | 'zero-row'
  | 'bias-not-summed'
  | 'no-l2'

/** A mistake and the layer it is in, from 1. */
export interface PlantedBug {
  readonly kind: BugKind
  readonly layer: number
}

interface BugDescription {
  readonly kind: BugKind
  readonly label: string
  /** What the wrong line does. */
  readonly explanation: string
  /** True where it is a matter of one layer. */
  readonly inLayer: boolean
}

export const BUGS: readonly BugDescription[] = [
  {
    kind: 'none',
    label: 'None: the gradient is right',
    explanation: 'Backpropagation as it should be.',
    inLayer: false,
  },
  {
    kind: 'scaled',
    label: 'dW is twice too large',
    explanation: 'A factor left over from another formula: dW = 2 · dZ Aᵀ.',
    inLayer: true,
  },
  {
    kind: 'sign',
    label: 'dW has the wrong sign',
    explanation: 'Target minus output where output minus target belongs: training walks uphill.',
    inLayer: true,
  },
  {
    kind: 'transposed',
    label: 'dW is transposed',
    explanation: 'A dZᵀ in place of dZ Aᵀ. Shapes only catch it where the matrix is not square.',
    inLayer: true,
  },
  {
    kind: 'no-mean',
    label: '1/m is forgotten',
    explanation: 'The loss is a mean over m samples, the gradient a sum.',
    inLayer: false,
  },
  {
    kind: 'no-activation-derivative',
    label: 'f′(Z) is left out',
    explanation: 'dZ = dA, without the derivative of the activation: every layer before is wrong as well.',
    inLayer: true,
  },
  {
    kind: 'one-entry',
    label: 'One entry of dW is off by 10 %',
    explanation: 'The hardest to see: a norm over everything hardly notices it.',
    inLayer: true,
  },
  {
    kind: 'zero-row',
    label: 'One unit has no gradient',
    explanation: 'A loop that begins at 1 leaves the first unit without a gradient.',
    inLayer: true,
  },
  {
    kind: 'bias-not-summed',
    label: 'db takes one sample alone',
    explanation: 'The bias is shared by all samples: its gradient is the sum over them, not the first.',
    inLayer: true,
  },
  {
    kind: 'no-l2',
    label: 'The L2 term is left out',
    explanation: 'The loss has λ/(2m) Σ W², the gradient lacks λ/m W. Needs an L2 above 0.',
    inLayer: false,
  },
]

export function describeBug(kind: BugKind): BugDescription {
  return BUGS.find((bug) => bug.kind === kind) ?? BUGS[0]
}
