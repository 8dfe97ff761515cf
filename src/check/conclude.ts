import { type Evaluator, unitRoundoffOf } from '../differentiate/evaluator.js'
import type { CrossValidation } from './cross-validation.js'
import type { TensorJudgement, Totals } from './judge.js'
import type { TensorReport, Verdict } from './report.js'
import type { SecondLook } from './suspects.js'

const FLOAT64_ROUNDOFF = 2 ** -53

/** Everything that the verdict on a whole check rests on. */
export interface Findings {
  readonly judgements: readonly TensorJudgement[]
  readonly crossValidation: CrossValidation
  readonly secondLook: SecondLook
  readonly totals: Totals
  readonly tolerance: number
  readonly numericalError: number
  readonly evaluator: Evaluator
  readonly interrupted: boolean
}

/** The verdict on the whole, and what a reader must be told about it. */
export function conclude(found: Findings): { verdict: Verdict; notices: string[] } {
  const { judgements, crossValidation, secondLook } = found
  const notices: string[] = []
  let verdict: Verdict = 'pass'
  if (judgements.some(({ report }) => report.verdict === 'inconclusive')) {
    verdict = 'inconclusive'
    notices.push(...explainInconclusive(found))
  }
  if (found.interrupted) {
    verdict = 'inconclusive'
    notices.push('the check was interrupted: it covers only the parameters counted as checked')
  } else if (!found.totals.anyNonZero && judgements.every(({ overflowed }) => overflowed === 0)) {
    verdict = 'inconclusive'
    notices.push('both gradients are zero everywhere: nothing was tested; check at another point')
  }
  if (judgements.some(({ report }) => report.verdict === 'fail')) verdict = 'fail'
  const disagreements = crossValidation.disagreements + secondLook.disagreements
  if (disagreements > 0) {
    verdict = 'inconclusive'
    const looked = crossValidation.checked + secondLook.checked
    notices.push(
      `internal error: a second evaluation disagrees with the first on ${disagreements} of ${looked} parameters; please report it`,
    )
  }
  return { verdict, notices }
}

/** Why some tensors are inconclusive, and what to do about it. */
function explainInconclusive({ judgements, numericalError, tolerance, evaluator }: Findings): string[] {
  const notices: string[] = []
  const count = (kind: 'unresolved' | 'overflowed') =>
    judgements.reduce((sum, judgement) => sum + judgement[kind], 0)
  const [unresolved, overflowed] = [count('unresolved'), count('overflowed')]
  const isCoarse = unitRoundoffOf(evaluator.precision) > FLOAT64_ROUNDOFF
  if (unresolved > 0) {
    notices.push(
      `${unresolved} disagreeing ${unresolved === 1 ? 'entry crosses' : 'entries cross'} a kink and could not be evaluated again: check once more, without interrupting`,
    )
  }
  if (overflowed > 0) {
    // two parts have the range of one
    const remedy = evaluator.precision === 'double' ? 'a smaller --step' : '--device cpu for float64'
    notices.push(
      `${overflowed} numerical ${overflowed === 1 ? 'derivative is' : 'derivatives are'} not finite: the arithmetic overflowed; try ${remedy}`,
    )
  }
  if (numericalError > tolerance) {
    const step = evaluator.name === 'textbook' ? '--method difference, another --step' : 'a smaller --step'
    const remedy = isCoarse ? `${step}, --precision extended, --device cpu for float64` : step
    notices.push(
      `the numerical gradient's own error (${numericalError.toExponential(1)}) is above the tolerance: use ${remedy}, or a larger --tolerance`,
    )
  } else if (unresolved + overflowed === 0) {
    notices.push(
      ...judgements.flatMap(({ report }) =>
        report.verdict === 'inconclusive' ? [explainTensor(report, tolerance)] : [],
      ),
    )
  }
  return notices
}

/** Why a tensor is open although neither a kink nor an overflow is the reason. */
function explainTensor({ name, gradient, numericalError }: TensorReport, tolerance: number): string {
  return numericalError > tolerance
    ? `the difference of ${name} is above the tolerance, and so is the numerical error there (${numericalError.toExponential(1)}): use a larger --tolerance, or check at another point`
    : `the difference of ${name} is above the tolerance, but no entry is off by more than rounding in ${gradient}'s own precision explains: compute ${gradient} with more digits, or use a larger --tolerance`
}
