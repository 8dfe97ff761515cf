import { FactoredSquares } from './factored-squares.js'
import { higherSlopes, type Linearization, mapMatrix, passVarianceBack } from './linearization.js'
import { createMatrix, type Matrix, multiply } from './matrix.js'
import { byUnit, type EntryVariances } from './rounding.js'

/**
 * The size, squared, of the first term that a difference quotient leaves out, for every entry: h²/6·∂³J/∂θ³ of
 * central differences, h/2·∂²J/∂θ² of forward ones. Perturbing W[i, j] shifts unit i's Z of sample s by A[s, j], so
 * that this is Σ_s A[s, j]³·∂³J/∂Z[s, i]³. The derivatives by Z are carried back without those by two units at
 * once (LeCun, Denker & Solla 1990, "Optimal brain damage") and their signs: a scale, not a bound.
 */
export function truncationScale(
  base: Linearization,
  scheme: 'central' | 'forward',
  step: number,
): EntryVariances {
  const { model, pass } = base
  const order = scheme === 'central' ? 3 : 2
  const factor = scheme === 'central' ? step ** 2 / 6 : step / 2
  const ofWeights: FactoredSquares[] = []
  const ofBiases: Float64Array[] = []
  for (const [l, { second, third }] of higherDerivatives(base).entries()) {
    const size = mapMatrix(order === 3 ? third : second, (d) => (factor * d) ** 2)
    const inputs = mapMatrix(pass.A[l], (a) => a ** (2 * order))
    ofWeights[l] = new FactoredSquares(model.samples, [byUnit(size)], [byUnit(inputs)])
    const ones = new Float64Array(model.samples).fill(1)
    const biases = new FactoredSquares(model.samples, [byUnit(size)], [ones])
    ofBiases[l] = Float64Array.from({ length: model.layers[l].outputs }, (_, unit) => biases.at(unit))
  }
  // Δ(w²)/h = 2w + h on one side
  const decay = scheme === 'central' ? 0 : (step * model.l2Scale) ** 2
  return {
    of(t, offset) {
      const { layer: l, role } = model.parameters[t]
      return role === 'biases' ? ofBiases[l][offset] : ofWeights[l].at(offset) + decay
    },
    total(t) {
      const { layer: l, role, size } = model.parameters[t]
      if (role === 'biases') return ofBiases[l].reduce((sum, value) => sum + value, 0)
      return ofWeights[l].total() + size * decay
    },
  }
}

/** |∂²J/∂Z²| and |∂³J/∂Z³| of every unit and sample of each layer, by Σ|terms|. */
function higherDerivatives(base: Linearization): { second: Matrix; third: Matrix }[] {
  const { model, pass, upstream } = base
  const result: { second: Matrix; third: Matrix }[] = []
  const last = model.layers.length - 1
  let { second, third } = lossDerivatives(base)
  for (let l = last; l >= 0; l--) {
    const layer = model.layers[l]
    if (!layer.endsAtLogits) {
      const [ofA, cubic] = [second.data, third.data]
      second = createMatrix(ofA.length / layer.outputs, layer.outputs)
      third = createMatrix(second.rows, layer.outputs)
      for (let k = 0; k < ofA.length; k++) {
        const slope = Math.abs(base.slopes[l][k])
        const slopes = higherSlopes(layer.activation, pass.Z[l].data[k])
        const above = Math.abs(upstream[l].data[k])
        second.data[k] = slope ** 2 * ofA[k] + Math.abs(slopes.second) * above
        third.data[k] =
          slope ** 3 * cubic[k] +
          3 * slope * Math.abs(slopes.second) * ofA[k] +
          Math.abs(slopes.third) * above
      }
    }
    result[l] = { second, third }
    if (l === 0) break
    const cubes = layer.weights.map((w) => Math.abs(w) ** 3)
    third = multiply(third, cubes, layer.inputs)
    second = passVarianceBack(base, l, second)
  }
  return result
}

/** The same of the loss, by its argument: A, or Z where it reads logits. */
function lossDerivatives({ model, pass }: Linearization): { second: Matrix; third: Matrix } {
  const last = model.layers.length - 1
  const output = { Z: pass.Z[last], A: pass.A[last + 1] }
  if (!model.loss.readsLogits) {
    return { second: mapMatrix(output.A, () => 2 * model.lossScale), third: mapMatrix(output.A, () => 0) }
  }
  // of logits: p·(1 − p) and its derivative, the same for p = σ or softmax and for 1 − p
  const p = model.loss.readsClasses
    ? mapMatrix(model.loss.derivative(output, model.targets), Math.abs)
    : output.A
  return {
    second: mapMatrix(p, (value) => model.lossScale * value * (1 - value)),
    third: mapMatrix(p, (value) => model.lossScale * value * (1 - value) * Math.abs(1 - 2 * value)),
  }
}
