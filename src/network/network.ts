import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { isRecord, requireName, requireRecord } from '../requirements.js'
import {
  ACTIVATION_NAMES,
  type ActivationConstants,
  type ActivationText,
  findActivationWith,
} from './activations.js'
import { findLayout, type Layout } from './layout.js'
import { findLoss, LOSS_NAMES, type Loss, type LossName } from './losses.js'
import { findReduction, REDUCTION_NAMES, type Reduction } from './reductions.js'

/** A layer as the user declares it; its widths come from the weights. */
export interface LayerDeclaration {
  readonly kind: 'dense'
  readonly activation: ActivationText
}

/** What is checked: the layers in order, the loss, and how the arrays are laid out. */
export interface Network {
  readonly layers: readonly LayerDeclaration[]
  readonly loss: LossName
  /** How the samples' losses become one number. */
  readonly reduction: Reduction
  /** The class number of samples that do not count, if there is one. */
  readonly ignoreIndex?: number
  readonly layout: Layout
  /** λ of the term λ/(2m)·Σ W² that is added to the loss, biases left out. */
  readonly l2: number
}

export interface NetworkOptions {
  loss: LossName | (string & {})
  /** @default the loss's own: `sum` of half-squared-error, `mean-elements` of mean-squared-error, else `mean` */
  reduction?: Reduction | (string & {})
  /** The class number of samples that do not count, of softmax-cross-entropy; −100 by PyTorch's convention. */
  ignoreIndex?: number
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
  requireName('activation', activation, ACTIVATION_NAMES)
  // as the function of names.map(dense) it is also given an index
  const named = isRecord(constants) ? constants : {}
  return { kind: 'dense', activation: findActivationWith(activation, named).text }
}

/**
 * Declares a network of layers one after the other.
 * @throws GradcheckError `unknown-name` or `bad-network`: no layer, one that was not made by `dense`, a loss that does
 * not fit the last activation, a negative or non-finite `l2`, a class to ignore where there are none; `bad-usage` without options.
 */
export function sequential(layers: readonly LayerDeclaration[], options: NetworkOptions): Network {
  requireLayers(layers)
  requireRecord(
    'what follows the layers in sequential',
    options,
    "name the loss: sequential(layers, { loss: '…' })",
  )
  requireName('loss', options.loss, LOSS_NAMES)
  const loss = findLoss(options.loss)
  if (options.reduction !== undefined) requireName('reduction', options.reduction, REDUCTION_NAMES)
  const reduction = findReduction(options.reduction ?? loss.reduction)
  const layout = findLayout(options.layout ?? 'columns')
  const { ignoreIndex } = options
  if (ignoreIndex !== undefined) requireIgnorable(loss, ignoreIndex)
  const l2 = options.l2 ?? 0
  if (!(typeof l2 === 'number' && l2 >= 0 && Number.isFinite(l2))) {
    throw new GradcheckError('bad-network', `l2 must be a finite number ≥ 0, not ${describeValue(l2)}`)
  }
  const last = layers[layers.length - 1].activation
  if (loss.lastActivation !== undefined && last !== loss.lastActivation) {
    throw new GradcheckError(
      'bad-network',
      `loss ${loss.name} needs ${loss.lastActivation} as the last activation, not ${last}`,
      { fix: lastActivationFix(loss.name, last) },
    )
  }
  return {
    layers: [...layers],
    loss: loss.name,
    reduction,
    ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
    layout,
    l2,
  }
}

/**
 * Reads what somebody gave as a network.
 * @throws GradcheckError `bad-usage`, `bad-network` or `unknown-name` for anything that `sequential` would not make
 */
export function requireNetwork(value: Network): Network {
  const fix = 'declare it: sequential([dense(activation), …], { loss })'
  requireRecord('the network', value, fix)
  if (value.layers === undefined)
    throw new GradcheckError('bad-network', 'the network has no layers', { fix })
  return sequential(value.layers, value)
}

function requireLayers(layers: readonly unknown[]): void {
  const fix = "give a list with dense('relu') or the like for each layer"
  if (!Array.isArray(layers)) {
    throw new GradcheckError('bad-network', `the layers are ${describeValue(layers)}, not a list`, { fix })
  }
  if (layers.length === 0)
    throw new GradcheckError('bad-network', 'a network needs at least one layer', { fix })
  for (const [l, layer] of layers.entries()) {
    if (isRecord(layer) && layer.kind === 'dense') {
      // names what is unknown
      dense(layer.activation as string)
      continue
    }
    throw new GradcheckError('bad-network', `layer ${l + 1} is ${describeValue(layer)}, not a layer`, {
      fix: typeof layer === 'string' ? `write dense(${describeValue(layer)})` : fix,
    })
  }
}

function requireIgnorable(loss: Loss, ignoreIndex: number): void {
  if (!loss.readsClasses) {
    throw new GradcheckError('bad-network', `${loss.name} has no classes, so that none can be ignored`, {
      fix: 'give the samples that do not count the sample weight 0, or leave them out',
    })
  }
  if (!Number.isSafeInteger(ignoreIndex)) {
    throw new GradcheckError(
      'bad-network',
      `the class to ignore must be a whole number, not ${describeValue(ignoreIndex)}`,
    )
  }
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
