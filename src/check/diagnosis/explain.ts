import { BACKWARD_HYPOTHESES } from './backward-hypotheses/all.js'
import { proposePairs } from './backward-hypotheses/pairs.js'
import type { Baseline, NumbersBaseline } from './baseline.js'
import { contradicts, type EntryFunction, explains, type TensorEvidence } from './evidence.js'
import type { BackwardMistake, NumbersHypothesis, TensorExplanation, Wording } from './explanation.js'
import { LOCAL_KINDS, type MistakeKind } from './kinds.js'
import { TENSOR_HYPOTHESES } from './tensor-hypotheses/all.js'

/** How many mistakes on the backward pass are looked for on top of each other. */
const MOST_BACKWARD_MISTAKES = 3
/** How many backward mistakes are followed up at each depth. */
const MOST_FOLLOWED = 6
/** How much dearer an explanation may be and still be mentioned beside the chosen one. */
const ALTERNATIVE_MARGIN = 0.7
const MOST_ALTERNATIVES = 2
/** Factors that code has for no reason of its own, so that one of them may be m by chance. */
const COMMON_FACTORS = [2, 4, 1 / 2, 1 / 4]

/** One mistake that was found, and the tensors that it explains. */
export interface FoundMistake {
  readonly kind: MistakeKind
  readonly cost: number
  readonly factor: number | undefined
  /** From 0. */
  readonly layer: number | undefined
  readonly entries: readonly (readonly number[])[] | undefined
  readonly explained: readonly { readonly evidence: TensorEvidence; readonly value: EntryFunction }[]
  /** Other kinds that would give the same numbers. */
  readonly alternatives: readonly MistakeKind[]
  describe(wording: Wording): string
}

/** A set of mistakes that together explain what is wrong. */
interface Plan {
  readonly cost: number
  readonly mistakes: readonly FoundMistake[]
}

/**
 * Finds the cheapest mistakes that explain every wrong tensor: mistakes on the backward pass, each of which must
 * leave the right tensors right, and for the tensors that those leave wrong explanations of their own, which then
 * start from the mistaken pass.
 */
export function explainWrong(baseline: Baseline, wrong: readonly TensorEvidence[]): readonly FoundMistake[] {
  return findPlan(baseline, wrong, new Set(), MOST_BACKWARD_MISTAKES).mistakes
}

/** The same by what single tensors' numbers say, where there is no backward pass to look into. */
export function explainNumbers(
  baseline: NumbersBaseline,
  wrong: readonly TensorEvidence[],
  hypotheses: readonly NumbersHypothesis[],
): readonly FoundMistake[] {
  const groups = groupByMistake(wrong, hypotheses, (propose, evidence) => propose(evidence, baseline))
  return coverByGroups(groups, wrong, groups).mistakes
}

function findPlan(
  baseline: Baseline,
  wrong: readonly TensorEvidence[],
  settled: ReadonlySet<TensorEvidence>,
  depth: number,
): Plan {
  if (wrong.length === 0) return { cost: 0, mistakes: [] }
  const groups = groupByMistake(wrong, TENSOR_HYPOTHESES, (propose, evidence) => {
    // whole, once, for everything that is proposed
    baseline.gradient(evidence.t)
    return propose(evidence, baseline)
  })
  const passes = depth === 0 ? [] : findBackwardMistakes(baseline, wrong, settled, groups)
  const rivals: Rival[] = [...groups, ...passes]
  let best = coverByGroups(groups, wrong, rivals)
  for (const found of passes.slice(0, MOST_FOLLOWED)) {
    if (found.cost >= best.cost) continue
    const explained = new Set(found.explained.map(({ evidence }) => evidence))
    const rest = wrong.filter((evidence) => !explained.has(evidence))
    const onTop = findPlan(found.baseline, rest, new Set([...settled, ...explained]), depth - 1)
    const cost = found.cost + onTop.cost
    if (cost >= best.cost) continue
    best = {
      cost,
      mistakes: [...toMistakes(found, rivals), ...onTop.mistakes],
    }
  }
  return best
}

/** An explanation that competes for some tensors. */
type Rival = Omit<FoundMistake, 'alternatives'>

