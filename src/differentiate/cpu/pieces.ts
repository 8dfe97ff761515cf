import type { Model } from '../../network/model.js'
import type { DifferenceSettings, Perturbed, TensorDerivatives } from '../evaluator.js'
import { type Part, splitByUnits } from '../units.js'
import { workPerColumn } from '../work.js'

/** Multiply-adds of a piece, where it can be split: some tens of milliseconds. */
const PIECE_WORK = 5e7
/** Perturbations of a piece at least: fewer would leave the product's register blocks empty. */
const SMALLEST_PIECE = 8
/** The same of units whose outputs are moved: as many as are carried at once. */
const FEWEST_UNITS = 32

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
  const { inputs } = model.layers[l]
  const work = model.samples * (2 * workPerColumn(model, l) + inputs)
  const length = Math.max(FEWEST_UNITS, Math.floor(PIECE_WORK / work))
  for (const parts of splitByUnits(model, tensors, ofLayer, length)) {
    yield { perturbed: 'outputs', parts, work: length * work }
  }
}
