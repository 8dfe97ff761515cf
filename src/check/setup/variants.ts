import { GradcheckError } from '../../errors.js'
import { type ActivationText, USUAL_ACTIVATIONS } from '../../network/activations.js'
import { LAYOUT_NAMES } from '../../network/layout.js'
import { findLoss, LOSS_NAMES, type Loss, type LossName } from '../../network/losses.js'
import type { Model } from '../../network/model.js'
import { dense, type Network, sequential } from '../../network/network.js'
import {
  describeReduction,
  divisorOf,
  isMean,
  REDUCTION_NAMES,
  type Reduction,
} from '../../network/reductions.js'
import { setting } from '../../settings.js'
import type { BoundNetwork, Rebind } from '../problem.js'
import type { SetupChange } from './findings.js'
import { listUnlistedNetworks } from './unlisted-activations.js'

/** J = data·(the loss of the samples) + weights·Σ W² + biases·Σ b² */
export interface CostTerms {
  readonly data: number
  readonly weights: number
  readonly biases: number
}

/** Another network that reads the same arrays, its loss as it is declared. */
export interface OtherNetwork {
  readonly change: SetupChange
  readonly message: string
  readonly fix: string
  /** True where it has an activation that cannot be declared. */
  readonly isUnlisted?: true
  /** Reads the arrays as that network does; undefined where they do not fit it. */
  bind(): BoundNetwork | undefined
}

/**
 * The networks that are taken for one another, the cheapest mistakes first: another reduction or loss, another layout,
 * biases left out, another activation in one layer or in all that share one, two activations in each other's place,
 * activations that cannot be declared.
 */
export function* listOtherNetworks(declared: Model, rebind: Rebind): Generator<OtherNetwork> {
  const { network } = declared
  yield* otherLosses(declared, rebind)
  for (const layout of LAYOUT_NAMES) {
    if (layout === network.layout) continue
    yield {
      change: 'layout',
      message: `the arrays are laid out as ${layout}`,
      fix: `declare ${setting('layout', layout)}`,
      bind: () => tryToBind(() => rebind({ ...network, layout, l2: 0 })),
    }
  }
  yield* missingBiases(declared, rebind)
  yield* otherActivations(network, rebind)
  yield* listUnlistedNetworks(declared, rebind)
}

/** Runs what refuses arrays that do not fit. */
export function tryToBind(bind: () => BoundNetwork): BoundNetwork | undefined {
  try {
    return bind()
  } catch (error) {
    if (error instanceof GradcheckError) return undefined
    throw error
  }
}

/** Each loss by each reduction, the losses' own reductions first; each that is another function once. */
function* otherLosses({ network, weighting }: Model, rebind: Rebind): Generator<OtherNetwork> {
  const names = network.layers.map(({ activation }) => activation)
  const declared = names[names.length - 1]
  const describe = (loss: Loss, reduction: Reduction) =>
    `${loss.code} ${loss.factor / divisorOf(reduction, weighting)}`
  const known = new Set([describe(findLoss(network.loss), network.reduction)])
  const losses = LOSS_NAMES.map(findLoss)
  const own = losses.map((loss) => ({ loss, reduction: loss.reduction }))
  const isSame = (loss: Loss) => loss.name === network.loss
  const rest = losses
    .toSorted((a, b) => Number(isSame(b)) - Number(isSame(a)))
    .flatMap((loss) => REDUCTION_NAMES.map((reduction) => ({ loss, reduction })))
  for (const { loss, reduction } of [...own, ...rest]) {
    const key = describe(loss, reduction)
    if (known.has(key)) continue
    known.add(key)
    const last = loss.lastActivation ?? declared
    const activations = names.with(-1, last)
    const isOwn = reduction === loss.reduction
    const after = last === declared ? '' : ` after ${last}`
    const how = describeReduction(reduction)
    const options = [
      isSame(loss) ? '' : setting('loss', loss.name),
      isOwn && !isSame(loss) ? '' : setting('reduction', reduction),
      last === declared ? '' : setting('activations', activations.join()),
    ]
    yield {
      change: isSame(loss) ? 'reduction' : 'loss',
      message: `the loss is ${isSame(loss) ? how : `${loss.name}${after}${isOwn ? '' : `, ${how}`}`}`,
      fix: `declare ${options.filter((option) => option !== '').join(' ')}`,
      bind: () => bindWith(network, rebind, { activations, loss: loss.name, reduction }),
    }
  }
}

