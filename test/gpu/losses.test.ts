import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDerivatives } from '../../src/differentiate/evaluator.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { formatOf } from '../../src/differentiate/webgpu/reals.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { bindModel } from '../../src/network/bind.js'
import { findLoss, type LossName, softmaxBase } from '../../src/network/losses.js'
import { outputOf } from '../../src/network/model.js'
import { dense, sequential } from '../../src/network/network.js'
import { sigmoidTail } from '../../src/operations/sigmoids.js'
import { type NamedTensors, tensor } from '../../src/tensor.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { PRECISIONS_UNDER_TEST, type PrecisionUnderTest } from '../support/precisions.js'
import { runProbe } from '../support/probe.js'
import { expectNear, referenceLossChange, referenceSoftmaxTerms } from '../support/reference.js'
import probe from './loss-probe.wesl'
import extendedProbe from './loss-probe.wesl?extended'

const PROBES = { single: probe, extended: extendedProbe }
/**
 * Largest error relative to the change, in unit roundoffs; 3.2 is the worst that was measured in single precision, on
 * both drivers.
 */
const ALLOWED_ROUNDOFFS = 8

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
/** A step and the change that it is multiplied with. */
const STEPS = [1e-5, 1].flatMap((h) => bothSigns([1e-3, 0.37, 7, 30]).map((change) => ({ h, change })))
const LOGITS = [0, ...bothSigns([1e-8, 0.1, 3, 15, 80])]

let gpu: GpuDevice
beforeAll(async () => {
  gpu = await openGpuDevice('software')
})
afterAll(() => gpu?.dispose())

type ProbeCase = { x: number; companion: number; target: number; change: number; h: number }

async function evaluate(
  { precision, encode, decode }: PrecisionUnderTest,
  loss: LossName,
  cases: readonly ProbeCase[],
) {
  const input = encode(
    cases.flatMap(({ x, companion, target, change, h }) => [x, companion, target, change, h]),
  )
  const LOSS = findLoss(loss).code
  const { parts } = formatOf(precision)
  const words = await runProbe(gpu.device, PROBES[precision], { LOSS }, input, cases.length, 2 * parts)
  const output = decode(words)
  return cases.map((_, k) => ({ change: output[2 * k], valid: output[2 * k + 1] === 1 }))
}

describe.each(PRECISIONS_UNDER_TEST)('in $precision precision', (under) => {
  const bound = ALLOWED_ROUNDOFFS * under.unitRoundoff
  const steps = STEPS.map(({ h, change }) => ({ h: Math.fround(h), change: under.round(change) }))
  const logits = LOGITS.map(under.round)

  it('binary cross-entropy changes in WGSL as its definition says', async () => {
    const cases = logits.flatMap((x) =>
      [0, 1, 0.25, 1 - 2 ** -30]
        .map(under.round)
        .flatMap((target) => steps.map((step) => ({ x, companion: sigmoidTail(x), target, ...step }))),
    )
    const values = await evaluate(under, 'binary-cross-entropy', cases)
    const changes = cases.map(({ x, target, change, h }, k) => {
      const of = (y: number) => referenceLossChange('binary-cross-entropy', [x], [y], [change], h)
      // the terms of a target between 0 and 1 have opposite signs
      const terms = Math.abs((1 - target) * of(0)) + Math.abs(target * of(1))
      const at = `z = ${x}, y = ${target}, change = ${change}, h = ${h}`
      return { at, value: values[k].change, reference: of(target), allowed: bound * terms }
    })
    expectNear(changes, under.flushed)
  })

  it('the squared error changes in WGSL as its definition says', async () => {
    const cases = [0, ...bothSigns([1e-8, 1, 100])].flatMap((x) =>
      steps.map((step) => ({ x: under.round(x), companion: 0, target: 0, ...step })),
    )
    const values = await evaluate(under, 'half-squared-error', cases)
    const changes = cases.map(({ x, change, h }, k) => ({
      at: `r = ${x}, change = ${change}, h = ${h}`,
      value: values[k].change,
      reference: referenceLossChange('squared-error', [x], [0], [change], h),
      // change·(2r + h·change), whose terms may have opposite signs
      allowed: bound * Math.abs(change) * (2 * Math.abs(x) + Math.abs(h * change)),
    }))
    expectNear(changes, under.flushed)
  })

  it('softmax cross-entropy changes in WGSL as its definition says, unless its sum is not small', async () => {
    const target = { rows: 1, columns: 2, data: Float64Array.of(1, 0) }
    const cases = logits.flatMap((z) => {
      const base = softmaxBase({ rows: 1, columns: 2, data: Float64Array.of(0, z) }, target)
      const [x, companion] = [base.logProbabilities.data[1], base.probabilities.data[1]]
      return steps.map((step) => ({ z, x, companion, target: 0, ...step }))
    })
    const values = await evaluate(under, 'softmax-cross-entropy', cases)
    const changes = cases.map(({ z, change, h }, k) => {
      const reference = referenceLossChange('softmax-cross-entropy', [0, z], [1, 0], [0, change], h)
      const at = `z = ${z}, change = ${change}, h = ${h}`
      return { at, value: values[k].change, reference, allowed: bound * Math.abs(reference), ...values[k], h }
    })
    const sums = changes.map(({ reference, h }) => Math.abs(Math.expm1(h * reference)))
    expect(changes.every(({ valid }, k) => (valid ? sums[k] < 0.51 : sums[k] > 0.49))).toBe(true)
    expectNear(
      changes.filter(({ valid }) => valid),
      under.flushed,
    )
  })
})

