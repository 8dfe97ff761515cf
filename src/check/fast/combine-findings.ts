import { diagnose } from '../diagnosis/diagnose.js'
import type { DiagnosisInput } from '../diagnosis/evidence.js'
import { LOCAL_KINDS } from '../diagnosis/kinds.js'
import type { Finding } from '../report.js'
import type { MergedFindings } from './merge-findings.js'

/**
 * What is wrong by the diagnosis and by where a fast check located it. Of a tensor that is wrong in some rows or
 * columns alone, only those were perturbed one by one, which says nothing of a mistake in all of it: its place stands
 * for it. Of one that is wrong throughout the place stands only where no mistake explains it.
 */
export function combineFindings(
  input: DiagnosisInput,
  { findings: located, wrongThroughout }: MergedFindings,
): Finding[] {
  const placed = new Set(located.flatMap(({ tensors }) => tensors))
  const tensors = input.tensors.map((tensor) =>
    placed.has(tensor.name) && !wrongThroughout.has(tensor.name)
      ? { ...tensor, verdict: 'inconclusive' as const }
      : tensor,
  )
  const local: ReadonlySet<string> = LOCAL_KINDS
  const diagnosed = diagnose({ ...input, tensors }).filter(
    (finding) => !local.has(finding.kind) || !finding.tensors.some((name) => placed.has(name)),
  )
  const explained = new Set(diagnosed.flatMap((finding) => finding.tensors))
  return [...diagnosed, ...located.filter((finding) => !finding.tensors.every((name) => explained.has(name)))]
}
