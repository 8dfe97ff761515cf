import type { Matrix } from '../../../network/matrix.js'
import type { Baseline } from '../baseline.js'
import type { BackwardHypothesis, BackwardMistake } from '../explanation.js'
import { describeOtherMeaning, type Factor, fitFactors } from '../factors.js'
import { describeFactor, nameLayer } from '../messages.js'

/** A factor that enters the gradient at the loss or at some layer, and goes on to every layer before. */
export const proposeFactors: BackwardHypothesis = function* (baseline, wrong) {
  const last = baseline.model.layers.length - 1
  const highest = Math.max(...wrong.map(({ parameter }) => parameter.layer))
  for (const evidence of wrong) {
    if (evidence.parameter.layer !== highest) continue
    const entry = baseline.entries(evidence.t)
    const penalty = baseline.penalty(evidence.t)
    const factors = fitFactors(evidence, (offset) => entry(offset) - penalty(offset), penalty, baseline)
    for (const factor of factors) yield scaleDelta(baseline, highest, factor, highest === last)
  }
}

/** A factor before δ of layer `l`, or before the loss's derivative. */
export function scaleDelta(baseline: Baseline, l: number, factor: Factor, isLoss: boolean): BackwardMistake {
  const { model } = baseline
  const { value } = factor
  const kind =
    isLoss && (factor.kind === 'scaled' || factor.kind === 'sign-flipped')
      ? 'loss-derivative-wrong'
      : factor.kind
  const meaning = factor.meaning === '' ? '' : ` (${factor.meaning}${describeOtherMeaning(factor)})`
  const where = isLoss ? "the loss's derivative" : `the gradient that reaches ${nameLayer(model, l)}`
  const text = `${where} is ${describeFactor(value)}${meaning}${explainFactor(kind, value)}`
  return {
    kind,
    cost: 1.05 + factor.cost,
    factor: value,
    reach: l,
    from: isLoss ? 'upstream' : 'delta',
    ...(isLoss ? {} : { layer: l }),
    apply: (steps) =>
      isLoss
        ? { ...steps, lossDerivative: () => multiply(steps.lossDerivative(), value) }
        : {
            ...steps,
            passActivation: (at, k, upstream) =>
              (at === l ? value : 1) * steps.passActivation(at, k, upstream),
          },
    text,
    describe: ({ names, plural, agreement }) =>
      `${text}, and so ${plural ? 'are' : 'is'} ${names}: ${plural ? 'they agree' : 'it agrees'} ${agreement} with a backward pass that starts so`,
  }
}

function explainFactor(kind: string, factor: number): string {
  if (kind === 'not-averaged') return ', the 1/m of the mean being left out'
  if (kind === 'averaged-twice') return ', divided by m once too often'
  return factor < 0 && kind === 'loss-derivative-wrong' ? ', as if Y − A stood for A − Y' : ''
}

const multiply = (matrix: Matrix, factor: number): Matrix => ({
  ...matrix,
  data: matrix.data.map((value) => factor * value),
})
