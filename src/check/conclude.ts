import type { Evaluator } from '../differentiate/evaluator.js'
import type { CrossValidation } from './error-estimate.js'
import type { TensorJudgement, Totals } from './judge.js'
import type { Verdict } from './report.js'
import type { SecondLook } from './suspects.js'

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
  const count = (kind: 'undecided' | 'overflowed' | 'unexamined') =>
    judgements.reduce((sum, judgement) => sum + judgement[kind], 0)
  const [undecided, overflowed, unexamined] = [count('undecided'), count('overflowed'), count('unexamined')]
  const isSingle = evaluator.precision === 'single'
  if (undecided > 0) {
    notices.push(
      `${undecided} disagreeing ${undecided === 1 ? 'entry' : 'entries'} could not be judged: the network sits on a kink there; try a smaller --step or another point`,
    )
  }
  if (overflowed > 0) {
    // two parts have the range of one
    const remedy = evaluator.precision === 'double' ? 'a smaller --step' : '--device cpu for float64'
    notices.push(
      `${overflowed} numerical ${overflowed === 1 ? 'derivative is' : 'derivatives are'} not finite: the arithmetic overflowed; try ${remedy}`,
    )
  }
  if (unexamined > 0) {
    notices.push(
      `${unexamined} more ${unexamined === 1 ? 'entry disagrees' : 'entries disagree'}, perhaps because the step is large: use a smaller --step`,
    )
  }
  if (numericalError > tolerance) {
    const step = evaluator.name === 'textbook' ? 'another --step' : 'a smaller --step'
    const remedy = isSingle ? `${step}, --precision extended, --device cpu for float64` : step
    notices.push(
      `the numerical gradient's own error (${numericalError.toExponential(1)}) is above the tolerance: use ${remedy}, or a larger --tolerance`,
    )
  } else if (undecided + overflowed + unexamined === 0) {
    const names = judgements.flatMap(({ report }) => (report.verdict === 'inconclusive' ? [report.name] : []))
    notices.push(
      `the difference of ${names.join(', ')} is above the tolerance, but within the error estimates of both gradients`,
    )
  }
  return notices
}
