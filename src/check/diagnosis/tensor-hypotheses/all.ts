import type { NumbersHypothesis, TensorHypothesis } from '../explanation.js'
import { proposeOtherTensor, proposeReversed, proposeShifted, proposeTransposed } from './arrangement.js'
import { proposeClipped } from './clipping.js'
import { proposePlaces } from './locality.js'
import {
  proposeBiasSums,
  proposeProductsOfSums,
  proposeSumsOfWeights,
  proposeWrongDelta,
  proposeWrongInput,
} from './products.js'
import { proposeRegularisation } from './regularisation.js'
import { proposeSamples } from './samples.js'
import { proposeOffset, proposeScaled, proposeZero } from './scale.js'

/** Every hypothesis on a single tensor. Of equally cheap explanations that of the earlier one is preferred. */
export const TENSOR_HYPOTHESES: readonly TensorHypothesis[] = [
  proposeZero,
  proposeScaled,
  proposeClipped,
  proposeTransposed,
  proposeRegularisation,
  proposeWrongDelta,
  proposeWrongInput,
  proposeBiasSums,
  proposeSumsOfWeights,
  proposeOtherTensor,
  proposeProductsOfSums,
  proposeSamples,
  proposeShifted,
  proposeReversed,
  proposeOffset,
  proposePlaces,
]

/** Those that ask for nothing but a tensor's numbers. */
export const ARRANGED_HYPOTHESES: readonly NumbersHypothesis[] = [
  proposeZero,
  proposeScaled,
  proposeClipped,
  proposeTransposed,
  proposeOtherTensor,
  proposeShifted,
  proposeReversed,
  proposeOffset,
  proposePlaces,
]

/** Those of them that hold whatever order the numbers are in. */
export const UNARRANGED_HYPOTHESES: readonly NumbersHypothesis[] = [
  proposeZero,
  proposeScaled,
  proposeClipped,
  proposeOtherTensor,
  proposeOffset,
]
