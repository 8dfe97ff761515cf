import { normOf } from '../../../network/root-sum-squares.js'
import { findNormLimit, findRound } from '../../round-numbers.js'
import type { Baseline } from '../baseline.js'
import type { TensorEvidence } from '../evidence.js'
import type { BackwardHypothesis, BackwardMistake } from '../explanation.js'
import { fitFactors } from '../factors.js'
import { describeFactor, formatFactor } from '../messages.js'

/** What one factor over every gradient is most likely to be, and how much that asks one to believe. */
interface Cause {
  readonly cost: number
  readonly text: string
}

/** What a rate is written with. */
const MOST_DIGITS = 3
/** The least power of 2 that is a scale of losses and not a mistake. */
const LEAST_LOSS_SCALE = 16

/**
 * Every gradient multiplied by one factor after the backward pass, its penalty included: a learning rate, clipping by
 * the norm of all of them, a scale of the loss.
 */
export const proposeRescaled: BackwardHypothesis = function* (baseline, wrong) {
  const last = baseline.model.layers.length - 1
  const proposed = new Set<number>()
  for (const evidence of wrong) {
    const { layer } = evidence.parameter
    if (layer !== last || baseline.evidence.length === 1) continue
    const entry = baseline.entries(evidence.t)
    const factors = fitFactors(evidence, entry, () => 0, baseline)
    const hasMeaning = factors.some(({ meaning }) => meaning !== '')
    for (const { value } of factors) {
      if (value === -1 || proposed.has(value)) continue
      proposed.add(value)
      yield rescale(baseline, value, findCause(baseline, evidence, value, hasMeaning))
    }
  }
}

function findCause(
  { evidence }: Baseline,
  { tolerance }: TensorEvidence,
  factor: number,
  hasMeaning: boolean,
): Cause {
  const size = Math.abs(factor)
  const what = factor < 0 ? 'they are the step −η·g itself, with' : 'they were multiplied by'
  const limit = findNormLimit(normOf(...evidence.map(({ given }) => given)))
  if (size < 1 && factor > 0 && limit !== undefined) {
    const text = `their norm together is ${limit}: they were clipped to that norm, or multiplied by a learning rate,`
    return { cost: 1.09, text }
  }
  const rate = size < 1 ? findRound(size, MOST_DIGITS, 4 * tolerance) : undefined
  // a half or a quarter is lost by a 2 as well
  const isRate = rate !== undefined && !hasMeaning && rate !== 0.5 && rate !== 0.25
  if (rate !== undefined) {
    return { cost: isRate ? 1.08 : 1.3, text: `${what} a learning rate of ${rate}, or clipped by norm,` }
  }
  if (size < 1) return { cost: 1.3, text: `${what} a learning rate, or clipped by norm,` }
  const isLossScale = size >= LEAST_LOSS_SCALE && Number.isInteger(Math.log2(size)) && !hasMeaning
  return { cost: isLossScale ? 1.08 : 1.3, text: 'a scale of the loss was not divided out again' }
}

function rescale({ evidence }: Baseline, factor: number, { cost, text }: Cause): BackwardMistake {
  const last = Math.max(...evidence.map(({ parameter }) => parameter.layer))
  return {
    kind: 'rescaled',
    cost,
    factor,
    reach: last,
    from: 'upstream',
    apply: (steps) => ({
      ...steps,
      lossDerivative: () => {
        const right = steps.lossDerivative()
        return { ...right, data: right.data.map((d) => factor * d) }
      },
      penalty: (l, k) => factor * steps.penalty(l, k),
    }),
    text: `every gradient is ${describeFactor(factor)}`,
    describe: ({ names, agreement }) =>
      `${names} are each ${describeFactor(factor)}, by one constant factor (${formatFactor(factor)}): ${text} before they were saved; they agree ${agreement} with the right ones times that factor`,
  }
}
