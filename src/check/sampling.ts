import type { TensorDerivatives } from '../differentiate/evaluator.js'
import { DETECTION_PROBABILITY, smallestExtent } from './fast/detection.js'
import type { SamplingReport } from './report.js'

/** What a check of some entries of every tensor, chosen at random, finds with which probability. */
export function describeSampling(results: readonly TensorDerivatives[]): SamplingReport {
  return {
    probability: DETECTION_PROBABILITY,
    tensors: results.map(({ parameter, done }) => ({
      name: parameter.name,
      singleEntry: done / parameter.size,
      extent: smallestExtent(parameter.size, done) / parameter.size,
    })),
  }
}

/** The same in words, by the tensor of which least was checked; nothing where all of every tensor was. */
export function explainSampling({ tensors }: SamplingReport): string[] {
  const partial = tensors.filter(({ singleEntry }) => singleEntry < 1)
  if (partial.length === 0) return []
  const [least] = partial.toSorted((a, b) => a.singleEntry - b.singleEntry)
  const [widest] = partial.toSorted((a, b) => b.extent - a.extent)
  const where =
    widest.extent < 1
      ? `they are ${formatPercent(widest.extent)} of a tensor (${widest.name}) or more`
      : `a tensor (${widest.name}) is wrong in every entry`
  return [
    `a sample can miss errors: a single wrong entry is found with a probability of ${formatPercent(least.singleEntry)} (${least.name}) or more; wrong entries are found with 99 % probability where ${where}`,
  ]
}

const formatPercent = (share: number) => {
  const percent = 100 * share
  return `${percent < 1e-3 ? percent.toExponential(1) : Number(percent.toPrecision(2))} %`
}
