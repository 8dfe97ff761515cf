import type { CrossValidation } from './cross-validation.js'
import type { TensorJudgement, Totals } from './judge.js'
import { type ArithmeticOf, explainReasons } from './reasons.js'
import type { Verdict } from './report.js'
import type { SecondLook } from './suspects.js'

/** Everything that the verdict on a whole check rests on. */
export interface Findings {
  readonly judgements: readonly TensorJudgement[]
  readonly crossValidation: CrossValidation
  readonly secondLook: Pick<SecondLook, 'checked' | 'disagreements'>
  readonly totals: Totals
  readonly tolerance: number
  readonly numericalError: number
  readonly evaluator: ArithmeticOf
  readonly interrupted: boolean
}

/** The verdict on the whole, and all that it or a tensor is inconclusive for. */
export function conclude(found: Findings): { verdict: Verdict; reasons: string[] } {
  const { judgements, crossValidation, secondLook, totals, evaluator } = found
  const open = judgements.map(({ report, reasons }) => ({
    ...report,
    isWrong: report.verdict === 'fail',
    reasons,
  }))
  const reasons = explainReasons(open, evaluator)
  const isWrong = open.some(({ verdict }) => verdict === 'fail')
  if (found.numericalError > found.tolerance && !isWrong && reasons.length === 0) {
    reasons.push(
      `the numerical gradient's own error (${found.numericalError.toExponential(1)}) is above the tolerance: use a larger tolerance, or check at another point`,
    )
  }
  if (found.interrupted) {
    reasons.push('the check was interrupted: it covers only the parameters counted as checked')
  } else if (!totals.anyNonZero && open.every((tensor) => tensor.reasons.length === 0)) {
    reasons.push('both gradients are zero everywhere: nothing was tested; check at another point')
  }
  const disagreements = crossValidation.disagreements + secondLook.disagreements
  if (disagreements > 0) {
    const looked = crossValidation.checked + secondLook.checked
    reasons.push(
      `internal error: a second evaluation disagrees with the first on ${disagreements} of ${looked} parameters; please report it`,
    )
  }
  if (isWrong && disagreements === 0) return { verdict: 'fail', reasons }
  return { verdict: reasons.length > 0 ? 'inconclusive' : 'pass', reasons }
}
