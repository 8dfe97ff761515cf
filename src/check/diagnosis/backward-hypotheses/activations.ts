import type { Baseline } from '../baseline.js'
import type { BackwardHypothesis, BackwardMistake } from '../explanation.js'
import { nameLayer } from '../messages.js'
import { type MistakenPass, mistakenSlope } from './mistaken-pass.js'
import { forgottenParentheses } from './parentheses.js'
import { mistakenConstants } from './slope-constants.js'
import { mistakenSlopes } from './slopes.js'
import { upstreamMistakes } from './upstream-mistakes.js'

/** The activation's derivative left out where the gradient passes a layer, or another put in its place. */
export const proposeSlopes: BackwardHypothesis = function* (baseline) {
  const { model, pass } = baseline
  for (const [l, layer] of model.layers.entries()) {
    if (layer.endsAtLogits) continue
    const { name } = layer.activation
    const where = `where the gradient passes ${nameLayer(model, l)}`
    yield replacePass(baseline, l, {
      kind: 'activation-derivative-missing',
      ...mistakenSlope(`the derivative of ${name} is missing ${where}`, 1, () => 1),
      without: 'leaves it out',
    })
    const mistakes = [mistakenConstants, mistakenSlopes, forgottenParentheses, upstreamMistakes].flatMap(
      (list) => list(layer.activation),
    )
    for (const { text, cost, pass: wrongPass } of mistakes) {
      yield replacePass(baseline, l, {
        kind: 'activation-derivative-wrong',
        cost,
        pass: wrongPass,
        text: `the derivative of ${name} is wrong ${where}: ${text}`,
        without: 'does so',
      })
    }
    for (const [other, Z] of pass.Z.entries()) {
      if (other === l || Z.columns !== layer.outputs) continue
      yield replaceStep(l, {
        kind: 'activation-derivative-wrong',
        cost: 1.15,
        at: (k, upstream) => upstream * layer.activation.derivative(Z.data[k]),
        text: `the derivative of ${name} is wrong ${where}: it is taken at Z${other + 1} instead of Z${l + 1}`,
        without: 'does so',
      })
    }
  }
}

/** What the mistake at a layer's activation is, and a backward pass with it. */
interface MistakenStep {
  readonly kind: BackwardMistake['kind']
  readonly cost: number
  /** The mistake as the beginning of a sentence. */
  readonly text: string
  /** The end of "agree with a backward pass that …". */
  readonly without: string
  /** Element k of δ from ∂J/∂A there. */
  at(k: number, upstream: number): number
}

function replacePass(
  { pass: { Z, A } }: Baseline,
  l: number,
  { pass, ...mistake }: Omit<MistakenStep, 'at'> & Pick<MistakenPass, 'pass'>,
): BackwardMistake {
  return replaceStep(l, {
    ...mistake,
    at: (k, upstream) => pass(upstream, Z[l].data[k], A[l + 1].data[k]),
  })
}

function replaceStep(l: number, mistake: MistakenStep): BackwardMistake {
  return {
    kind: mistake.kind,
    cost: mistake.cost,
    reach: l,
    from: 'delta',
    layer: l,
    apply: (steps) => ({
      ...steps,
      passActivation: (at, k, upstream) =>
        at === l ? mistake.at(k, upstream) : steps.passActivation(at, k, upstream),
    }),
    text: mistake.text,
    describe: ({ names, plural, agreement }) =>
      `${mistake.text}; ${names} ${plural ? 'agree' : 'agrees'} ${agreement} with a backward pass that ${mistake.without}`,
  }
}
