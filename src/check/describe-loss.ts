import type { Model } from '../network/model.js'
import type { LossReport } from './report.js'

/** The loss that a check was made with. */
export function describeLoss({ network, weighting }: Model, weighted: boolean): LossReport {
  const { total, counted } = weighting
  return { name: network.loss, reduction: network.reduction, samples: { total, counted }, weighted }
}

/** That some samples do not count, which changes every mean. */
export function explainIgnored({ network, weighting }: Model): string[] {
  const { total, counted } = weighting
  if (counted === total) return []
  const ignored = total - counted
  const verbs = ignored === 1 ? 'has the class %s and does' : 'have the class %s and do'
  return [
    `${ignored} of the ${total} samples ${verbs.replace('%s', String(network.ignoreIndex))} not count: m is ${counted} in every mean`,
  ]
}