/** A backward mistake with what it explains and the pass that has it. */
interface FoundPass extends Rival {
  readonly baseline: Baseline
  /** The second of two mistakes at one place. */
  readonly partner?: Rival
}

function toMistakes(found: FoundPass, rivals: readonly Rival[]): FoundMistake[] {
  const { partner } = found
  if (partner === undefined) return [{ ...found, alternatives: findAlternatives(found, rivals) }]
  // what else one of a pair may be stands beside the other
  const pairs = rivals.filter(
    (rival): rival is Required<FoundPass> =>
      'partner' in rival && rival.explained.length === found.explained.length,
  )
  const others = (kinds: readonly MistakeKind[], own: MistakeKind) =>
    [...new Set(kinds)].filter((kind) => kind !== own).slice(0, MOST_ALTERNATIVES)
  const ofFirst = pairs.flatMap((rival) => (rival.partner.kind === partner.kind ? [rival.kind] : []))
  const ofSecond = pairs.flatMap((rival) => (rival.kind === found.kind ? [rival.partner.kind] : []))
  return [
    { ...found, alternatives: others(ofFirst, found.kind) },
    { ...partner, alternatives: others(ofSecond, partner.kind) },
  ]
}

/** The backward mistakes that explain some wrong tensor and contradict none, the cheapest of the widest first. */
function findBackwardMistakes(
  baseline: Baseline,
  wrong: readonly TensorEvidence[],
  settled: ReadonlySet<TensorEvidence>,
  groups: readonly Group[],
): FoundPass[] {
  const found: FoundPass[] = []
  for (const propose of BACKWARD_HYPOTHESES) {
    for (const mistake of propose(baseline, wrong)) {
      const pass = tryMistake(mistake, baseline, wrong, settled)
      if (pass !== undefined) found.push(pass)
    }
  }
  if (isTopOpen(wrong, [...found, ...groups])) {
    for (const pair of proposePairs(baseline, wrong)) {
      const pass = tryMistake(pair, baseline, wrong, settled)
      if (pass === undefined || isTopOpen(wrong, [pass])) continue
      const { partner } = pair
      found.push({ ...pass, partner: { ...toRival(partner), explained: pass.explained } })
    }
  }
  return found.sort((a, b) => b.explained.length - a.explained.length || a.cost - b.cost)
}

/** Whether a wrong tensor of the last layer that has one is explained by nothing. */
function isTopOpen(wrong: readonly TensorEvidence[], rivals: readonly Rival[]): boolean {
  const top = Math.max(...wrong.map(({ parameter }) => parameter.layer))
  return wrong.some(
    (evidence) =>
      evidence.parameter.layer === top &&
      !rivals.some(
        ({ kind, explained }) =>
          !LOCAL_KINDS.has(kind) && explained.some((tensor) => tensor.evidence === evidence),
      ),
  )
}

/**
 * What a backward mistake explains. It shows first in the last layer that it reaches: where it explains nothing
 * there, it is not the mistake, and no layer before is looked at.
 */
function tryMistake(
  mistake: BackwardMistake,
  baseline: Baseline,
  wrong: readonly TensorEvidence[],
  settled: ReadonlySet<TensorEvidence>,
): FoundPass | undefined {
  const mistaken = baseline.with(mistake)
  const explained: FoundMistake['explained'][number][] = []
  for (let l = mistake.reach; l >= 0; l--) {
    const tensors = baseline.evidence.filter(
      ({ parameter, offsets }) => parameter.layer === l && offsets.length > 0,
    )
    for (const evidence of tensors) {
      const prediction = mistaken.prediction(evidence.t)
      if (wrong.includes(evidence)) {
        if (explains(evidence, prediction)) explained.push({ evidence, value: prediction.value })
      } else if (
        settled.has(evidence) ? !explains(evidence, prediction) : contradicts(evidence, prediction)
      ) {
        return undefined
      }
    }
    if (tensors.length > 0 && explained.length === 0) return undefined
  }
  if (explained.length === 0) return undefined
  return { ...toRival(mistake), explained, baseline: mistaken }
}

