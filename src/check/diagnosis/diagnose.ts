import type { Finding } from '../report.js'
import { Baseline } from './baseline.js'
import { type DiagnosisInput, gatherEvidence, measureFit } from './evidence.js'
import { explainWrong, type FoundMistake } from './explain.js'
import { LOCAL_KINDS, pageOf } from './kinds.js'
import { countOf, joinNames } from './messages.js'

const MOST_ENTRIES = 20

/**
 * Names what is wrong with a gradient: the fewest and simplest mistakes that give the analytical gradient, to
 * within the tolerance and its rounding, in every tensor that fails, and that leave the others right. What no
 * known mistake gives is `unexplained`.
 */
export function diagnose(input: DiagnosisInput): Finding[] {
  if (input.tensors.every(({ verdict }) => verdict !== 'fail')) return []
  const evidence = gatherEvidence(input)
  const wrong = evidence.filter(({ verdict, wrong: entries }) => verdict === 'fail' && entries.size > 0)
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
    ...(entries === undefined ? {} : { entries: entries.slice(0, MOST_ENTRIES) }),
    ...(alternatives.length === 0 ? {} : { alternatives }),
    message: `${sentence}${describeScope(explained)}${describeAlternatives(alternatives)}`,
    link: pageOf(kind),
  }
}

/** What a sample of the entries leaves open. */
function describeScope(explained: FoundMistake['explained']): string {
  let [checked, total] = [0, 0]
  for (const { evidence } of explained) {
    checked += evidence.checked
    total += evidence.parameter.size
  }
  return checked === total
    ? ''
    : ` (judged by the ${checked} of ${countOf(total, 'entry', 'entries')} that were checked)`
}

function describeAlternatives(alternatives: readonly string[]): string {
  return alternatives.length === 0 ? '' : `; the same numbers would come from: ${alternatives.join(', ')}`
}
