import { RootSum } from '../network/root-sum-squares.js'
import type { DType } from '../tensor.js'
import { DifferenceSum } from './compare.js'
import { conclude, type Findings } from './conclude.js'
import { judgeTensor, type Totals } from './judge.js'
import { type JudgedAsStored, type JudgedByDigits, judgeByDigits } from './judge-by-digits.js'
import { toleranceOfWhole } from './tolerances.js'

/**
 * Judges every tensor of a check, those that disagree by the digits that they have.
 * @param toleranceOf the threshold for a format
 */
export function judgeAll(
  judged: Omit<JudgedAsStored, 'asStored'>,
  toleranceOf: (dtype: DType) => number,
): JudgedByDigits & { readonly totals: Totals } {
  const totals: Totals = { difference: new DifferenceSum(), errors: new RootSum(), anyNonZero: false }
  const asStored = judged.results.map((tensor, t) => judgeTensor(tensor, t, judged.evidence[t], totals))
  return { ...judgeByDigits({ ...judged, asStored }, toleranceOf), totals }
}

/** The verdict on the whole, and what it is held against: the tolerance, and how exact the numerical gradient is. */
export function concludeAll(
  found: Omit<Findings, 'tolerance' | 'numericalError'>,
  tolerances: readonly number[],
): ReturnType<typeof conclude> & Pick<Findings, 'tolerance' | 'numericalError'> {
  const { judgements, totals } = found
  const { norms } = totals.difference
  const tolerance = toleranceOfWhole(
    tolerances,
    judgements.map((judgement) => judgement.norms),
    norms,
  )
  const numericalError = norms === 0 ? 0 : totals.errors.value / norms
  return { ...conclude({ ...found, tolerance, numericalError }), tolerance, numericalError }
}
