import { Decimal } from 'decimal.js'
import type { Model } from '../../src/network/model.js'
import { activationValue, arithmeticFor, exactly, lossValue } from './reference.js'

/** h of the central differences that give a gradient: what they leave out is its square. */
const STEP = new Decimal('1e-40')

/**
 * The gradient of a small network in its model's order, right to float64's last digit: central differences of whole
 * losses in 150 decimal digits.
 */
export function referenceGradients(model: Model): Float64Array[] {
  const D = arithmeticFor(STEP)
  const X = Array.from(model.inputs.data, (x) => exactly(x, D))
  const layers = model.layers.map(({ weights, biases }) => ({
    weights: Array.from(weights, (w) => exactly(w, D)),
    biases: biases && Array.from(biases, (b) => exactly(b, D)),
  }))
  const cost = () => {
    let A = X
    for (const [l, { weights, biases }] of layers.entries()) {
      const { inputs, outputs, activation, endsAtLogits } = model.layers[l]
      const before = A
      A = Array.from({ length: model.samples * outputs }, (_, k) => {
        const [s, i] = [Math.floor(k / outputs), k % outputs]
        let z = biases?.[i] ?? new D(0)
        for (let j = 0; j < inputs; j++) z = z.plus(weights[i * inputs + j].times(before[s * inputs + j]))
        return endsAtLogits ? z : activationValue(activation.text, z)
      })
    }
    const outputs = model.targets.columns
    const name = model.loss.name.endsWith('squared-error') ? 'squared-error' : model.loss.name
    let sum = new D(0)
    for (let s = 0; s < model.samples; s++) {
      const targets = [...model.targets.data.subarray(s * outputs, (s + 1) * outputs)]
      const loss = lossValue(
        name as Parameters<typeof lossValue>[0],
        A.slice(s * outputs, (s + 1) * outputs),
        targets,
      )
      sum = sum.plus(loss.times(exactly(model.weighting.weights?.[s] ?? 1, D)))
    }
    const squares = layers
      .flatMap(({ weights }) => weights)
      .reduce((total, w) => total.plus(w.times(w)), new D(0))
    return sum.times(exactly(model.lossScale, D)).plus(squares.times(exactly(model.l2Scale, D)))
  }
  return model.parameters.map(({ layer: l, role, size }) => {
    const theta = role === 'weights' ? layers[l].weights : layers[l].biases!
    return Float64Array.from({ length: size }, (_, k) => {
      const kept = theta[k]
      theta[k] = kept.plus(STEP)
      const plus = cost()
      theta[k] = kept.minus(STEP)
      const minus = cost()
      theta[k] = kept
      return plus.minus(minus).div(STEP.times(2)).toNumber()
    })
  })
}
