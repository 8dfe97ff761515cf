import { expect, it } from 'vitest'
import { reversePass } from '../../src/backward/reverse-pass.js'
import { checkGradients } from '../../src/check/check-gradients.js'
import { type Builder, buildProgram, type Node, program } from '../../src/program/builder.js'
import { bindProgram } from '../../src/program/evaluate.js'
import { inputsOf } from '../../src/program/program.js'
import { simplifyProgram } from '../../src/program/simplify.js'
import { elementCount, type NamedTensors, type Tensor, tensor } from '../../src/tensor.js'
import { openPrecisionEvaluators } from '../support/precision-evaluators.js'
import { Draws } from '../support/random-network.js'

const evaluatorOf = openPrecisionEvaluators()

type Build = (b: Builder, arrays: Readonly<Record<string, Node>>) => Node

interface Point {
  readonly parameters: Record<string, Tensor>
  readonly data?: Record<string, Tensor>
  readonly build: Build
}

const normal = (draws: Draws, shape: number[], scale = 1, mean = 0) =>
  tensor(
    draws.normals(elementCount(shape), scale).map((x) => mean + x),
    shape,
  )
const map = ({ data, shape }: Tensor, f: (x: number) => number) => tensor(Array.from(data, f), shape)

/** Rows of logits and the distributions beside them, at a distance. */
function nearSoftmax(draws: Draws, distance: number): { z: Tensor; t: Tensor } {
  const z = normal(draws, [8, 12], 2)
  const beside = map(z, (x) => x + distance * draws.normal())
  const t = new Float64Array(96)
  for (let row = 0; row < 8; row++) {
    const own = beside.data.subarray(12 * row, 12 * row + 12)
    const sum = own.reduce((total, x) => total + Math.exp(x), 0)
    for (let k = 0; k < 12; k++) t[12 * row + k] = Math.exp(own[k]) / sum
  }
  return { z, t: tensor(t, [8, 12]) }
}

/** A tanh's sum with weights at random: an ordinary loss. */
const weigh = (b: Builder, y: Node, draws: Draws) => b.sum(b.multiply(y, normal(draws, [...y.shape])))

/** Points where compositions of elementary rules lose digits, and what fused ones were measured to keep in single precision. */
const POINTS: Record<string, { make(draws: Draws): Point; difference: number }> = {
  'log-softmax of logits times 30': {
    difference: 3.2e-8,
    make: (draws) => {
      const indices = Array.from({ length: 8 }, () => draws.below(12))
      return {
        parameters: { z: normal(draws, [8, 12], 30) },
        build: (b, { z }) => b.sum(b.takeAlong(b.logSoftmax(z), { indices })),
      }
    },
  },
  'a cross-entropy at a distance of 1e-2 from its target, written out': {
    difference: 2.9e-8,
    make: (draws) => {
      const { z, t } = nearSoftmax(draws, 1e-2)
      return {
        parameters: { z },
        data: { t },
        build: (b, { z: logits, t: targets }) => {
          const e = b.exp(b.subtract(logits, b.max(logits, { axes: [1], keepDims: true })))
          return b.negative(
            b.sum(b.multiply(targets, b.log(b.divide(e, b.sum(e, { axes: [1], keepDims: true }))))),
          )
        },
      }
    },
  },
  'a cross-entropy at a distance of 1e-4 from its target': {
    difference: 7.6e-8,
    make: (draws) => {
      const { z, t } = nearSoftmax(draws, 1e-4)
      return {
        parameters: { z },
        data: { t },
        build: (b, { z: logits, t: targets }) => b.negative(b.sum(b.multiply(b.logSoftmax(logits), targets))),
      }
    },
  },
  'e^x − x at x of 0.1': {
    difference: 1.2e-8,
    make: (draws) => ({
      parameters: { x: normal(draws, [64], 0.1) },
      build: (b, { x }) => b.sum(b.subtract(b.exp(x), x)),
    }),
  },
  'e^x − x at x of 1e-3': {
    difference: 1.8e-8,
    make: (draws) => ({
      parameters: { x: normal(draws, [64], 1e-3) },
      build: (b, { x }) => b.sum(b.subtract(b.exp(x), x)),
    }),
  },
  'cosines of an angle of 0.1': { difference: 3.5e-8, make: (draws) => nearCosine(draws, 0.1) },
  'cosines of an angle of 1e-3': { difference: 4.1e-8, make: (draws) => nearCosine(draws, 1e-3) },
  'a group norm of pairs': {
    difference: 6.4e-8,
    make: (draws) => ({
      parameters: { x: normal(draws, [6, 8]) },
      build: (b, { x }) => weigh(b, b.tanh(b.groupNorm(x, { groups: 4 })), new Draws(5)),
    }),
  },
  'E[x²] − E[x]² at an offset of 10': { difference: 3.1e-8, make: (draws) => variance(draws, 10) },
  'E[x²] − E[x]² at an offset of 1e3': { difference: 3.1e-8, make: (draws) => variance(draws, 1e3) },
  'a batch norm above a layer on data of 1e3 ± 1, that float32 holds': {
    difference: 5e-8,
    make: (draws) => offsetNorm(map(normal(draws, [64, 8], 1, 1e3), Math.fround), draws),
  },
  'attention to values of 1e3 ± 1': {
    difference: 4.3e-8,
    make: (draws) => ({
      parameters: { q: normal(draws, [10, 8]), k: normal(draws, [10, 8]) },
      data: { v: normal(draws, [10, 8], 1, 1e3) },
      build: (b, { q, k, v }) => weigh(b, b.scaledDotProductAttention(q, k, v), new Draws(6)),
    }),
  },
}

function nearCosine(draws: Draws, angle: number): Point {
  const a = normal(draws, [8, 16])
  return {
    parameters: { a },
    data: { c: map(a, (x) => x + angle * draws.normal()) },
    build: (b, { a: one, c }) => b.sum(b.cosineSimilarity(one, c)),
  }
}

function variance(draws: Draws, offset: number): Point {
  return {
    parameters: { x: normal(draws, [6, 40], 1, offset) },
    build: (b, { x }) =>
      weigh(
        b,
        b.subtract(b.mean(b.square(x), { axes: [1] }), b.square(b.mean(x, { axes: [1] }))),
        new Draws(7),
      ),
  }
}

function offsetNorm(x: Tensor, draws: Draws): Point {
  return {
    parameters: { w: normal(draws, [6, 8], 0.35) },
    data: { x },
    build: (b, { x: inputs, w }) => weigh(b, b.tanh(b.batchNorm(b.linear(inputs, w))), new Draws(8)),
  }
}

it.each(Object.entries(POINTS))(
  '%s: within twice the best that was measured',
  async (_, { make, difference }) => {
    const { parameters, data = {}, build } = make(new Draws(4))
    const arrays: NamedTensors = new Map(Object.entries({ ...parameters, ...data }))
    const shapes = new Map([...arrays].map(([name, { shape }]) => [name, shape]))
    const bound = bindProgram(simplifyProgram(buildProgram(build, shapes)), arrays)
    const cotangents = reversePass(bound)
    const gradients = new Map(
      inputsOf(bound.program)
        .filter(({ name }) => name in parameters)
        .map(({ id, name, shape }) => [name, tensor(cotangents[id]!, shape)]),
    )
    const report = await checkGradients(
      { program: program.from(build), parameters: arrays, gradients },
      { evaluator: evaluatorOf('single') },
    )
    expect(report.verdict).not.toBe('fail')
    expect(report.difference).toBeLessThanOrEqual(2 * difference)
  },
)
