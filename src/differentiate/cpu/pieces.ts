import type { Model } from '../../network/model.js'
import type { DifferenceSettings, Perturbed, TensorDerivatives } from '../evaluator.js'
import { workPerColumn } from '../work.js'

/** Multiply-adds of a piece, where it can be split: some tens of milliseconds. */
const PIECE_WORK = 5e7
/** Perturbations of a piece at least: fewer would leave the product's register blocks empty. */
const SMALLEST_PIECE = 8
/** The same of units whose outputs are moved: as many as are carried at once. */
const FEWEST_UNITS = 32

/** Some chosen elements of one tensor: `entries[from … to − 1]`. */
export interface Part {
  /** Which of the tensors. */
  readonly tensor: number
  readonly from: number
  readonly to: number
}

/** What is evaluated at once: elements of one tensor by themselves, or of all tensors of a layer by their units' outputs. */
export interface Piece {
  readonly perturbed: Perturbed
  readonly parts: readonly Part[]
  /** Multiply-adds, roughly. */
  readonly work: number
}

/** Splits what is left of the tensors into pieces of about the same work. */
export function* splitIntoPieces(
  model: Model,
  tensors: readonly TensorDerivatives[],
  settings: DifferenceSettings,
): Generator<Piece> {
  for (const [t, tensor] of tensors.entries()) {
    if (tensor.perturbed === 'parameters') yield* splitTensor(model, tensor, t, settings)
    else {
      const { layer } = tensor.parameter
      const ofLayer = [...tensors.keys()].filter(
        (k) => tensors[k].parameter.layer === layer && tensors[k].perturbed === 'outputs',
      )
      if (ofLayer[0] === t) yield* splitLayer(model, tensors, ofLayer)
    }
  }
}

function* splitTensor(
  model: Model,
  { parameter, entries, done }: TensorDerivatives,
  t: number,
  settings: DifferenceSettings,
): Generator<Piece> {
  const sides = settings.scheme === 'central' ? 2 : 1
  const work = sides * model.samples * workPerColumn(model, parameter.layer)
  const length = Math.max(SMALLEST_PIECE, Math.floor(PIECE_WORK / work))
  for (let from = done; from < entries.length; from += length) {
    const part = { tensor: t, from, to: Math.min(entries.length, from + length) }
    yield { perturbed: 'parameters', parts: [part], work: length * work }
  }
}

/** Splits tensors of one layer by its units. */
function* splitLayer(
  model: Model,
  tensors: readonly TensorDerivatives[],
  ofLayer: readonly number[],
): Generator<Piece> {
  const l = tensors[ofLayer[0]].parameter.layer
  const { inputs, outputs } = model.layers[l]
  const work = model.samples * (2 * workPerColumn(model, l) + inputs)
  const length = Math.max(FEWEST_UNITS, Math.floor(PIECE_WORK / work))
  const next = ofLayer.map((t) => tensors[t].done)
  const perUnit = ofLayer.map((t) => (tensors[t].parameter.role === 'weights' ? inputs : 1))
  /** The first unit that still has entries. */
  const nextUnit = () =>
    ofLayer.reduce((least, t, k) => {
      const { entries } = tensors[t]
      return next[k] < entries.length ? Math.min(least, Math.floor(entries[next[k]] / perUnit[k])) : least
    }, outputs)
  while (nextUnit() < outputs) {
    const first = [...next]
    for (let count = 0; count < length && nextUnit() < outputs; count++) {
      const end = nextUnit() + 1
      for (const [k, t] of ofLayer.entries()) {
        next[k] = firstFrom(tensors[t].entries, end * perUnit[k], next[k])
      }
    }
    const parts = ofLayer.flatMap((t, k) =>
      next[k] > first[k] ? [{ tensor: t, from: first[k], to: next[k] }] : [],
    )
    yield { perturbed: 'outputs', parts, work: length * work }
  }
}

/** The first place from `from` on where an ascending list reaches a value. */
function firstFrom(list: Uint32Array, value: number, from: number): number {
  let [low, high] = [from, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}
