import { RootSum } from '../network/root-sum-squares.js'
import type { DType } from '../tensor.js'
import { DifferenceSum } from './compare.js'
import { type DigitsEvidence, recogniseFormats } from './digits.js'
import { ARITHMETIC_DEVIATIONS, type ErrorEstimate, rememberByTensor } from './error-estimate.js'
import { judgeTensor, type TensorEvidence, type TensorJudgement } from './judge.js'

/** Judgements by what tensors are stored in, and what they rest on. */
export interface JudgedAsStored extends DigitsEvidence {
  readonly evidence: readonly TensorEvidence[]
  readonly asStored: readonly TensorJudgement[]
}

/** Judgements by the digits that tensors have, and the estimate that goes with them. */
export interface JudgedByDigits {
  readonly judgements: readonly TensorJudgement[]
  readonly estimate: ErrorEstimate
}

/**
 * Judges tensors that disagree once more where their numbers have fewer digits than they are stored in. Such a tensor is
 * wrong in what fewer digits do not explain; else nobody but its author knows whether it is right, and it is
 * inconclusive.
 * @param toleranceOf the threshold for a format
 */
export function judgeByDigits(judged: JudgedAsStored, toleranceOf: (dtype: DType) => number): JudgedByDigits {
  const { results, gradients, estimate, evidence, asStored } = judged
  const disagreeing = asStored.flatMap(({ report }, t) => (report.verdict === 'pass' ? [] : [t]))
  const formats = recogniseFormats(judged, disagreeing)
  if (formats.size === 0) return { judgements: asStored, estimate }
  const dtypes = gradients.map(({ dtype }, t) => {
    const format = formats.get(t)
    return format?.isCertain ? format.dtype : dtype
  })
  const rounding = judged.roundingIn(dtypes)
  const byDigits: ErrorEstimate = {
    ...estimate,
    ofArithmetic: (t, offset) =>
      formats.get(t)?.isCertain
        ? ARITHMETIC_DEVIATIONS * rounding.roundoff(t) * rounding.deviation(t, offset)
        : estimate.ofArithmetic(t, offset),
    atMost: rememberByTensor(
      (t) =>
        estimate.atMost(t) +
        (formats.get(t)?.isCertain ? ARITHMETIC_DEVIATIONS * rounding.roundoff(t) * rounding.norm(t) : 0),
    ),
  }
  const judgements = asStored.map((judgement, t): TensorJudgement => {
    const format = formats.get(t)
    if (format === undefined) return judgement
    const reason = { kind: 'digits', ...format, stored: gradients[t].dtype } as const
    if (!format.isCertain) return { ...judgement, reasons: [...judgement.reasons, reason] }
    const again = judgeTensor(
      results[t],
      t,
      {
        ...evidence[t],
        gradient: { ...gradients[t], dtype: format.dtype },
        estimate: byDigits,
        tolerance: toleranceOf(format.dtype),
      },
      { difference: new DifferenceSum(), errors: new RootSum(), anyNonZero: false },
    )
    if (again.report.verdict === 'fail') return { ...again, reasons: [...again.reasons, reason] }
    return {
      ...judgement,
      // rounding in what it is stored in is no longer the reason
      reasons: [
        ...judgement.reasons.filter(({ kind }) => kind !== 'rounded'),
        ...onlyNew(again, judgement),
        reason,
      ],
      wrong: [],
      report: leaveOpen(judgement.report),
    }
  })
  return { judgements, estimate: byDigits }
}

/** Reasons of a judgement that another does not have. */
const onlyNew = ({ reasons }: TensorJudgement, other: TensorJudgement) =>
  reasons.filter(({ kind }) => other.reasons.every((reason) => reason.kind !== kind))

/** A tensor's report with its wrong entries left open. */
function leaveOpen(report: TensorJudgement['report']): TensorJudgement['report'] {
  return {
    ...report,
    verdict: 'inconclusive',
    wrongEntries: 0,
    undecidedEntries: report.wrongEntries + report.undecidedEntries,
    worst: report.worst.map((entry) => ({ ...entry, verdict: 'inconclusive' })),
  }
}
