import type { Form, Placement } from './change.js'
import type { ScalarRule } from './scalar-rule.js'

/** Numbers that a kernel reads: the change of an operand, or what another kernel of the same operation wrote. */
export type Read = { readonly operand: number } | { readonly kernel: number }

/**
 * What is done for every perturbation p of a block, `size` numbers each: the parts that every operation's difference rule
 * is made of. In float64 src/program/run-kernels.ts runs them, on a device src/program/webgpu and the shaders of
 * shaders/program. Numbers of changes are divided by the step.
 */
export type Kernel =
  | RuleKernel
  | ProductKernel
  | SumKernel
  | GatherKernel
  | SpreadKernel
  | PickKernel
  | SoftmaxKernel
  | StandardizeKernel

/** An operand's change, as each element of a result reads it. */
export interface ReadChange {
  readonly from: Read
  /** Its numbers for each perturbation. */
  readonly size: number
  /** Which of them stands behind each element. */
  readonly order: Int32Array
}

/** Element e of a result lies on lane ⌊e/apart⌋ mod count: where a crossing is counted. */
export interface Lanes {
  readonly apart: number
  readonly count: number
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
  readonly lanes: Lanes
}

/**
 * One side of products: of batch b, row (or column) i and term t it gives the number at
 * `each·p + starts[p] + batches[b] + along[i] + terms[t]`.
 */
export interface Factor {
  /** A change, or numbers of the base point. */
  readonly from: Read | Float64Array
  readonly each: number
  readonly starts: Int32Array | undefined
  readonly batches: Int32Array
  /** Of the left side by rows, of the right one by columns. */
  readonly along: Int32Array
  readonly terms: Int32Array
}

/** Σ_t left(p, b, i, t)·right(p, b, j, t) at (p, b, i, j), times the step where that is asked for, added to what is there. */
export interface ProductKernel {
  readonly kind: 'product'
  readonly left: Factor
  readonly right: Factor
  readonly timesStep: boolean
  /** The kernel whose result this one adds to and becomes; undefined where it is a result of its own. */
  readonly onto: number | undefined
}

/** Rows of numbers: member q of row r at outer[r] + inner[q]. */
export interface Rows {
  readonly outer: Int32Array
  readonly inner: Int32Array
}

/** factor·Σ_q of the members of each row. */
export interface SumKernel {
  readonly kind: 'sum'
  readonly from: Read
  /** The operand's numbers for each perturbation. */
  readonly before: number
  readonly rows: Rows
  readonly factor: number
}

/** Element order[e] at e, 0 where that is below 0. */
export interface GatherKernel {
  readonly kind: 'gather'
  readonly from: Read
  /** The operand's numbers for each perturbation. */
  readonly before: number
  readonly order: Int32Array
}

/** Element e at starts[p] + inner[e], 0 elsewhere, or what is there; nowhere where that is below 0. */
export interface SpreadKernel {
  readonly kind: 'spread'
  readonly from: Read
  readonly starts: Int32Array
  readonly inner: Int32Array
  readonly size: number
  /** The kernel among whose numbers these are put; undefined where the others are 0. */
  readonly onto: number | undefined
}

/** The greatest or the least member of each row: what src/operations/extremes.ts says. */
export interface PickKernel {
  readonly kind: 'pick'
  readonly from: Read
  readonly before: number
  /** `width` for each row: where its members stand; below 0 for none. */
  readonly members: Int32Array
  readonly width: number
  /** 1 for the greatest, −1 for the least. */
  readonly sign: 1 | -1
  /** How far each member of each row of the whole result is from being picked, `width` a row; 0 where there is none. */
  readonly gaps: Float64Array
  readonly place: Placement
  readonly lanes: Lanes
}

/** What a kernel makes of each row of logits. */
export type SoftmaxMode = 'loss' | 'log-sum-exp' | 'softmax' | 'log-softmax'

/** What src/operations/softmax.ts says of rows of logits: a number each, or as many as there are logits. */
export interface SoftmaxKernel {
  readonly kind: 'softmax'
  readonly mode: SoftmaxMode
  readonly logits: Read | undefined
  /** Of losses alone. */
  readonly targets: Read | undefined
  readonly before: number
  readonly rows: Rows
  /** For each logit of each row of the whole array ln p, p, p·Σt − t and t. */
  readonly constants: Float64Array
  /** Rows. */
  readonly place: Placement
}

/** Rows less their mean by their deviation, or by their root mean square: what src/operations/standardization.ts says. */
export interface StandardizeKernel {
  readonly kind: 'standardize'
  readonly from: Read
  readonly before: number
  readonly rows: Rows
  readonly isCentred: boolean
  /** For each row of the whole array its results ŷ, then r = 1/√(variance + ε), ε·r² and the mean of ŷ². */
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
      return kernel.place.inner.length
    case 'product':
      return kernel.left.batches.length * kernel.left.along.length * kernel.right.along.length
    case 'sum':
      return kernel.rows.outer.length
    case 'gather':
      return kernel.order.length
    case 'spread':
      return kernel.size
    case 'pick':
      return kernel.members.length / kernel.width
    case 'softmax':
      return kernel.mode === 'loss' || kernel.mode === 'log-sum-exp'
        ? kernel.rows.outer.length
        : kernel.before
    case 'standardize':
      return kernel.before
  }
}

/** What a scalar rule costs at an element beside a multiply-add, and what rows of logits and of norms do. */
const WORK = { rule: 8, softmax: 30, standardize: 12 } as const

/** Multiply-adds of a kernel for each perturbation, roughly. */
export function workOf(kernel: Kernel): number {
  switch (kernel.kind) {
    case 'rule':
      return WORK.rule * sizeOf(kernel)
    case 'product':
      return sizeOf(kernel) * kernel.left.terms.length
    case 'sum':
      return kernel.rows.outer.length * kernel.rows.inner.length
    case 'pick':
      return 2 * kernel.members.length
    case 'softmax':
      return WORK.softmax * kernel.before
    case 'standardize':
      return WORK.standardize * kernel.before
    case 'gather':
    case 'spread':
      return sizeOf(kernel)
  }
}
