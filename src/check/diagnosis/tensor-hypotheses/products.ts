import type { Matrix } from '../../../network/matrix.js'
import type { Baseline } from '../baseline.js'
import type { EntryFunction, TensorEvidence } from '../evidence.js'
import type { TensorExplanation, TensorHypothesis } from '../explanation.js'
import { nameLayer } from '../messages.js'

/** Σ over the samples of δ[s, i]·a[s, j], or of δ[s, i] for a bias. */
function sumOverSamples({ parameter }: TensorEvidence, delta: Matrix, input: Matrix) {
  const at = (s: number, offset: number) => {
    if (parameter.role === 'biases') return delta.data[s * delta.columns + offset]
    const [i, j] = [Math.floor(offset / input.columns), offset % input.columns]
    return delta.data[s * delta.columns + i] * input.data[s * input.columns + j]
  }
  return (offset: number) => {
    let sum = 0
    for (let s = 0; s < delta.rows; s++) sum += at(s, offset)
    return sum
  }
}

function sumOfColumn({ rows, columns, data }: Matrix, column: number): number {
  let sum = 0
  for (let s = 0; s < rows; s++) sum += data[s * columns + column]
  return sum
}

function explain(
  evidence: TensorEvidence,
  baseline: Baseline,
  explanation: Omit<TensorExplanation, 'prediction' | 'layer'>,
  data: EntryFunction,
): TensorExplanation {
  const penalty = baseline.penalty(evidence.t)
  const rounding = baseline.rounding(evidence.t)
  return {
    ...explanation,
    layer: evidence.parameter.layer,
    prediction: { value: (offset) => data(offset) + penalty(offset), rounding },
  }
}

/** δ multiplied with something else than the layer's input. */
export const proposeWrongInput: TensorHypothesis = function* (evidence, baseline) {
  const { parameter } = evidence
  if (parameter.role === 'biases') return
  const { layer: l } = parameter
  const { pass, model, backpropagation } = baseline
  const input = baseline.steps.input(l)
  const candidates: { matrix: Matrix; name: string }[] = []
  for (let k = 0; k < model.layers.length; k++) {
    candidates.push({ matrix: pass.Z[k], name: `Z${k + 1}, before the activation,` })
    candidates.push({ matrix: pass.A[k + 1], name: `A${k + 1}` })
  }
  candidates.push({ matrix: pass.A[0], name: 'the input X' })
  // the layer's own input first, before its activation
  candidates.sort((a, b) => Number(b.matrix === pass.Z[l - 1]) - Number(a.matrix === pass.Z[l - 1]))
  const right = l === 0 ? 'X' : `A${l}`
  for (const { matrix, name } of candidates) {
    if (matrix.columns !== input.columns || matrix === input) continue
    yield explain(
      evidence,
      baseline,
      {
        kind: 'previous-activation-wrong',
        cost: matrix === pass.Z[l - 1] ? 1.1 : 1.15,
        describe: ({ names, agreement }) =>
          `${names} is δ${l + 1} times ${name} instead of ${right}, the input of ${nameLayer(model, l)}: it agrees with that ${agreement}`,
      },
      sumOverSamples(evidence, backpropagation.delta(l), matrix),
    )
  }
}

/** The gradient taken from another δ than the layer's, or from ∂J/∂A. */
export const proposeWrongDelta: TensorHypothesis = function* (evidence, baseline) {
  const { layer: l } = evidence.parameter
  const { model, backpropagation } = baseline
  const input = baseline.steps.input(l)
  const { name } = model.layers[l].activation
  if (!model.layers[l].endsAtLogits) {
    yield {
      ...explain(
        evidence,
        baseline,
        {
          kind: 'activation-derivative-missing',
          cost: 1.05,
          group: `upstream ${l}`,
          costOfAnother: 0.05,
          describe: ({ names, plural, agreement }) =>
            `${names} ${plural ? 'are' : 'is'} computed from dA${l + 1}, not from dZ${l + 1}: the derivative of ${name} is missing there; ${plural ? 'they agree' : 'it agrees'} with that ${agreement}`,
        },
        sumOverSamples(evidence, backpropagation.upstream(l), input),
      ),
    }
  }
  for (let k = model.layers.length - 1; k >= 0; k--) {
    if (k === l || model.layers[k].outputs !== model.layers[l].outputs) continue
    yield explain(
      evidence,
      baseline,
      {
        kind: 'gradient-of-another-layer',
        cost: 1.2,
        group: `delta ${l} ${k}`,
        costOfAnother: 0.05,
        describe: ({ names, plural, agreement }) =>
          `${names} ${plural ? 'are' : 'is'} computed from δ${k + 1}, the gradient at ${nameLayer(model, k)}, instead of δ${l + 1}: ${plural ? 'they agree' : 'it agrees'} with that ${agreement}`,
      },
      sumOverSamples(evidence, backpropagation.delta(k), input),
    )
  }
}