/** Weights between linear layers: short binary fractions, so that changes are exact. */
const hiddenWeights = (outputs: number, inputs: number) =>
  Array.from({ length: outputs * inputs }, (_, k) => [1, -0.5, 0.75, -1.25, 0.25, 2, -0.125][(3 * k) % 7])

/**
 * Linear layers over one sample that give very nearly the logits wanted.
 * @returns also the logits themselves, and by how much each of the first layer's biases moves them (`reach`)
 */
function createLinearNetwork(depth: number, wanted: readonly number[], label: number) {
  const widths = [1, ...[2, 3].slice(0, depth - 1), wanted.length]
  const parameters: NamedTensors = new Map()
  // the change of every layer's units by each bias of the first layer
  let reach = Array.from({ length: widths[1] }, (_, i) =>
    Array.from({ length: widths[1] }, (_, j) => +(i === j)),
  )
  let activations = [0.5]
  for (let l = 1; l <= depth; l++) {
    const [inputs, outputs] = [widths[l - 1], widths[l]]
    const W = hiddenWeights(outputs, inputs)
    const product = (column: readonly number[]) =>
      Array.from({ length: outputs }, (_, i) => column.reduce((sum, a, j) => sum + W[i * inputs + j] * a, 0))
    const Z = product(activations)
    const b = l === depth ? wanted.map((z, i) => z - Z[i]) : Z.map((_, i) => i / 4)
    if (l > 1) reach = reach.map(product)
    activations = Z.map((z, i) => z + b[i])
    parameters.set(`W${l}`, tensor(W, [outputs, inputs])).set(`b${l}`, tensor(b, [outputs]))
  }
  const layers = Array.from({ length: depth }, () => dense('linear'))
  const names = layers.map((_, l) => ({
    weights: `W${l + 1}`,
    biases: `b${l + 1}`,
    weightsGradient: '',
    biasesGradient: '',
  }))
  const model = bindModel(
    sequential(layers, { loss: 'softmax-cross-entropy' }),
    names,
    parameters,
    { name: 'X', tensor: tensor([0.5], [1, 1]) },
    { name: 'Y', tensor: tensor([label], [1]) },
  )
  return { model, reach, logits: [...outputOf(model.forward()).Z.data] }
}

describe.each(PRECISIONS_UNDER_TEST)(
  'the whole loss kernel, for softmax cross-entropy, $precision',
  (under) => {
    const bound = ALLOWED_ROUNDOFFS * under.unitRoundoff
    let evaluator: WebgpuEvaluator
    beforeAll(async () => {
      evaluator = await createWebgpuEvaluator(() => openGpuDevice('software'), { precision: under.precision })
    })
    afterAll(() => evaluator?.dispose())

    it.each([
      { changes: 'of one logit', depth: 1 },
      { changes: 'of all logits, made on the way', depth: 2 },
      { changes: 'of all logits, stored', depth: 3 },
    ])('gives the loss the changes $changes that its definition gives', async ({ depth }) => {
      const rows: { at: string; value: number; reference: number; allowed: number }[] = []
      for (const wanted of [
        [0, 1],
        [1.1, -2.3, 0.7],
        [30.1, -29.9, 28.3],
      ]) {
        for (const label of [0, 1]) {
          const { model, reach, logits } = createLinearNetwork(depth, wanted, label)
          const targets = logits.map((_, i) => +(i === label))
          const parameter = model.parameters[1]
          const entries = Uint32Array.from(reach.keys())
          for (const step of [1e-3, 1, 10].map(Math.fround)) {
            const derivatives = createDerivatives([{ parameter, entries }])
            await evaluator.evaluate(model, derivatives, { step, scheme: 'central' })
            for (const [k, changes] of reach.entries()) {
              const sides = [step, -step].map((h) => ({
                change: referenceLossChange('softmax-cross-entropy', logits, targets, changes, h),
                terms: referenceSoftmaxTerms(logits, targets, changes, h),
              }))
              const reference = (sides[0].change + sides[1].change) / 2
              const terms = sides.map(({ change, terms }) => Math.max(Math.abs(change), terms))
              rows.push({
                at: `z = ${logits}, target = ${label}, changes = ${changes}, h = ${step}`,
                value: derivatives[0].derivatives[k],
                reference,
                allowed: (bound * (terms[0] + terms[1])) / 2,
              })
            }
          }
        }
      }
      expectNear(rows, under.flushed)
    })
  },
)
