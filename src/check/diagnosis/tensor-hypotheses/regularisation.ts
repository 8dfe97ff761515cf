import { setting } from '../../../settings.js'
import type { Baseline } from '../baseline.js'
import type { EntryFunction, TensorEvidence } from '../evidence.js'
import type { TensorExplanation, TensorHypothesis } from '../explanation.js'
import { formatFactor } from '../messages.js'

const COST_OF_FITTED = 0.5
const SNAP = 1e-3

/** A coefficient of W in a gradient. */
interface Decay {
  readonly value: number
  /** How it is made of λ and m; empty where it is only a number. */
  readonly formula: string
}

/** The gradient of the penalty left out, or multiplied by another number than λ/m, or there without --l2. */
export const proposeRegularisation: TensorHypothesis = function* (evidence, baseline) {
  const { t, parameter } = evidence
  const entry = baseline.entries(t)
  const penalty = baseline.penalty(t)
  const data: EntryFunction = (offset) => entry(offset) - penalty(offset)
  const values = baseline.model.values(parameter)
  if (parameter.role === 'biases') {
    for (const decay of fitDecays(evidence, baseline)) {
      yield explainDecay(evidence, baseline, data, values, decay)
    }
    return
  }
  if (baseline.model.network.l2 > 0) {
    yield {
      kind: 'regularisation-missing',
      cost: 1,
      group: 'regularisation-missing',
      costOfAnother: 0.02,
      prediction: { value: data, rounding: baseline.rounding(t) },
      describe: ({ names, plural, agreement }) =>
        `${names} lack${plural ? '' : 's'} the gradient λ/m·W of the L2 penalty that was declared: without it every entry agrees ${agreement}; add it, or leave ${setting('l2')} out`,
    }
  }
  for (const decay of fitDecays(evidence, baseline)) {
    yield explainDecay(evidence, baseline, data, values, decay)
  }
}

/** The coefficients of the parameter that fit, those of λ and m first. */
function fitDecays(evidence: TensorEvidence, baseline: Baseline): Decay[] {
  const { model } = baseline
  const own = fitCoefficient([evidence], baseline)
  const alike = baseline.evidence.filter(
    ({ parameter, isWrong }) => isWrong && parameter.role === evidence.parameter.role,
  )
  // a single element fits any coefficient, but not the same one as the other tensors
  const { fitted, telling } = own.telling > 1 ? own : fitCoefficient(alike, baseline)
  if (!Number.isFinite(fitted) || fitted === 0) return []
  const snap = Math.max(SNAP, 4 * evidence.tolerance)
  const known = knownDecays(model.network.l2, model.countedSamples).filter(
    ({ value }) => value !== 0 && Math.abs(fitted / value - 1) <= snap,
  )
  return telling > 1 ? [...known, { value: fitted, formula: '' }] : known
}

/** The coefficient of the parameter that fits the given gradients best, and how many elements it rests on. */
function fitCoefficient(
  tensors: readonly TensorEvidence[],
  baseline: Baseline,
): { fitted: number; telling: number } {
  let [products, squares, telling] = [0, 0, 0]
  for (const { t, parameter, offsets, given } of tensors) {
    const [entry, penalty] = [baseline.entries(t), baseline.penalty(t)]
    const values = baseline.model.values(parameter)
    for (const offset of offsets) {
      products += (given[offset] - entry(offset) + penalty(offset)) * values[offset]
      squares += values[offset] ** 2
      if (values[offset] !== 0) telling++
    }
  }
  return { fitted: products / squares, telling }
}

function knownDecays(lambda: number, m: number): Decay[] {
  return [
    { value: lambda / m, formula: 'λ/m' },
    { value: lambda / (2 * m), formula: 'λ/(2m)' },
    { value: (2 * lambda) / m, formula: '2λ/m' },
    { value: -lambda / m, formula: '−λ/m' },
    { value: lambda, formula: 'λ' },
    { value: lambda / 2, formula: 'λ/2' },
    { value: 2 * lambda, formula: '2λ' },
    { value: lambda / m ** 2, formula: 'λ/m²' },
    { value: lambda * m, formula: 'λ·m' },
  ]
}

function explainDecay(
  { t, parameter }: TensorEvidence,
  baseline: Baseline,
  data: EntryFunction,
  values: Float64Array,
  { value, formula }: Decay,
): TensorExplanation {
  const { l2 } = baseline.model.network
  const m = baseline.model.countedSamples
  const isBias = parameter.role === 'biases'
  const coefficient = formula === '' ? formatFactor(value) : `${formula} (${formatFactor(value)})`
  return {
    kind: isBias ? 'regularisation-on-bias' : 'regularisation-wrong',
    cost: 1.05 + (formula === '' ? COST_OF_FITTED : 0),
    ...(l2 === 0 ? {} : { factor: (value * m) / l2 }),
    group: `${isBias} ${value.toPrecision(6)}`,
    costOfAnother: 0.02,
    prediction: {
      value: (offset) => data(offset) + value * values[offset],
      rounding: baseline.rounding(t),
    },
    describe({ names, plural, agreement }) {
      const holds = plural ? 'hold' : 'holds'
      if (isBias) {
        return `${names} ${holds} ${coefficient} times the bias: the penalty is on the weights alone; without it every entry agrees ${agreement}`
      }
      if (l2 === 0) {
        return `${names} ${holds} ${coefficient} times the weights, a penalty that the checked loss does not have: check with ${setting('l2', formatFactor(value * m))}, or leave it out; without it every entry agrees ${agreement}`
      }
      return `${names} ${holds} ${coefficient} times the weights as the penalty's gradient, not λ/m (${formatFactor(l2 / m)}): with that every entry agrees ${agreement}`
    },
  }
}
