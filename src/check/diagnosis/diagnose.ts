import type { Finding } from '../report.js'
import { Baseline } from './baseline.js'
import { type DiagnosisInput, gatherEvidence, measureFit } from './evidence.js'
import { explainWrong, type FoundMistake } from './explain.js'
import { describeKind, LOCAL_KINDS, type MistakeKind, pageOf } from './kinds.js'
import { countOf, joinNames } from './messages.js'

/**
 * Names what is wrong with a gradient: the fewest and simplest mistakes that give the analytical gradient, to
 * within the tolerance and its rounding, in every tensor that fails, and that leave the others right. What no
 * known mistake gives is `unexplained`.
 */
export function diagnose(input: DiagnosisInput): Finding[] {
  if (input.tensors.every(({ verdict }) => verdict !== 'fail')) return []
  const evidence = gatherEvidence(input)
  const wrong = evidence.filter(({ isWrong }) => isWrong)
  const baseline = new Baseline(input.model, input.model.forward(), evidence)
  return explainWrong(baseline, wrong).map(toFinding)
}

function toFinding(mistake: FoundMistake): Finding {
  const { kind, factor, layer, entries, alternatives } = mistake
  const explained = [...mistake.explained].sort((a, b) => a.evidence.t - b.evidence.t)
  const fit = LOCAL_KINDS.has(kind) ? undefined : measureFit(explained)
  const names = joinNames(explained.map(({ evidence }) => evidence.name))
  const sentence = mistake.describe({
    names,
    plural: explained.length > 1,
    agreement: fit === undefined || fit.residual === 0 ? 'exactly' : `to ${fit.residual.toExponential(1)}`,
  })
  return {
    kind,
    tensors: explained.map(({ evidence }) => evidence.parameter.name),
    ...(factor === undefined ? {} : { factor }),
    ...(layer === undefined ? {} : { layer: layer + 1 }),
    ...(fit === undefined ? {} : { residual: fit.residual, explained: fit.explained }),
    ...(entries === undefined ? {} : { entries }),
    ...(alternatives.length === 0 ? {} : { alternatives }),
    message: `${sentence}${describeScope(mistake)}${describeAlternatives(alternatives)}`,
    link: pageOf(kind),
  }
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
