import type { Evaluator, TensorDerivatives } from '../../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../../network/bind.js'
import type { ParameterTensor } from '../../network/model.js'
import { normOf, RootSum } from '../../network/root-sum-squares.js'
import { normOfScales, type StepScales, scaleOf } from '../../network/step-scales.js'
import type { TensorJudgement } from '../judge.js'
import type { FastReport, Finding, LocatedReport, Verdict } from '../report.js'
import { describeLocation, locateInUsersArray } from './describe-location.js'
import { DETECTION_PROBABILITY, PROOF_RATIO } from './detection.js'
import type { FastFindings, TensorProbes } from './fast-check.js'
import type { Location } from './localise.js'
import { DIRECTIONS } from './plan.js'
import type { Probed } from './prober.js'

/** Tensors whose smallest findable error a sentence names. */
const MOST_NAMED = 4

/** A check's judgement of single entries and what both gradients and their estimates are. */
export interface EntryFindings {
  readonly results: readonly TensorDerivatives[]
  readonly gradients: readonly AnalyticalGradient[]
  readonly judgements: readonly TensorJudgement[]
  readonly evaluator: Evaluator
  /** What the elements of directions were divided by. */
  readonly scales?: StepScales | undefined
}

/** Directions and single entries together. */
export interface MergedFindings {
  readonly judgements: readonly TensorJudgement[]
  readonly findings: readonly Finding[]
  /** Names of the tensors that are wrong wherever they have a gradient. */
  readonly wrongThroughout: ReadonlySet<string>
  readonly notices: readonly string[]
  /** ‖g − ĝ‖ / (‖g‖ + ‖ĝ‖) of all parameters, estimated from the directions. */
  readonly difference: number
  readonly anyNonZero: boolean
  readonly report: FastReport
}

/**
 * Judges tensors by their directions as well: one whose directions disagree by more than random errors within their
 * bounds can explain is wrong, even if no single entry of it was caught. One whose entries were all looked at is judged by
 * these alone.
 */
export function mergeFindings(fast: FastFindings, found: EntryFindings): MergedFindings {
  const findings: Finding[] = []
  const wrongThroughout = new Set<string>()
  const notices: string[] = []
  const total = { distance: new RootSum(), numerical: new RootSum(), analytical: new RootSum() }
  const judgements = found.judgements.map((judgement, t) => {
    const probes = fast.tensors[t]
    if (probes === undefined) return judgement
    const isWhole = wasLookedAt(found.results[t])
    const norms = isWhole
      ? normsOfEntries(found.results[t], found.gradients[t])
      : normsOfDirections(probes, found.results[t].parameter, found.gradients[t], found.scales)
    total.distance.add(norms.distance)
    total.numerical.add(norms.numerical)
    total.analytical.add(norms.analytical)
    const difference = differenceOf(norms)
    const { parameter } = found.results[t]
    const byDirections = isWhole ? AGREED : judgeDirections(probes, hasFewerDigits(judgement))
    const verdict = worse(judgement.report.verdict, byDirections.verdict)
    const located =
      probes.location === undefined || verdict !== 'fail'
        ? undefined
        : refineLocation(t, probes.location, judgement, found)
    if (located !== undefined) {
      findings.push({
        kind: 'located',
        tensors: [parameter.name],
        message: located.message,
        link: 'docs/mistakes/located.md',
      })
      if (located.throughout) wrongThroughout.add(parameter.name)
    }
    const isAbove = !isWhole && verdict === 'pass' && difference > judgement.report.tolerance
    const isOpen =
      verdict !== 'fail' && !hasFewerDigits(judgement) && (isAbove || byDirections.verdict === 'inconclusive')
    return {
      ...judgement,
      reasons: isOpen
        ? [...judgement.reasons, { kind: 'directions', onKink: byDirections.onKink } as const]
        : judgement.reasons,
      report: {
        ...judgement.report,
        difference,
        verdict: isAbove ? 'inconclusive' : verdict,
        ...(located === undefined ? {} : { located: located.report }),
      },
    }
  })
  const report = reportDirections(fast, found)
  if (!fast.interrupted) notices.push(...describeReach(report, found.evaluator))
  return {
    judgements,
    findings,
    wrongThroughout,
    notices,
    difference: differenceOf({
      distance: total.distance.value,
      numerical: total.numerical.value,
      analytical: total.analytical.value,
    }),
    anyNonZero: total.analytical.value > 0 || total.numerical.value > 0,
    report,
  }
}