const toRival = (mistake: BackwardMistake): Omit<Rival, 'explained'> => ({
  kind: mistake.kind,
  cost: mistake.cost,
  factor: mistake.factor,
  layer: mistake.layer,
  entries: mistake.entries,
  describe: (wording) => mistake.describe(wording),
})

/** A mistake made in one tensor, or alike in several. */
interface Group extends Rival {
  readonly costOfAnother: number
}

/** The explanations that hold of each wrong tensor by itself, those that are one mistake put together. */
function groupByMistake<Hypothesis>(
  wrong: readonly TensorEvidence[],
  hypotheses: readonly Hypothesis[],
  propose: (hypothesis: Hypothesis, evidence: TensorEvidence) => Iterable<TensorExplanation>,
): Group[] {
  const groups = new Map<
    string,
    { explanation: TensorExplanation; tensors: FoundMistake['explained'][number][] }
  >()
  for (const evidence of wrong) {
    for (const [h, hypothesis] of hypotheses.entries()) {
      for (const explanation of propose(hypothesis, evidence)) {
        const isLocal = LOCAL_KINDS.has(explanation.kind)
        if (!isLocal && !explains(evidence, explanation.prediction)) continue
        const key = explanation.group ?? `${evidence.t} ${h} ${groups.size}`
        const group = groups.get(key)
        const tensor = { evidence, value: explanation.prediction.value }
        if (group === undefined) groups.set(key, { explanation, tensors: [tensor] })
        else if (group.tensors.every((other) => other.evidence !== evidence)) group.tensors.push(tensor)
      }
    }
  }
  return Array.from(groups.values(), ({ explanation, tensors }) => ({
    kind: explanation.kind,
    cost: explanation.cost,
    costOfAnother: explanation.costOfAnother ?? explanation.cost,
    factor: explanation.factor,
    layer: explanation.layer,
    entries: explanation.entries,
    explained: tensors,
    describe: (wording) => explanation.describe(wording),
  }))
}

/** Explains every wrong tensor by groups alone, each time by the one that costs least a tensor. */
function coverByGroups(
  groups: readonly Group[],
  wrong: readonly TensorEvidence[],
  rivals: readonly Rival[],
): Plan {
  const open = new Set(wrong)
  const mistakes: FoundMistake[] = []
  let total = 0
  while (open.size > 0) {
    let best: { group: Group; explained: Group['explained']; cost: number } | undefined
    for (const group of groups) {
      const explained = group.explained.filter(({ evidence }) => open.has(evidence))
      if (explained.length === 0) continue
      const cost = group.cost + (explained.length - 1) * group.costOfAnother
      if (best === undefined || cost / explained.length < best.cost / best.explained.length) {
        best = { group, explained, cost }
      }
    }
    // every wrong tensor has at least the explanation that there is none
    if (best === undefined) break
    const { group, explained, cost } = best
    for (const { evidence } of explained) open.delete(evidence)
    total += cost
    const found = { ...group, explained }
    mistakes.push({ ...found, alternatives: findAlternatives(found, rivals) })
  }
  return { cost: total, mistakes: mistakes.sort((a, b) => firstTensor(a) - firstTensor(b)) }
}

const firstTensor = ({ explained }: Rival) => Math.min(...explained.map(({ evidence }) => evidence.t))

/** Kinds that would explain the same tensors about as cheaply. */
function findAlternatives(chosen: Rival, rivals: readonly Rival[]): MistakeKind[] {
  if (LOCAL_KINDS.has(chosen.kind)) return []
  const tensors = new Set(chosen.explained.map(({ evidence }) => evidence))
  const kinds = rivals
    .filter(
      ({ kind, cost, explained }) =>
        kind !== chosen.kind &&
        !LOCAL_KINDS.has(kind) &&
        (kind !== 'scaled' || COMMON_FACTORS.includes(Math.abs(chosen.factor ?? 0))) &&
        cost <= chosen.cost + ALTERNATIVE_MARGIN &&
        [...tensors].every((tensor) => explained.some(({ evidence }) => evidence === tensor)),
    )
    .sort((a, b) => a.cost - b.cost)
    .map(({ kind }) => kind)
  return [...new Set(kinds)].slice(0, MOST_ALTERNATIVES)
}
