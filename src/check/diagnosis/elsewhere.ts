import { listNames } from '../../list-names.js'
import type { Finding } from '../report.js'
import type { CostSuspect, SetupChange } from '../setup/findings.js'
import { type MistakeKind, pageOf } from './kinds.js'
import { MOST_NAMED } from './messages.js'

/** What a gradient is called that is right elsewhere than where it was checked. */
const KINDS: Partial<Record<SetupChange, MistakeKind>> = {
  samples: 'other-samples',
  parameters: 'other-parameters',
}

/**
 * One finding in place of all, where the whole gradient is right for another network or at another point: what holds
 * of every tensor is likelier than as many mistakes.
 * @param suspects those that the gradient speaks for, the likeliest first
 * @param tensors the parameters whose gradients are wrong
 */
export function explainElsewhere(suspects: readonly CostSuspect[], tensors: readonly string[]): Finding[] {
  const [first, ...others] = suspects
  if (first === undefined) return []
  const kind = kindOf(first)
  const alternatives = [...new Set(others.map(kindOf))].filter((other) => other !== kind)
  // of another network the set-up says what to do
  const ways = suspects
    .map(({ message, fix }) => (kind === 'other-network' ? message : `${message} (${fix})`))
    .join(', or ')
  return [
    {
      kind,
      tensors,
      residual: first.gradientDifference,
      ...(alternatives.length === 0 ? {} : { alternatives }),
      message: `the gradients of ${listNames(tensors, MOST_NAMED)} are right elsewhere, to ${first.gradientDifference.toExponential(1)}: where ${ways}`,
      link: pageOf(kind),
    },
  ]
}

const kindOf = ({ change }: CostSuspect): MistakeKind => KINDS[change] ?? 'other-network'
