/** What the user's code may have done otherwise than the network declared. */
export type SetupChange =
  | 'loss'
  | 'reduction'
  | 'l2'
  | 'layout'
  | 'activation'
  | 'biases'
  | 'samples'
  | 'parameters'

/** Another network or loss that gives the saved cost, or the gradient. */
export interface CostSuspect {
  readonly change: SetupChange
  /** What it is, in words: `the loss is half-squared-error`. */
  readonly message: string
  /** What to do about it, if it is so: the option that declares it, where there is one. */
  readonly fix: string
  /** ‖g − g′‖₂/(‖g‖₂ + ‖g′‖₂) of the analytical gradient and of backpropagation through this other network. */
  readonly gradientDifference: number
  /** Whether that is within the check's tolerance: then the gradient speaks for it as well. */
  readonly gradientAgrees: boolean
}

/** The cost saved beside the gradient is not the cost of the network declared. */
export interface CostFinding {
  readonly kind: 'cost'
  readonly message: string
  readonly savedCost: number
  /** The saved cost over ours; not finite where ours is 0. */
  readonly ratio: number
  /** The most likely first; empty where nothing that is usual explains it. */
  readonly suspects: readonly CostSuspect[]
}

/** The cost saved beside the gradient is NaN or infinite. */
export interface CostNotFiniteFinding {
  readonly kind: 'cost-not-finite'
  readonly message: string
  readonly savedCost: number
  /** True where the loss declared overflows here when it is computed as it stands, so that it may be the one that was run. */
  readonly isExplained: boolean
}

/** Gradients beside those of the network's parameters: of parameters that the network declared does not have. */
export interface NotCheckedFinding {
  readonly kind: 'not-checked'
  readonly message: string
  /** The gradients' names. */
  readonly gradients: readonly string[]
}

/** Other arrays that nothing was done with. */
export interface NotUsedFinding {
  readonly kind: 'not-used'
  readonly message: string
  readonly arrays: readonly string[]
}

/** No cost was saved, and the gradient, wrong for the network declared, is right for another. */
export interface OtherNetworkFinding {
  readonly kind: 'other-network'
  readonly message: string
  /** The networks that have this gradient, the likeliest first. */
  readonly suspects: readonly CostSuspect[]
}

/** Tensors of which both gradients are exactly zero. */
export interface UntestedFinding {
  readonly kind: 'untested'
  readonly message: string
  readonly tensors: readonly string[]
}

/** The gradient is near zero everywhere: what is compared is rounding. */
export interface NearZeroFinding {
  readonly kind: 'near-zero'
  readonly message: string
  /** The gradient's norm over what rounding leaves of the terms it is summed from. */
  readonly roundings: number
}

/** Units of a layer are 0 for every sample. */
export interface DeadFinding {
  readonly kind: 'dead'
  readonly message: string
  /** Number of the layer, from 1. */
  readonly layer: number
  readonly units: number
  readonly deadUnits: number
  /** Parameters of which nothing was tested, where the whole layer is dead. */
  readonly tensors: readonly string[]
}

/** The slopes of a layer's activation are rounded away. */
export interface SaturatedFinding {
  readonly kind: 'saturated'
  readonly message: string
  /** Number of the layer, from 1. */
  readonly layer: number
  /** The share of its values, over units and samples, that is saturated. */
  readonly share: number
}

/** Whether a finding shows that another network was run than the one declared. */
export const showsAnotherNetwork = (finding: SetupFinding): boolean =>
  finding.kind === 'cost' || (finding.kind === 'cost-not-finite' && !finding.isExplained)

/** Something about the problem itself, other than its gradient, that a reader must know. */
export type SetupFinding =
  | CostFinding
  | CostNotFiniteFinding
  | OtherNetworkFinding
  | NotCheckedFinding
  | NotUsedFinding
  | NearZeroFinding
  | UntestedFinding
  | DeadFinding
  | SaturatedFinding
