import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { type Builder, buildProgram, type Node } from '../../../src/program/builder.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { inputsOf, type Program } from '../../../src/program/program.js'
import { simplifyProgram } from '../../../src/program/simplify.js'
import { tensor } from '../../../src/tensor.js'
import { Draws } from '../../support/random-network.js'

type Build = (b: Builder, arrays: Readonly<Record<string, Node>>) => Node

const draws = new Draws(3)
const ARRAYS = new Map([
  ['x', tensor(draws.normals(12, 1), [3, 4])],
  [
    't',
    tensor(
      Array.from({ length: 12 }, () => draws.uniform()),
      [3, 4],
    ),
  ],
  ['u', tensor(draws.normals(12, 1), [3, 4])],
])
const SHAPES = new Map([...ARRAYS].map(([name, { shape }]) => [name, shape]))
const LABELS = tensor([1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0], [3, 4])

const namesOf = ({ values }: Program) =>
  values.flatMap((value) => (value.kind === 'computed' ? [value.operation.name] : []))

/** What is written, and what it is: of an array x, or with targets t between 0 and 1. */
const CASES: Record<string, { build: Build; is: string[]; never?: string[] }> = {
  '1/(1 + exp(−x))': {
    build: (b, { x }) => b.divide(1, b.add(1, b.exp(b.negative(x)))),
    is: ['sigmoid'],
    never: ['exp', 'divide'],
  },
  '1/(1 + exp(−1·x))': {
    build: (b, { x }) => b.divide(1, b.add(b.exp(b.multiply(-1, x)), 1)),
    is: ['sigmoid'],
  },
  'exp(x)/(1 + exp(x))': { build: (b, { x }) => b.divide(b.exp(x), b.add(1, b.exp(x))), is: ['sigmoid'] },
  'log(1 + exp(x))': {
    build: (b, { x }) => b.log(b.add(1, b.exp(x))),
    is: ['softplus'],
    never: ['exp', 'log'],
  },
  'log1p(exp(x))': { build: (b, { x }) => b.log1p(b.exp(x)), is: ['softplus'] },
  'exp(x)/sum': {
    build: (b, { x }) => b.divide(b.exp(x), b.sum(b.exp(x), { axes: [1], keepDims: true })),
    is: ['softmax'],
    never: ['exp', 'divide'],
  },
  'a softmax with x − max(x)': {
    build: (b, { x }) => {
      const e = b.exp(b.subtract(x, b.max(x, { axes: [1], keepDims: true })))
      return b.divide(e, b.sum(e, { axes: [1], keepDims: true }))
    },
    is: ['softmax'],
    never: ['exp', 'max', 'subtract'],
  },
  'a softmax with x − max of all, along the first axis': {
    build: (b, { x }) => {
      const e = b.exp(b.subtract(x, b.max(x)))
      return b.divide(e, b.sum(e, { axes: [0] }))
    },
    is: ['softmax'],
    never: ['max'],
  },
  'log of a softmax, times targets, summed': {
    build: (b, { x, t }) => {
      const e = b.exp(x)
      return b.sum(b.multiply(t, b.log(b.divide(e, b.sum(e, { axes: [1], keepDims: true })))), { axes: [1] })
    },
    is: ['softmaxCrossEntropy'],
    never: ['log', 'softmax', 'logSoftmax'],
  },
  'the mean of the same over everything': {
    build: (b, { x, t }) => b.mean(b.multiply(b.logSoftmax(x), t)),
    is: ['softmaxCrossEntropy'],
  },
  'log of what is picked from a softmax': {
    build: (b, { x }) => b.log(b.takeAlong(b.softmax(x), { indices: [1, 3, 0] })),
    is: ['softmaxCrossEntropy'],
    never: ['take', 'log'],
  },
  'x − max − log(sum(exp(x − max)))': {
    build: (b, { x }) => {
      const z = b.subtract(x, b.max(x, { axes: [1], keepDims: true }))
      return b.subtract(z, b.log(b.sum(b.exp(z), { axes: [1], keepDims: true })))
    },
    is: ['logSoftmax'],
    never: ['max', 'exp'],
  },
  'max + log(sum(exp(x − max)))': {
    build: (b, { x }) => {
      const m = b.max(x, { axes: [1], keepDims: true })
      return b.add(m, b.log(b.sum(b.exp(b.subtract(x, m)), { axes: [1], keepDims: true })))
    },
    is: ['logSumExp'],
    never: ['max'],
  },
  'E[x²] − E[x]²': {
    build: (b, { x }) => b.subtract(b.mean(b.square(x), { axes: [1] }), b.square(b.mean(x, { axes: [1] }))),
    is: ['mean', 'subtract', 'square', 'mean'],
  },
  '(x − mean)/sqrt(variance + ε)': {
    build: (b, { x }) => {
      const c = b.subtract(x, b.mean(x, { axes: [0] }))
      return b.divide(c, b.sqrt(b.add(b.mean(b.multiply(c, c), { axes: [0] }), 1e-5)))
    },
    is: ['standardize'],
    never: ['sqrt', 'mean'],
  },
  '(x − mean)·rsqrt(variance)': {
    build: (b, { x }) => {
      const c = b.subtract(x, b.mean(x, { axes: [1], keepDims: true }))
      return b.multiply(c, b.rsqrt(b.variance(x, { axes: [1], keepDims: true })))
    },
    is: ['standardize'],
  },
  'x/√(mean of x²)': {
    build: (b, { x }) => b.divide(x, b.sqrt(b.mean(b.square(x), { axes: [1], keepDims: true }))),
    is: ['rmsNorm'],
  },
  'x/‖x‖': {
    build: (b, { x }) => b.divide(x, b.norm(x, { axes: [1], keepDims: true })),
    is: ['rmsNorm', 'multiply'],
    never: ['sqrt', 'divide'],
  },
  'the divergence of an autoencoder': {
    build: (b, { x, u }) => b.multiply(-0.5, b.subtract(b.subtract(b.add(1, x), b.square(u)), b.exp(x))),
    is: ['expMinusSelf'],
    never: ['exp'],
  },
  'softplus(o) − y·o': {
    build: (b, { x, t }) => b.subtract(b.softplus(x), b.multiply(t, x)),
    is: ['binaryCrossEntropyWithLogits'],
    never: ['softplus'],
  },
  'y·log(a) + (1 − y)·log(1 − a)': {
    build: (b, { x, t }) => {
      const a = b.divide(1, b.add(1, b.exp(b.negative(x))))
      return b.negative(b.add(b.multiply(t, b.log(a)), b.multiply(b.subtract(1, t), b.log(b.subtract(1, a)))))
    },
    is: ['binaryCrossEntropyWithLogits'],
    never: ['log', 'softplus', 'sigmoid'],
  },
  '−y·log(a) − (1 − y)·log(1 − a), of constant targets': {
    build: (b, { x }) => {
      const a = b.sigmoid(x)
      return b.subtract(
        b.multiply(b.negative(b.log(a)), LABELS),
        b.multiply(b.subtract(1, LABELS), b.log(b.subtract(1, a))),
      )
    },
    is: ['binaryCrossEntropyWithLogits'],
    never: ['log', 'softplus'],
  },
  'x·sigmoid(x)': { build: (b, { x }) => b.multiply(b.sigmoid(x), x), is: ['silu'] },
}

