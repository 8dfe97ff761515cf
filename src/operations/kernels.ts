import type { Form, Placement } from './change.js'
import type { ScalarRule } from './scalar-rule.js'

/** Numbers that a kernel reads: the change of an operand, or what another kernel of the same operation wrote. */
export type Read = { readonly operand: number } | { readonly kernel: number }

/**
 * What is done for every perturbation p of a block, `size` numbers each: the parts that every operation's difference rule
 * is made of. In float64 src/program/run-kernels.ts runs them, on a device src/program/webgpu and the shaders of
 * shaders/program. Numbers of changes are divided by the step.
 */
export type Kernel = RuleKernel | ProductKernel | SumKernel | GatherKernel | SpreadKernel | SoftmaxKernel

/** An operand's change, as each element of a result reads it. */
export interface ReadChange {
  readonly from: Read
  /** Its numbers for each perturbation. */
  readonly size: number
  /** Which of them stands behind each element. */
  readonly order: Int32Array
}

/** A scalar rule at every element of a box. An operand that does not change is undefined. */
export interface RuleKernel {
  readonly kind: 'rule'
  readonly rule: ScalarRule
  /** The base point's, `rule.constants` for each element of the whole result. */
  readonly constants: Float64Array
  /** The whole result at the base point. */
  readonly values: Float64Array
  readonly place: Placement
  readonly operands: readonly (ReadChange | undefined)[]
  /** Element e lies on lane ⌊e/apart⌋ mod count: where a crossing is counted. */
  readonly lanes: { readonly apart: number; readonly count: number }
}

/** One side of products: element (p, i, t) at `each·p + starts[p] + along·i + term·t`. */
export interface Factor {
  /** A change, or numbers of the base point. */
  readonly from: Read | Float64Array
  readonly each: number
  readonly starts: Int32Array | undefined
  readonly along: number
  readonly term: number
}

/** Σ_t left(p, i, t)·right(p, j, t) at (p, i, j), times the step where that is asked for, added to what is there. */
export interface ProductKernel {
  readonly kind: 'product'
  readonly left: Factor
  readonly right: Factor
  readonly rows: number
  readonly columns: number
  readonly terms: number
  readonly timesStep: boolean
  /** The kernel whose result this one adds to and becomes; undefined where it is a result of its own. */
  readonly onto: number | undefined
}

/** factor·Σ_q of element outer[r] + inner[q] at each r. */
export interface SumKernel {
  readonly kind: 'sum'
  readonly from: Read
  /** The operand's numbers for each perturbation. */
  readonly before: number
  readonly outer: Int32Array
  readonly inner: Int32Array
  readonly factor: number
}

/** Element order[e] at e, of as many numbers. */
export interface GatherKernel {
  readonly kind: 'gather'
  readonly from: Read
  readonly order: Int32Array
}

/** Element e at starts[p] + inner[e], 0 elsewhere. */
export interface SpreadKernel {
  readonly kind: 'spread'
  readonly from: Read
  readonly starts: Int32Array
  readonly inner: Int32Array
  readonly size: number
}

/** Softmax cross-entropies of the rows of a box: what src/operations/losses.ts says. */
export interface SoftmaxKernel {
  readonly kind: 'softmax'
  readonly logits: Read | undefined
  readonly targets: Read | undefined
  readonly classes: number
  /** For each logit ln p, p, p·Σt − t and t. */
  readonly constants: Float64Array
  /** Rows. */
  readonly place: Placement
}

/** What carries an operation's change: the last kernel writes it, in the form said. */
export interface Carried {
  readonly form: Form
  readonly kernels: readonly Kernel[]
}

/** How many numbers a kernel writes for each perturbation. */
export function sizeOf(kernel: Kernel): number {
  switch (kernel.kind) {
    case 'rule':
    case 'softmax':
      return kernel.place.inner.length
    case 'product':
      return kernel.rows * kernel.columns
    case 'sum':
      return kernel.outer.length
    case 'gather':
      return kernel.order.length
    case 'spread':
      return kernel.size
  }
}