interface Norms {
  /** ‖g − ĝ‖ */
  readonly distance: number
  readonly analytical: number
  readonly numerical: number
}

/** Whether every entry of a tensor was looked at, and each has a value. */
function wasLookedAt({ derivatives, done, parameter }: TensorDerivatives): boolean {
  return done === parameter.size && derivatives.every(Number.isFinite)
}

function normsOfEntries({ derivatives, entries }: TensorDerivatives, { values }: AnalyticalGradient): Norms {
  return {
    distance: normOf(derivatives.map((value, k) => value - values[entries[k]])),
    numerical: normOf(derivatives),
    analytical: normOf(values),
  }
}

/** Estimated from the directions, which know each entry over its scale: as much larger as the analytical gradient is. */
function normsOfDirections(
  { groups }: TensorProbes,
  parameter: ParameterTensor,
  { values }: AnalyticalGradient,
  scales: StepScales | undefined,
): Norms {
  const analytical = normOf(values)
  const relative = normOf(values.map((value, k) => value / scaleOf(scales, parameter, k)))
  const factor =
    relative === 0 ? normOfScales(scales, parameter) / Math.sqrt(parameter.size) : analytical / relative
  const estimate = (of: (group: Probed) => number) => factor * normOf(Float64Array.from(groups, of))
  return {
    distance: estimate((group) => group.distance),
    numerical: estimate((group) => group.numerical),
    analytical,
  }
}

function differenceOf({ distance, analytical, numerical }: Norms): number {
  return distance === 0 ? 0 : distance / (analytical + numerical)
}

const AGREED = { verdict: 'pass', onKink: false } as const

/** What the directions alone say; what sits on a kink, or lies between suspicion and proof, they leave open. */
function judgeDirections(
  { groups }: TensorProbes,
  hasFewerDigits: boolean,
): { verdict: Verdict; onKink: boolean } {
  const suspicious = groups.filter(({ excess }) => excess > 1)
  if (suspicious.length === 0) return AGREED
  // directions are held to what a tensor is stored in
  if (!hasFewerDigits && suspicious.some(({ excess, onKink }) => excess >= PROOF_RATIO && !onKink)) {
    return { verdict: 'fail', onKink: false }
  }
  return { verdict: 'inconclusive', onKink: suspicious.every((group) => group.onKink) }
}

/** Whether a tensor is open because its numbers have fewer digits than it is stored in. */
const hasFewerDigits = ({ reasons }: TensorJudgement) =>
  reasons.some((reason) => reason.kind === 'digits' && reason.isCertain)

const RANK: Readonly<Record<Verdict, number>> = { pass: 0, inconclusive: 1, fail: 2 }

const worse = (a: Verdict, b: Verdict) => (RANK[a] >= RANK[b] ? a : b)

