import type { EvaluationHooks, Evaluator, TensorDerivatives } from '../../differentiate/evaluator.js'
import { listNames } from '../../list-names.js'
import { setting } from '../../settings.js'
import type { GradientRounding } from '../error-estimate.js'
import type { BoundProblem } from '../problem.js'
import type { SavedCostReport, Verdict } from '../report.js'
import { compareCost } from './explain-cost.js'
import type { CostFinding, CostSuspect, SetupFinding } from './findings.js'
import { mayOverflow } from './guarded-cost.js'
import { findDeadLayers, findNearZero, findSaturatedLayers, findUntested } from './inspect-point.js'
import { findOtherNetwork } from './other-networks.js'
import { findOtherPoints } from './other-points.js'
import { describeUnread } from './unread-arrays.js'

const MOST_NAMED = 3

/** What a check knows when its set-up is looked at. */
export interface CheckedProblem {
  readonly problem: BoundProblem
  readonly results: readonly TensorDerivatives[]
  readonly rounding: GradientRounding
  readonly evaluator: Evaluator
  readonly tolerance: number
  /** The verdict on the gradient, as if the network declared were the one that was run. */
  readonly verdict: Verdict
}

/** The verdict in the light of the set-up, and what is wrong with that. */
export interface JudgedSetup {
  readonly verdict: Verdict
  readonly findings: readonly SetupFinding[]
  /** Absent where no cost was saved. */
  readonly savedCost?: SavedCostReport
  /** Those of them, in words, that a verdict is inconclusive for. */
  readonly reasons: readonly string[]
}

/**
 * Looks for mistakes in the set-up of a check: a saved cost that the network declared does not give, arrays that nothing
 * was done with, and a point at which little can be tested. Where the saved cost is another, the network that was run is
 * another, and neither a gradient that is right for the one declared nor one that is wrong for it says anything about
 * that: the verdict is `inconclusive`.
 */
export async function inspectSetup(checked: CheckedProblem, hooks: EvaluationHooks): Promise<JudgedSetup> {
  const { problem, results, rounding, evaluator } = checked
  const { model, gradients } = problem
  const findings: SetupFinding[] = []
  let { verdict } = checked
  const cost = await inspectCost(checked, hooks)
  if (cost?.finding !== undefined) {
    findings.push(cost.finding)
    if (!cost.allows) verdict = 'inconclusive'
  }
  if (problem.savedCost === undefined && verdict === 'fail') {
    const other = await findOtherNetwork(problem, checked.tolerance, hooks)
    if (other !== undefined) findings.push(other)
  }
  const unread = describeUnread(problem.unread)
  findings.push(...unread.notChecked)
  const nearZero = findNearZero(model, results, gradients, rounding, evaluator)
  if (nearZero !== undefined) findings.push(nearZero)
  const pass = model.basePass
  const dead = findDeadLayers(model, pass)
  const untested = findUntested(model, results, gradients, new Set(dead.flatMap(({ tensors }) => tensors)))
  findings.push(...dead, ...untested, ...findSaturatedLayers(model, pass, gradients), ...unread.notUsed)
  const reasons = cost?.finding !== undefined && !cost.allows ? [cost.finding.message] : []
  return { verdict, findings, reasons, ...(cost === undefined ? {} : { savedCost: cost.report }) }
}

/** What a saved cost says. */
interface InspectedCost {
  readonly report: SavedCostReport
  readonly finding?: SetupFinding
  /** False where it shows that another network was run. */
  readonly allows: boolean
}

async function inspectCost(
  { problem, rounding, tolerance, verdict }: CheckedProblem,
  hooks: EvaluationHooks,
): Promise<InspectedCost | undefined> {
  const { model, savedCost } = problem
  if (savedCost === undefined) return undefined
  const cost = model.cost(model.basePass)
  const { value } = savedCost
  if (!Number.isFinite(value)) {
    const isExplained = mayOverflow(model, savedCost.unitRoundoff) || !Number.isFinite(cost)
    const message = isExplained
      ? `the saved cost is ${value}, ours ${formatCost(cost)}: its code took the logarithm of 0, or overflowed`
      : `the saved cost is ${value}, ours ${formatCost(cost)}, and nothing overflows in the network declared: ` +
        'another one was run, or the code of the cost is wrong'
    const finding = { kind: 'cost-not-finite', savedCost: value, isExplained, message } as const
    return { report: { value, agrees: false }, finding, allows: isExplained }
  }
  const { agrees, suspects, digits } = await compareCost(
    problem,
    savedCost,
    rounding.magnitudes,
    tolerance,
    verdict,
    hooks,
  )
  const report = { value, agrees, ...(digits === undefined ? {} : { digits }) }
  if (agrees) return { report, allows: true }
  const ratio = value / cost
  // what the gradient speaks for as well comes alone
  const isSettled = verdict !== 'fail' || suspects.some(({ gradientAgrees }) => gradientAgrees)
  const points = isSettled ? [] : findOtherPoints(problem, tolerance, value)
  const named = points.length > 0 ? points : suspects
  const message = describeCost({ savedCost: value, ratio, suspects: named }, cost, verdict)
  return {
    report,
    finding: { kind: 'cost', savedCost: value, ratio, suspects: named, message },
    allows: false,
  }
}

function describeCost(
  { savedCost, ratio, suspects }: Pick<CostFinding, 'savedCost' | 'ratio' | 'suspects'>,
  cost: number,
  verdict: Verdict,
): string {
  const times = Number.isFinite(ratio) ? ` (${Number(ratio.toPrecision(6))} times ours)` : ''
  const fact = `the network declared has the cost ${formatCost(cost)}, the saved cost is ${formatCost(savedCost)}${times}`
  const isPenalty = suspects.length > 0 && suspects.every(({ change }) => change === 'l2')
  const right = isPenalty
    ? '. The gradient is right without that term, whose derivative it lacks'
    : '. The gradient is right for the network declared, and for that alone'
  const standing = verdict === 'pass' ? right : ''
  if (suspects.length === 0) {
    const settings = ['activations', 'loss', 'layout', 'l2'] as const
    const advice = `compare ${listNames(settings.map((name) => setting(name)))} with the code that was run`
    return `${fact}, which no usual mistake explains: ${advice}${standing}`
  }
  const named = suspects.slice(0, MOST_NAMED)
  const [first] = named
  const gradient = first.gradientAgrees ? ', and the gradient agrees with that' : ''
  if (suspects.length === 1)
    return `${fact}: in the code that was run ${first.message}${gradient}; ${first.fix}${standing}`
  const more = suspects.length > named.length ? `, or ${suspects.length - named.length} more` : ''
  const either = named.map(describeSuspect).join(', or ')
  return `${fact}. Each of these explains it${gradient}: ${either}${more}${standing}`
}

const describeSuspect = ({ message, fix }: CostSuspect) => `${message} (${fix})`

const formatCost = (cost: number) => String(Number(cost.toPrecision(7)))