describe.each(Object.entries(CASES))('%s', (_, { build, is, never = [] }) => {
  const listed = buildProgram((b, given) => b.sum(b.tanh(b.multiply(0.1, build(b, given)))), SHAPES)
  const simple = simplifyProgram(listed)

  it(`is ${is.join(', ')}`, () => {
    const names = namesOf(simple)
    expect(names).toEqual(expect.arrayContaining(is))
    for (const name of never)
      expect(names.filter((other) => other === name)).toEqual(name === 'multiply' ? [name] : [])
  })

  it('has the same value and gradients', () => {
    const [before, after] = [listed, simple].map((program) => bindProgram(program, ARRAYS))
    const [right] = before.base[listed.output]
    expect(Math.abs(after.base[simple.output][0] - right)).toBeLessThanOrEqual(1e-13 * (1 + Math.abs(right)))
    const [old, own] = [before, after].map((bound) => {
      const cotangents = reversePass(bound)
      return inputsOf(bound.program).map(({ id }) => cotangents[id] ?? new Float64Array(12))
    })
    for (const [t, slopes] of old.entries()) {
      for (const [k, slope] of slopes.entries()) {
        expect(Math.abs(own[t][k] - slope)).toBeLessThanOrEqual(1e-13)
      }
    }
  })
})

it('what is not that is left as it is', () => {
  const others: Build[] = [
    // other axes, other operands, other numbers
    (b, { x }) => b.divide(b.exp(x), b.sum(b.exp(x), { axes: [0, 1] })),
    (b, { x, u }) => b.divide(b.exp(x), b.add(1, b.exp(u))),
    (b, { x }) => b.divide(1, b.add(2, b.exp(b.negative(x)))),
    (b, { x, u }) =>
      b.divide(b.subtract(x, b.mean(u, { axes: [0] })), b.sqrt(b.mean(b.square(x), { axes: [0] }))),
    (b, { x }) => b.divide(x, b.sqrt(b.mean(b.square(x), { axes: [1], keepDims: true }))),
    (b, { x, u, t }) => b.subtract(b.softplus(x), b.multiply(t, u)),
    (b, { x, u }) => b.subtract(b.exp(x), u),
    (b, { x, u }) => b.multiply(x, b.sigmoid(u)),
    (b, { x, u }) => b.subtract(x, b.logSumExp(u, { axes: [1], keepDims: true })),
    (b, { x }) => b.log(b.takeAlong(b.exp(x), { indices: [1, 3, 0] })),
    (b, { x }) => b.log(b.take(b.reshape(b.softmax(x), { shape: [12] }), { axis: 0, indices: [0, 1, 2] })),
  ]
  for (const build of others) {
    const listed = buildProgram((b, given) => b.sum(build(b, given)), SHAPES)
    const simple = simplifyProgram(listed)
    const [before, after] = [listed, simple].map(
      (program) => bindProgram(program, ARRAYS).base[program.output][0],
    )
    expect(Math.abs(after - before)).toBeLessThanOrEqual(1e-13 * (1 + Math.abs(before)))
  }
})

it('names and sources are kept', () => {
  const listed = buildProgram((b, { x }) => {
    b.at({ file: 'model.py', line: 7 })
    const a = b.named('A1', b.divide(1, b.add(1, b.exp(b.negative(x)))))
    b.at({ file: 'model.py', line: 8 })
    return b.sum(a)
  }, SHAPES)
  const [sigmoid] = simplifyProgram(listed).values.filter((value) => value.kind === 'computed')
  expect(sigmoid.source).toEqual({ file: 'model.py', line: 7, name: 'A1' })
})

it('sums of thousands of terms take no time', () => {
  const listed = buildProgram((b, { x }) => {
    let sum = x
    for (let k = 0; k < 3000; k++) sum = b.add(sum, b.multiply(x, k))
    return b.sum(sum)
  }, SHAPES)
  const started = performance.now()
  expect(simplifyProgram(listed).values.length).toBe(listed.values.length)
  expect(performance.now() - started).toBeLessThan(1000)
})
