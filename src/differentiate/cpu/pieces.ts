import type { Model } from '../../network/model.js'
import type { DifferenceSettings, TensorDerivatives } from '../evaluator.js'
import { workPerColumn } from '../work.js'
import type { LossChanges } from './loss-changes.js'

/** Multiply-adds of a piece, where it can be split: some tens of milliseconds. */
const PIECE_WORK = 5e7
/** Perturbations of a piece at least: fewer would leave the product's register blocks empty. */
const SMALLEST_PIECE = 8

/** Some chosen elements of one tensor: `entries[from … to − 1]`. */
export interface Piece {
  /** Which of the tensors. */
  readonly tensor: number
  readonly from: number
  readonly to: number
}

/** What a piece gives. */
export interface PieceResult {
  readonly derivatives: Float64Array
  readonly kinks: Uint8Array
}

/** Splits what is left of the tensors into pieces of about the same work. */
export function* splitIntoPieces(
  model: Model,
  tensors: readonly TensorDerivatives[],
  settings: DifferenceSettings,
): Generator<Piece> {
  const sides = settings.scheme === 'central' ? 2 : 1
  for (const [t, { parameter, entries, done }] of tensors.entries()) {
    const work = sides * model.samples * workPerColumn(model, parameter.layer)
    const length = Math.max(SMALLEST_PIECE, Math.floor(PIECE_WORK / work))
    for (let from = done; from < entries.length; from += length) {
      yield { tensor: t, from, to: Math.min(entries.length, from + length) }
    }
  }
}

/** Evaluates a piece; the L2 term and the loss's scale are not in its derivatives. */
export function evaluatePiece(
  model: Model,
  changes: LossChanges,
  parameterIndex: number,
  entries: Uint32Array,
): PieceResult {
  const parameter = model.parameters[parameterIndex]
  const derivatives = new Float64Array(entries.length)
  const kinks = new Uint8Array(entries.length)
  const { inputs } = model.layers[parameter.layer]
  const isWeights = parameter.role === 'weights'
  for (let from = 0; from < entries.length; ) {
    const unit = isWeights ? Math.floor(entries[from] / inputs) : entries[from]
    let to = from + 1
    while (isWeights && to < entries.length && entries[to] < (unit + 1) * inputs) to++
    const fromInputs = isWeights
      ? entries.subarray(from, to).map((entry) => entry - unit * inputs)
      : undefined
    changes.ofUnit(parameter, unit, fromInputs, derivatives.subarray(from, to), kinks.subarray(from, to))
    from = to
  }
  return { derivatives, kinks }
}