/** A bias's gradient summed over the wrong axis, or over both. */
export const proposeBiasSums: TensorHypothesis = function* (evidence, baseline) {
  const { parameter } = evidence
  if (parameter.role === 'weights') return
  const delta = baseline.backpropagation.delta(parameter.layer)
  const { rows, columns, data } = delta
  const wrong = (how: string, cost: number, value: EntryFunction) =>
    explain(
      evidence,
      baseline,
      {
        kind: 'bias-summed-wrong',
        cost,
        group: `sums ${how}`,
        costOfAnother: 0.1,
        describe: ({ names, plural, agreement }) =>
          `${names} ${plural ? 'are' : 'is'} ${how}, instead of dZ summed over the samples: every entry agrees with that ${agreement}`,
      },
      value,
    )
  const total = data.reduce((sum, d) => sum + d, 0)
  if (columns > 1) {
    yield wrong('dZ summed over all of its elements, the units too', 1.1, () => total)
    yield wrong('the mean of dZ over all of its elements', 1.15, () => total / data.length)
    yield wrong('dZ summed over everything and divided by the units', 1.2, () => total / columns)
    yield wrong('dZ summed over everything and divided by the samples', 1.2, () => total / rows)
  }
  if (rows === columns && rows > 1) {
    yield wrong('dZ summed over the units, the wrong axis', 1.1, (offset) => {
      let sum = 0
      for (let i = 0; i < columns; i++) sum += data[offset * columns + i]
      return sum
    })
  }
}

/** A bias's gradient taken from that of the weights, summed over one of its axes. */
export const proposeSumsOfWeights: TensorHypothesis = function* (evidence, baseline) {
  const { layer, role } = evidence.parameter
  const weights = baseline.evidence.find(
    ({ parameter }) => parameter.layer === layer && parameter.role === 'weights',
  )
  if (role === 'weights' || weights === undefined) return
  const { inputs, outputs } = baseline.model.layers[layer]
  // of the weights' gradient as it should be, and as it was given where that is wrong
  const sources = [{ ofWeights: baseline.entries(weights.t), rounding: baseline.rounding(weights.t), as: '' }]
  if (weights.isWrong) {
    sources.push({ ofWeights: (offset) => weights.given[offset], rounding: () => 0, as: ', as it was given' })
  }
  for (const { ofWeights, rounding, as } of sources) {
    const sums: [string, (entry: EntryFunction, offset: number) => number][] = []
    const sumOf = (entry: EntryFunction, count: number, at: (k: number) => number) => {
      let sum = 0
      for (let k = 0; k < count; k++) sum += entry(at(k))
      return sum
    }
    const ofUnit = (entry: EntryFunction, i: number) => sumOf(entry, inputs, (j) => i * inputs + j)
    const [along, across] = weights.parameter.transposed ? ['columns', 'rows'] : ['rows', 'columns']
    if (inputs > 1) {
      sums.push([`the sums of the ${along} of`, ofUnit])
      sums.push([`the means of the ${along} of`, (entry, i) => ofUnit(entry, i) / inputs])
    }
    if (inputs === outputs && inputs > 1) {
      const ofInput = (entry: EntryFunction, j: number) => sumOf(entry, outputs, (i) => i * inputs + j)
      sums.push([`the sums of the ${across} of`, ofInput])
    }
    for (const [what, sum] of sums) {
      yield {
        kind: 'bias-summed-wrong',
        cost: as === '' ? 1.1 : 1.2,
        group: `${what}${as}`,
        costOfAnother: 0.1,
        layer,
        prediction: {
          value: (offset) => sum(ofWeights, offset),
          rounding: (offset) => sum(rounding, offset) + evidence.rounding(offset),
        },
        describe: ({ names, plural, agreement }) =>
          `${names} ${plural ? 'are' : 'is'} ${what} ${plural ? "each layer's dW" : weights.name}${as}, instead of dZ summed over the samples: every entry agrees with that ${agreement}`,
      }
    }
  }
}

/** A product of sums where a sum of products should be. */
export const proposeProductsOfSums: TensorHypothesis = function* (evidence, baseline) {
  const { parameter } = evidence
  if (parameter.role === 'biases' || baseline.model.samples === 1) return
  const delta = baseline.backpropagation.delta(parameter.layer)
  const input = baseline.steps.input(parameter.layer)
  const m = baseline.model.samples
  const product: EntryFunction = (offset) =>
    sumOfColumn(delta, Math.floor(offset / input.columns)) * sumOfColumn(input, offset % input.columns)
  for (const isMean of [true, false]) {
    yield explain(
      evidence,
      baseline,
      {
        kind: 'reduction-wrong',
        cost: 1.15,
        group: `products of sums ${isMean}`,
        costOfAnother: 0.1,
        describe: ({ names, plural, agreement }) =>
          `${names} ${plural ? 'are' : 'is'} the sum of dZ over the samples times the ${isMean ? 'mean' : 'sum'} of the layer's input over them, instead of the sum of their products: every entry agrees with that ${agreement}`,
      },
      (offset) => (isMean ? product(offset) / m : product(offset)),
    )
  }
}