/** Rows and columns that are wrong, without those whose entries were all looked at and found right. */
function refineLocation(
  t: number,
  { rows, columns, complete }: Location,
  { report, wrong }: TensorJudgement,
  found: EntryFindings,
): { report: LocatedReport; message: string; throughout: boolean } {
  const { parameter } = found.results[t]
  const width = rowLength(parameter)
  const offsets = wrong.map((position) => found.results[t].entries[position])
  const isKnown = complete && offsets.length > 0
  const wrongRows = isKnown ? distinct(offsets.map((offset) => Math.floor(offset / width))) : [...rows]
  const wrongColumns = isKnown ? distinct(offsets.map((offset) => offset % width)) : [...columns]
  // where backpropagation gives 0 and the truth is 0 too (behind dead units, say), a wrong row or column has gaps
  const { values } = found.gradients[t]
  const isWhole = (
    lines: number[],
    others: number[],
    length: number,
    at: (i: number, j: number) => number,
  ) => {
    const present = new Set(others)
    for (let j = 0; j < length; j++) {
      if (!present.has(j) && !lines.every((i) => values[at(i, j)] === 0)) return false
    }
    return true
  }
  const wholeRows = isWhole(wrongRows, wrongColumns, width, (i, j) => i * width + j)
  const wholeColumns = isWhole(wrongColumns, wrongRows, values.length / width, (j, i) => i * width + j)
  const located = locateInUsersArray(parameter, wrongRows, wrongColumns, isKnown)
  const { transposed } = parameter
  const message = describeLocation(parameter, {
    located,
    wrongEntries: isKnown ? offsets : undefined,
    wholeRows: transposed ? wholeColumns : wholeRows,
    wholeColumns: transposed ? wholeRows : wholeColumns,
  })
  const unseen =
    offsets.length === 0 ? ` by its directions, although none of ${report.checked} single entries is` : ''
  return { report: located, message: message + unseen, throughout: wholeRows && wholeColumns }
}

function rowLength({ role, shape, transposed }: ParameterTensor): number {
  return role === 'biases' ? 1 : transposed ? shape[0] : shape[1]
}

const distinct = (items: readonly number[]) => [...new Set(items)].sort((a, b) => a - b)

function reportDirections(fast: FastFindings, { results, gradients, scales }: EntryFindings): FastReport {
  return {
    directions: DIRECTIONS,
    evaluator: 'cpu',
    perturbations: fast.perturbations,
    detectable: {
      probability: DETECTION_PROBABILITY,
      tensors: fast.tensors.flatMap(({ groups }, t) => {
        const { parameter } = results[t]
        if (groups.length === 0) return []
        const { values } = gradients[t]
        const scale = values.reduce((largest, _, k) => Math.max(largest, scaleOf(scales, parameter, k)), 0)
        const relative = values.map((value, k) => value / scaleOf(scales, parameter, k))
        const rms = normOf(relative) / Math.sqrt(values.length)
        const quiet = groups.filter(({ excess }) => excess <= 1)
        const error = quiet.reduce((largest, group) => Math.max(largest, group.smallestError), 0)
        return [
          {
            name: parameter.name,
            groups: groups.length,
            disagreeing: groups.length - quiet.length,
            error: quiet.length === 0 ? Number.NaN : error * scale,
            relative: quiet.length === 0 ? Number.NaN : error / rms,
          },
        ]
      }),
    },
  }
}

/** What the check can miss, in words. */
function describeReach({ detectable }: FastReport, evaluator: Evaluator): string[] {
  const named = detectable.tensors
    .filter(({ relative }) => Number.isFinite(relative))
    .toSorted((a, b) => b.relative - a.relative)
  const notices: string[] = []
  if (named.length > 0) {
    const listed = named
      .slice(0, MOST_NAMED)
      .map(
        ({ name, error, relative }) =>
          `${error.toExponential(1)} in ${name} (${formatShare(relative)} of its rms)`,
      )
    const more = named.length > MOST_NAMED ? ', less elsewhere' : ''
    notices.push(
      `random directions cover every parameter but miss small errors: a single wrong entry is found with 99 % probability if it is off by ${listed.join(', ')}${more}`,
    )
  }
  if (evaluator.name !== 'cpu') {
    notices.push('the directions were evaluated in float64 on the processor, single entries on the device')
  }
  return notices
}

/** A ratio as per cent of two digits. */
function formatShare(ratio: number): string {
  const percent = 100 * ratio
  return `${percent >= 1e-3 && percent < 1e4 ? Number(percent.toPrecision(2)) : percent.toExponential(1)} %`
}
