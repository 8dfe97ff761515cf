import type { TensorHypothesis } from '../explanation.js'
import { proposeOtherTensor, proposeShifted, proposeTransposed } from './arrangement.js'
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
import { proposeScaled, proposeZero } from './scale.js'

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
  proposePlaces,
]
