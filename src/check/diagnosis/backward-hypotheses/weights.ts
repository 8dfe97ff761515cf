import { transpose } from '../../../network/matrix.js'
import type { BackwardHypothesis, BackwardMistake } from '../explanation.js'
import { nameLayer } from '../messages.js'

/** The gradient passed back through the wrong weights: not transposed, misread, or another layer's. */
export const proposeWeights: BackwardHypothesis = function* ({ model, evidence }) {
  for (let l = model.layers.length - 1; l > 0; l--) {
    const { weights, inputs, outputs } = model.layers[l]
    const name = nameOfWeights(l)
    const where = `where the gradient passes back through ${nameLayer(model, l)}`
    if (inputs > 1 && outputs > 1) {
      if (inputs === outputs) {
        yield replaceWeights(l, {
          kind: 'weights-not-transposed',
          cost: 1,
          weights: transpose(weights, outputs, inputs),
          sentence: `${name} is not transposed ${where} (or transposed once too often)`,
        })
      } else {
        const sentence = `${name} is reshaped instead of transposed ${where}`
        const [one, other] = [transpose(weights, outputs, inputs), transpose(weights, inputs, outputs)]
        for (const misread of [one, other]) {
          yield replaceWeights(l, { kind: 'weights-not-transposed', cost: 1.1, weights: misread, sentence })
        }
      }
    }
    for (const [k, other] of model.layers.entries()) {
      if (k === l || other.inputs !== inputs || other.outputs !== outputs) continue
      yield replaceWeights(l, {
        kind: 'gradient-of-another-layer',
        cost: 1.15,
        weights: other.weights,
        sentence: `${nameOfWeights(k)} is used instead of ${name} ${where}`,
      })
    }
  }

  function nameOfWeights(l: number): string {
    return evidence.find(({ parameter }) => parameter.layer === l && parameter.role === 'weights')!.parameter
      .name
  }
}

function replaceWeights(
  l: number,
  mistake: { kind: BackwardMistake['kind']; cost: number; weights: Float64Array; sentence: string },
): BackwardMistake {
  return {
    kind: mistake.kind,
    cost: mistake.cost,
    reach: l - 1,
    from: 'upstream',
    layer: l,
    apply: (steps) => ({ ...steps, weights: (at) => (at === l ? mistake.weights : steps.weights(at)) }),
    text: mistake.sentence,
    describe: ({ names, plural, agreement }) =>
      `${mistake.sentence}; ${names} ${plural ? 'agree' : 'agrees'} ${agreement} with a backward pass that does so`,
  }
}
