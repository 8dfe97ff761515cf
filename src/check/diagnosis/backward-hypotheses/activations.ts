import type { BackwardHypothesis, BackwardMistake } from '../explanation.js'
import { nameLayer } from '../messages.js'
import { mistakenSlopes } from './slopes.js'

/** The activation's derivative left out where the gradient passes a layer, or another put in its place. */
export const proposeSlopes: BackwardHypothesis = function* (baseline) {
  const { model, pass } = baseline
  for (const [l, layer] of model.layers.entries()) {
    if (layer.endsAtLogits) continue
    const { name } = layer.activation
    const where = `where the gradient passes ${nameLayer(model, l)}`
    yield replaceSlope(l, {
      kind: 'activation-derivative-missing',
      cost: 1,
      slope: () => 1,
      sentence: `the derivative of ${name} is missing ${where}`,
      without: 'leaves it out',
    })
    for (const { text, cost, slope } of mistakenSlopes(layer.activation)) {
      yield replaceSlope(l, {
        kind: 'activation-derivative-wrong',
        cost,
        slope: (k) => slope(pass.Z[l].data[k], pass.A[l + 1].data[k]),
        sentence: `the derivative of ${name} is wrong ${where}: it is ${text}`,
        without: 'does so',
      })
    }
    for (const [other, Z] of pass.Z.entries()) {
      if (other === l || Z.columns !== layer.outputs) continue
      yield replaceSlope(l, {
        kind: 'activation-derivative-wrong',
        cost: 1.15,
        slope: (k) => layer.activation.derivative(Z.data[k]),
        sentence: `the derivative of ${name} is wrong ${where}: it is taken at Z${other + 1} instead of Z${l + 1}`,
        without: 'does so',
      })
    }
  }
}

function replaceSlope(
  l: number,
  mistake: {
    kind: BackwardMistake['kind']
    cost: number
    slope(k: number): number
    sentence: string
    without: string
  },
): BackwardMistake {
  return {
    kind: mistake.kind,
    cost: mistake.cost,
    reach: l,
    from: 'delta',
    layer: l,
    apply: (steps) => ({ ...steps, slope: (at, k) => (at === l ? mistake.slope(k) : steps.slope(at, k)) }),
    describe: ({ names, plural, agreement }) =>
      `${mistake.sentence}; ${names} ${plural ? 'agree' : 'agrees'} ${agreement} with a backward pass that ${mistake.without}`,
  }
}
