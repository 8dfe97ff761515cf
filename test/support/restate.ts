import type { Problem } from '../../src/check/problem.js'
import type { Layout } from '../../src/network/layout.js'
import {
  backpropagatePlainly,
  nameArrays,
  type PlainNetwork,
  type Rows,
  transposed,
} from './plain-network.js'
import { problemOf } from './random-network.js'

/** Weights and biases of each layer, or their gradients, in a network's layout. */
export interface LayerArrays {
  readonly weights: readonly Rows[]
  readonly biases: readonly (readonly number[] | undefined)[]
}

/** A network and the gradient that somebody claims for it. */
export interface Claim {
  readonly plain: PlainNetwork
  readonly gradients: LayerArrays
}

export function claimRightly(plain: PlainNetwork): Claim {
  return { plain, gradients: backpropagatePlainly(plain) }
}

export function toProblem({ plain, gradients }: Claim): Problem {
  return { ...problemOf(plain).problem, gradients: nameArrays(gradients, 'd') }
}

/** The same claim with weights as outputs × inputs and data as features × samples, and another layout. */
export function inLayout({ plain, gradients }: Claim, layout: Layout): Claim {
  const turnsWeights = (plain.layout === 'rows') !== (layout === 'rows')
  const turnsData = (plain.layout === 'columns') !== (layout === 'columns')
  const weights = (W: Rows) => (turnsWeights ? transposed(W) : W)
  const data = (X: Rows) => (turnsData ? transposed(X) : X)
  return {
    plain: {
      ...plain,
      layout,
      weights: plain.weights.map(weights),
      inputs: data(plain.inputs),
      targets: data(plain.targets),
    },
    gradients: { weights: gradients.weights.map(weights), biases: gradients.biases },
  }
}

/** `order[i]` is the old place of what comes to stand at i. */
export type Order = readonly number[]

const reorder = <T>(values: readonly T[], order: Order): T[] => order.map((from) => values[from])

/** A claim in layout `columns` with its samples in another order, or some of them alone. */
export function takeSamples(claim: Claim, order: Order): Claim {
  const { plain } = claim
  const take = (rows: Rows) => rows.map((row) => reorder(row, order))
  const { sampleWeights, ignored } = plain
  return {
    ...claim,
    plain: {
      ...plain,
      inputs: take(plain.inputs),
      targets: take(plain.targets),
      ...(sampleWeights === undefined ? {} : { sampleWeights: reorder(sampleWeights, order) }),
      ...(ignored === undefined ? {} : { ignored: reorder(ignored, order) }),
    },
  }
}

/** A claim in layout `columns` with the units of hidden layer l, from 0, in another order. */
export function reorderUnits({ plain, gradients }: Claim, l: number, order: Order): Claim {
  const move = ({ weights, biases }: LayerArrays): LayerArrays => ({
    weights: weights.map((W, k) =>
      k === l ? reorder(W, order) : k === l + 1 ? W.map((row) => reorder(row, order)) : W,
    ),
    biases: biases.map((b, k) => (k === l && b !== undefined ? reorder(b, order) : b)),
  })
  return { plain: { ...plain, ...move(plain) }, gradients: move(gradients) }
}

/** A claim in layout `columns` with one weight's gradient changed. */
export function changeWeightGradient(
  claim: Claim,
  l: number,
  [i, j]: readonly [number, number],
  change: (value: number) => number,
): Claim {
  const weights = claim.gradients.weights.map((W, k) =>
    k === l ? W.with(i, W[i].with(j, change(W[i][j]))) : W,
  )
  return { ...claim, gradients: { ...claim.gradients, weights } }
}
