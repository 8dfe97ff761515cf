import { listNames } from '../../list-names.js'
import type { Finding } from '../report.js'
import { Baseline } from './baseline.js'
import { type DiagnosisInput, type Fit, gatherEvidence, measureFit } from './evidence.js'
import { explainWrong, type FoundMistake } from './explain.js'
import { describeKind, LOCAL_KINDS, type MistakeKind, pageOf } from './kinds.js'
import { countOf, MOST_NAMED } from './messages.js'

/**
 * Names what is wrong with a gradient: the fewest and simplest mistakes that give the analytical gradient, to
 * within the tolerance and its rounding, in every tensor that fails, and that leave the others right. What no
 * known mistake gives is `unexplained`.
 */
export function diagnose(input: DiagnosisInput): Finding[] {
  if (input.tensors.every(({ verdict }) => verdict !== 'fail')) return []
  const evidence = gatherEvidence(input)
  const wrong = evidence.filter(({ isWrong }) => isWrong)
  const baseline = new Baseline(input.model, input.model.basePass, evidence)
  return explainWrong(baseline, wrong).map(toFinding)
}

/** What tells more of a gradient that no known mistake explains, where no cost was saved. */
export function adviseToSaveCost(findings: readonly Finding[]): string[] {
  if (!findings.some(({ kind }) => kind === 'unexplained')) return []
  return [
    'no mistake known here explains all of the gradient: save the cost that your code computed beside it, as `cost`; ' +
      'it tells a wrong gradient from the right one of another network than the one declared',
  ]
}

/** What was found, as the report has it. */
export function toFinding(mistake: FoundMistake): Finding {
  const { kind, factor, layer, entries, alternatives } = mistake
  const explained = [...mistake.explained].sort((a, b) => a.evidence.t - b.evidence.t)
  const fit = LOCAL_KINDS.has(kind) ? undefined : measureFit(explained)
  const names = listNames(
    explained.map(({ evidence }) => evidence.name),
    MOST_NAMED,
  )
  const sentence = mistake.describe({
    names,
    plural: explained.length > 1,
    agreement: fit === undefined ? 'exactly' : describeAgreement(fit),
  })
  return {
    kind,
    tensors: explained.map(({ evidence }) => evidence.parameter.name),
    ...(factor === undefined ? {} : { factor }),
    ...(layer === undefined ? {} : { layer: layer + 1 }),
    ...(fit === undefined
      ? {}
      : { ...(fit.isRounding ? {} : { residual: fit.residual }), explained: fit.explained }),
    ...(entries === undefined ? {} : { entries }),
    ...(alternatives.length === 0 ? {} : { alternatives }),
    message: `${sentence}${describeScope(mistake)}${describeAlternatives(alternatives)}`,
    link: pageOf(kind),
  }
}

/** A figure only where it is one: numbers that are nothing but rounding agree in no digit. */
function describeAgreement({ residual, isRounding }: Fit): string {
  if (residual === 0) return 'exactly'
  return isRounding ? 'to within rounding' : `to ${residual.toExponential(1)}`
}

/** What a sampled check, kinks and the size of a network leave untested. */
function describeScope({ kind, explained }: FoundMistake): string {
  let [tested, total] = [0, 0]
  for (const { evidence } of explained) {
    tested += LOCAL_KINDS.has(kind) ? evidence.confirmed.length : evidence.offsets.length
    total += evidence.parameter.size
  }
  return tested === total ? '' : ` (judged by ${tested} of ${countOf(total, 'entry', 'entries')})`
}

function describeAlternatives(alternatives: readonly MistakeKind[]): string {
  const named = alternatives.map(describeKind).join(', or ')
  return alternatives.length === 0 ? '' : `; the same numbers would come from ${named}`
}
