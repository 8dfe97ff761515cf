import type { Baseline } from '../baseline.js'
import { type EntryFunction, PROBES, type TensorEvidence } from '../evidence.js'
import type { BackwardHypothesis, BackwardMistake, PairedMistake } from '../explanation.js'
import { fitKnownFactors } from '../factors.js'
import { proposeSlopes } from './activations.js'
import { scaleDelta } from './factors.js'
import { proposeLossDerivatives } from './loss.js'
import { proposeWeights } from './weights.js'

/** What two mistakes ask one to believe beyond what each of them does. */
const COST_OF_PAIR = 0.2
/** Above this tolerance too much fits. */
const LARGEST_TOLERANCE = 1e-3
/** Elements of δ that the search may compute. */
const SEARCH_WORK = 2e7

type Describe = BackwardMistake['describe']

/** Hypotheses on single steps, without the factors: those are fitted to what a step leaves. */
const STEPS: readonly BackwardHypothesis[] = [proposeSlopes, proposeLossDerivatives, proposeWeights]

/**
 * Two mistakes where the gradient reaches the last wrong layer, neither of which shows alone: a wrong step with a
 * factor on top (a sign, a 2, 1/m), or the two steps before that layer's δ, both wrong.
 */
export function* proposePairs(
  baseline: Baseline,
  wrong: readonly TensorEvidence[],
): Generator<PairedMistake> {
  const top = Math.max(...wrong.map(({ parameter }) => parameter.layer))
  const shown = wrong.filter(({ parameter }) => parameter.layer === top)
  if (shown.some(({ tolerance }) => tolerance > LARGEST_TOLERANCE)) return
  const [telling] = shown.toSorted((a, b) => b.offsets.length - a.offsets.length)
  const steps = STEPS.flatMap((propose) => [...propose(baseline, wrong)]).filter(({ reach }) => reach === top)
  const isLast = top === baseline.model.layers.length - 1
  const size = baseline.model.samples * baseline.model.layers[top].outputs
  let work = 0
  for (const step of steps.toSorted((a, b) => a.cost - b.cost)) {
    work += size
    if (work > SEARCH_WORK) return
    const mistaken = baseline.with(step)
    const [entry, penalty] = [mistaken.entries(telling.t), mistaken.penalty(telling.t)]
    const data: EntryFunction = (offset) => entry(offset) - penalty(offset)
    const probes = { ...telling, offsets: telling.offsets.subarray(0, PROBES) }
    for (const factor of fitKnownFactors(probes, data, penalty, mistaken)) {
      yield pair(step, scaleDelta(mistaken, top, factor, isLast))
    }
  }
  const [before, after] = (['upstream', 'delta'] as const).map((from) =>
    steps.filter((step) => step.from === from),
  )
  for (const first of before) {
    for (const second of after) {
      work += size
      if (work > SEARCH_WORK) return
      yield pair(first, second)
    }
  }
}

function pair(first: BackwardMistake, second: BackwardMistake): PairedMistake {
  const describe = (one: BackwardMistake, other: BackwardMistake): Describe => {
    return ({ names, plural, agreement }) =>
      `${one.text}, and at the same place ${other.text}: ${names} ${plural ? 'agree' : 'agrees'} ${agreement} with a backward pass that has both mistakes`
  }
  return {
    ...first,
    cost: first.cost + second.cost + COST_OF_PAIR,
    from: first.from === 'upstream' || second.from === 'upstream' ? 'upstream' : 'delta',
    apply: (steps) => second.apply(first.apply(steps)),
    describe: describe(first, second),
    partner: { ...second, describe: describe(second, first) },
  }
}
