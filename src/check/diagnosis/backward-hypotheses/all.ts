import type { BackwardHypothesis } from '../explanation.js'
import { proposeSlopes } from './activations.js'
import { proposeFactors } from './factors.js'
import { proposeLossDerivatives } from './loss.js'
import { proposeRescaled } from './rescaled.js'
import { proposeWeights } from './weights.js'

/** Every hypothesis on the backward pass. Of equally cheap explanations that of the earlier one is preferred. */
export const BACKWARD_HYPOTHESES: readonly BackwardHypothesis[] = [
  proposeFactors,
  proposeRescaled,
  proposeSlopes,
  proposeLossDerivatives,
  proposeWeights,
]