function* missingBiases({ network, parameters }: Model, rebind: Rebind): Generator<OtherNetwork> {
  const biases = parameters.filter(({ role }) => role === 'biases')
  const choices = biases.length > 1 ? [biases, ...biases.map((one) => [one])] : [biases]
  for (const left of choices) {
    if (left.length === 0) continue
    const names = left.map(({ name }) => name).join(', ')
    const layers = left.map(({ layer }) => layer)
    yield {
      change: 'biases',
      message: `${names} ${left.length === 1 ? 'is' : 'are'} not added`,
      fix: `add ${names} in the forward pass, or leave ${left.length === 1 ? 'it' : 'them'} out of the file`,
      bind: () => tryToBind(() => rebind({ ...network, l2: 0 }, layers)),
    }
  }
}

function* otherActivations(network: Network, rebind: Rebind): Generator<OtherNetwork> {
  const names = network.layers.map(({ activation }) => activation)
  const propose = (activations: ActivationText[], message: string): OtherNetwork => ({
    change: 'activation',
    message,
    fix: `declare ${setting('activations', activations.join())}`,
    bind: () => bindWith(network, rebind, { activations }),
  })
  for (const other of USUAL_ACTIVATIONS) {
    for (const [l, name] of names.entries()) {
      if (other === name) continue
      yield propose(names.with(l, other), `layer ${l + 1} has ${gloss(other)}, not ${name}`)
    }
    for (const name of new Set(names)) {
      const layers = names.flatMap((each, l) => (each === name ? [l + 1] : []))
      if (other === name || layers.length < 2) continue
      const changed = names.map((each) => (each === name ? other : each))
      yield propose(changed, `layers ${layers.join(', ')} have ${gloss(other)}, not ${name}`)
      // a loss may hold the last one fast
      const last = names.length - 1
      if (layers.length < 3 || names[last] !== name) continue
      yield propose(
        changed.with(last, name),
        `layers ${layers.slice(0, -1).join(', ')} have ${gloss(other)}, not ${name}`,
      )
    }
  }
  for (let k = 0; k < names.length; k++) {
    for (let l = k + 1; l < names.length; l++) {
      if (names[k] === names[l]) continue
      const swapped = names.with(k, names[l]).with(l, names[k])
      yield propose(swapped, `the activations of layers ${k + 1} and ${l + 1} are swapped`)
    }
  }
}

/** An activation with what it is also called. */
const gloss = (activation: ActivationText) =>
  activation === 'gelu-sigmoid' ? 'gelu-sigmoid, z·σ(1.702z) or quick GELU' : activation

function bindWith(
  network: Network,
  rebind: Rebind,
  changes: { activations: readonly ActivationText[]; loss?: LossName; reduction?: Reduction },
): BoundNetwork | undefined {
  const { loss = network.loss, reduction = network.reduction } = changes
  const { layout, ignoreIndex } = network
  // labels that are to be ignored are none of the others'
  const ignored = ignoreIndex === undefined || loss !== network.loss ? {} : { ignoreIndex }
  return tryToBind(() =>
    rebind(sequential(changes.activations.map(dense), { loss, reduction, layout, ...ignored })),
  )
}

/** A factor between two ways of adding up the same loss. */
export interface ReductionFactor {
  readonly factor: number
  readonly message: string
}

/**
 * The factors by which the ways of adding up a loss differ: products of 2, the samples and the outputs, each to
 * the power −1, 0 or 1, the simplest first and without 1.
 */
export function listReductions(model: Model): ReductionFactor[] {
  const samples = model.countedSamples
  const outputs = model.targets.columns
  const { reduction } = model.network
  const byFactor = new Map<number, { size: number; ways: string[] }>()
  const powers = [0, 1, -1]
  for (const a of powers) {
    for (const b of powers) {
      for (const c of powers) {
        const factor = samples ** a * outputs ** b * 2 ** c
        const size = Math.abs(a) + Math.abs(b) + Math.abs(c)
        const known = byFactor.get(factor)
        if (factor === 1 || (known !== undefined && known.size < size)) continue
        const words = [
          describePower(a, samples, 'sample', isMean(reduction)),
          describePower(b, outputs, 'output', reduction === 'mean-elements'),
          c === 0 ? '' : c > 0 ? 'doubled' : 'halved',
        ]
        const way = words.filter((word) => word !== '').join(', ')
        // with two samples the loss may be doubled, or their sum taken
        if (known?.size === size) known.ways.push(way)
        else byFactor.set(factor, { size, ways: [way] })
      }
    }
  }
  return [...byFactor]
    .sort(([, a], [, b]) => a.size - b.size)
    .map(
      ([
        factor,
        {
          ways: [first, ...others],
        },
      ]) => ({
        factor,
        message: others.length === 0 ? first : `${first} (or ${others.join('; or ')})`,
      }),
    )
}

function describePower(power: number, count: number, noun: string, isMean: boolean): string {
  const all = `${count} ${noun}s`
  if (power > 0) return isMean ? `summed over the ${all}, not averaged` : `multiplied by the ${all}`
  if (power < 0) return isMean ? `divided by the ${all} twice` : `averaged over the ${all}, not summed`
  return ''
}
