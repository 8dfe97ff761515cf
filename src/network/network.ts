import { GradcheckError } from '../errors.js'
import { type ActivationConstants, type ActivationText, findActivationWith } from './activations.js'
import { findLayout, type Layout } from './layout.js'
import { findLoss, type LossName } from './losses.js'

/** A layer as the user declares it; its widths come from the weights. */
export interface LayerDeclaration {
  readonly kind: 'dense'
  readonly activation: ActivationText
}

/** What is checked: the layers in order, the loss, and how the arrays are laid out. */
export interface Network {
  readonly layers: readonly LayerDeclaration[]
  readonly loss: LossName
  readonly layout: Layout
  /** λ of the term λ/(2m)·Σ W² that is added to the loss, biases left out. */
  readonly l2: number
}

export interface NetworkOptions {
  loss: LossName | (string & {})
  /** @default 'columns' */
  layout?: Layout | (string & {})
  /** @default 0 */
  l2?: number
}

/**
 * Declares a fully connected layer, activation(WX + b). Its widths come from the weights.
 * @param activation its name; one with a constant may have it in parentheses, `leaky-relu(0.2)`
 * @param constants or by name, `dense('leaky-relu', { slope: 0.2 })`
 * @throws GradcheckError `unknown-name` for an activation that does not exist, `bad-network` for a constant that it
 * cannot have
 */
export function dense(activation: 'leaky-relu', constants: { slope: number }): LayerDeclaration
export function dense(activation: 'elu', constants: { alpha: number }): LayerDeclaration
export function dense(activation: ActivationText | (string & {})): LayerDeclaration
export function dense(activation: string, constants?: ActivationConstants): LayerDeclaration {
  // as the function of names.map(dense) it is also given an index
  const named = typeof constants === 'object' ? constants : {}
  return { kind: 'dense', activation: findActivationWith(activation, named).text }
}

/**
 * Declares a network of layers one after the other.
 * @throws GradcheckError `unknown-name` or `bad-network`: no layer, a loss that does not fit the last activation,
 * a negative or non-finite `l2`.
 */
export function sequential(layers: readonly LayerDeclaration[], options: NetworkOptions): Network {
  if (layers.length === 0) throw new GradcheckError('bad-network', 'a network needs at least one layer')
  const loss = findLoss(options.loss)
  const layout = findLayout(options.layout ?? 'columns')
  const l2 = options.l2 ?? 0
  if (!(l2 >= 0 && Number.isFinite(l2))) {
    throw new GradcheckError('bad-network', `l2 must be a finite number ≥ 0, not ${l2}`)
  }
  const last = layers[layers.length - 1].activation
  if (loss.lastActivation !== undefined && last !== loss.lastActivation) {
    throw new GradcheckError(
      'bad-network',
      `loss ${loss.name} needs ${loss.lastActivation} as the last activation, not ${last}`,
      { fix: lastActivationFix(loss.name, last) },
    )
  }
  return { layers: [...layers], loss: loss.name, layout, l2 }
}

function lastActivationFix(loss: LossName, last: ActivationText): string {
  if (loss === 'softmax-cross-entropy') {
    return 'end the activations with linear: the softmax belongs to the loss'
  }
  if (loss === 'binary-cross-entropy' && last === 'linear') {
    return 'end the activations with sigmoid: the sigmoid is part of what the loss reads'
  }
  return `end the activations with ${findLoss(loss).lastActivation}, or name the loss that was used`
}
