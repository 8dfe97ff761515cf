import { sigmoidOf as sigmoid } from '../operations/sigmoids.js'
import { FactoredDeviations } from './factored-deviations.js'
import { higherSlopes, type Linearization } from './linearization.js'
import { type Output, softmaxBase } from './losses.js'
import { createMatrix, type Matrix, mapMatrix, multiply } from './matrix.js'
import { type Model, outputOf } from './model.js'
import { normOf, normsOfColumns, rootSumSquares } from './root-sum-squares.js'
import type { EntryDeviations } from './rounding.js'
import { type StepScales, scaleOf } from './step-scales.js'

/**
 * The size of the first term that a difference quotient leaves out, for every entry: δ²/6·∂³J/∂θ³ of central
 * differences, δ/2·∂²J/∂θ² of forward ones. Perturbing W[i, j] shifts unit i's Z of sample s by A[s, j], so that this is
 * Σ_s A[s, j]³·∂³J/∂Z[s, i]³; where that Z itself is moved, Σ_s A[s, j]·∂³J/∂Z[s, i]³. The derivatives by Z are carried
 * back without those by two units at once (LeCun, Denker & Solla 1990, "Optimal brain damage") and their signs: a scale,
 * not a bound.
 * @param movesOutputs whether a layer's pre-activations were moved rather than its parameters
 */
export function truncationScale(
  base: Linearization,
  higher: readonly HigherDerivatives[],
  settings: { scheme: 'central' | 'forward'; step: number; scales?: StepScales | undefined },
  movesOutputs: (l: number) => boolean,
): EntryDeviations {
  const { model, pass } = base
  const { scheme, step, scales } = settings
  const order = scheme === 'central' ? 3 : 2
  const factor = scheme === 'central' ? step ** 2 / 6 : step / 2
  const ofWeights: FactoredDeviations[] = []
  const ofBiases: Float64Array[] = []
  // derivatives by parameters that all move by h, times the scales that make them derivatives by the parameters
  for (const [l, { second, third }] of higher.entries()) {
    const { outputs } = model.layers[l]
    const ofUnits = mapMatrix(
      order === 3 ? third : second,
      (d, k) => factor * d * (scales?.units[l][k % outputs] ?? 1),
    )
    const power = movesOutputs(l) ? 1 : order
    const scaleOfInput = scales?.inputs[l]
    const factorOf = (a: number, j: number) => {
      const scale = scaleOfInput?.[j] ?? 1
      return scale * (a / scale) ** power
    }
    ofWeights[l] = new FactoredDeviations([
      { ofUnits, ofInputs: pass.A[l], factorOf: power === 1 ? undefined : factorOf },
    ])
    ofBiases[l] = normsOfColumns(ofUnits)
  }
  // Δ(w²)/δ = 2w + δ on one side
  const decay = scheme === 'central' ? 0 : step * model.l2Scale
  return {
    of(t, offset) {
      const parameter = model.parameters[t]
      const l = parameter.layer
      if (parameter.role === 'biases') return ofBiases[l][offset]
      return rootSumSquares(ofWeights[l].at(offset), decay / scaleOf(scales, parameter, offset))
    },
    norm(t) {
      const { layer: l, role, size } = model.parameters[t]
      if (role === 'biases') return normOf(ofBiases[l])
      if (scales === undefined) return rootSumSquares(ofWeights[l].norm(), decay * Math.sqrt(size))
      const normOfMoves = (of: Float64Array) => normOf(of.map((scale) => 1 / scale))
      return rootSumSquares(
        ofWeights[l].norm(),
        decay * normOfMoves(scales.units[l]) * normOfMoves(scales.inputs[l]),
      )
    },
  }
}

/**
 * |∂²J/∂Z²| and |∂³J/∂Z³| of every unit and sample of a layer, by Σ|terms|, where Z and A count in such units that they
 * move by h when a bias does: cubes of what is far from 1 would overflow.
 */
export interface HigherDerivatives {
  readonly second: Matrix
  readonly third: Matrix
}

/** Those of every layer. */
export function computeHigherDerivatives(
  base: Linearization,
  scales: StepScales | undefined,
): HigherDerivatives[] {
  const { model, pass, upstream } = base
  const result: HigherDerivatives[] = []
  const last = model.layers.length - 1
  const scaleOfUnit = (l: number, unit: number) => scales?.units[l][unit] ?? 1
  let { second, third } = lossDerivatives(base, (unit) => scaleOfUnit(last, unit))
  for (let l = last; l >= 0; l--) {
    const { activation, endsAtLogits, inputs, outputs, weights } = model.layers[l]
    if (!endsAtLogits) {
      const [ofA, cubic] = [second.data, third.data]
      second = createMatrix(model.samples, outputs)
      third = createMatrix(model.samples, outputs)
      for (let k = 0; k < ofA.length; k++) {
        const scale = scaleOfUnit(l, k % outputs)
        const slope = Math.abs(base.slopes[l][k])
        const slopes = higherSlopes(activation, pass.Z[l].data[k])
        const [bend, twist] = [Math.abs(slopes.second) / scale, Math.abs(slopes.third) / scale / scale]
        const above = Math.abs(upstream[l].data[k]) / scale
        second.data[k] = slope ** 2 * ofA[k] + bend * above
        third.data[k] = slope ** 3 * cubic[k] + 3 * slope * bend * ofA[k] + twist * above
      }
    }
    result[l] = { second, third }
    if (l === 0) break
    const relative = weights.map(
      (w, k) => (Math.abs(w) * scaleOfUnit(l, Math.floor(k / inputs))) / scaleOfUnit(l - 1, k % inputs),
    )
    const carry = (matrix: Matrix, order: number) =>
      multiply(
        matrix,
        relative.map((w) => w ** order),
        inputs,
      )
    third = carry(third, 3)
    second = carry(second, 2)
  }
  return result
}

/** The same of the loss, by its argument: A, or Z where it reads logits. */
function lossDerivatives(
  { model, pass }: Linearization,
  scaleOfOutput: (unit: number) => number,
): HigherDerivatives {
  const output = outputOf(pass)
  const scaled = (k: number, order: number) =>
    (model.lossScale * Math.abs(model.weightOf(k))) / scaleOfOutput(k % model.targets.columns) ** order
  if (!model.loss.readsLogits) {
    return {
      second: mapMatrix(output.A, (_, k) => 2 * scaled(k, 2)),
      third: mapMatrix(output.A, () => 0),
    }
  }
  // of logits: p·(1 − p) and its derivative, p = σ or softmax
  const { p, q } = logitProbabilities(model, output)
  return {
    second: mapMatrix(p, (value, k) => scaled(k, 2) * value * q.data[k]),
    third: mapMatrix(p, (value, k) => scaled(k, 3) * value * q.data[k] * Math.abs(q.data[k] - value)),
  }
}

/** p and 1 − p of every output. */
function logitProbabilities({ loss, targets }: Model, { Z, A }: Output): { p: Matrix; q: Matrix } {
  if (!loss.readsClasses) return { p: A, q: mapMatrix(Z, (z) => sigmoid(-z)) }
  const { probabilities, others } = softmaxBase(Z, targets)
  return { p: probabilities, q: others }
}
