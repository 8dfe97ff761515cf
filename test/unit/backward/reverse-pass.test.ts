import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { type Builder, buildProgram, type Node } from '../../../src/program/builder.js'
import { bindProgram, evaluateFrom } from '../../../src/program/evaluate.js'
import { coneOf, inputsOf } from '../../../src/program/program.js'
import { type NamedTensors, tensor } from '../../../src/tensor.js'
import { Draws } from '../../support/random-network.js'

const draws = new Draws(5)
const draw = (...shape: number[]) =>
  tensor(
    draws.normals(
      shape.reduce((product, length) => product * length, 1),
      0.7,
    ),
    shape,
  )

const LOSSES: Record<
  string,
  { arrays: NamedTensors; build: (b: Builder, arrays: Readonly<Record<string, Node>>) => Node }
> = {
  'two branches added': {
    arrays: new Map([
      ['X', draw(4, 3)],
      ['V', draw(3, 5)],
      ['W', draw(3, 5)],
    ]),
    build: (b, { X, V, W }) => b.mean(b.square(b.add(b.tanh(b.matmul(X, V)), b.sigmoid(b.matmul(X, W))))),
  },
  'a shared weight used twice': {
    arrays: new Map([
      ['X', draw(4, 3)],
      ['W', draw(3, 3)],
    ]),
    build: (b, { X, W }) => b.sum(b.tanh(b.matmul(b.tanh(b.matmul(X, W)), W))),
  },
  'a product of two parameters': {
    arrays: new Map([
      ['V', draw(2, 3)],
      ['W', draw(3, 2)],
      ['g', draw(2)],
    ]),
    build: (b, { V, W, g }) => b.sum(b.exp(b.multiply(b.matmul(V, W), g))),
  },
  'a skip connection': {
    arrays: new Map([
      ['X', draw(4, 3)],
      ['W', draw(3, 3)],
      ['b', draw(3)],
      ['T', tensor([0, 1, 0, 1, 0, 0, 0, 0, 1, 0.2, 0.3, 0.5], [4, 3])],
    ]),
    build: (b, { X, W, b: bias, T }) =>
      b.mean(b.softmaxCrossEntropy(b.add(b.gelu(b.add(b.matmul(X, W), bias)), X), T)),
  },
  'transposes, shapes and axes': {
    arrays: new Map([
      ['A', draw(2, 6)],
      ['c', draw(3)],
    ]),
    build: (b, { A, c }) => {
      const cube = b.reshape(A, { shape: [2, 2, -1] })
      const turned = b.transpose(cube, { axes: [2, 0, 1] })
      return b.sum(b.power(b.add(b.square(b.sum(turned, { axes: [1] })), 1), b.reshape(c, { shape: [3, 1] })))
    },
  },
}

describe('the reverse pass gives the gradient that differences of whole losses give', () => {
  it.each(Object.keys(LOSSES))('%s', (name) => {
    const { arrays, build } = LOSSES[name]
    const program = buildProgram(build, new Map([...arrays].map(([key, { shape }]) => [key, shape])))
    const bound = bindProgram(program, arrays)
    const cotangents = reversePass(bound)
    for (const input of inputsOf(program)) {
      const cone = coneOf(program, [input.id])
      const base = bound.base[input.id]
      const h = 1e-5
      const lossAt = (k: number, change: number) =>
        evaluateFrom(bound, new Map([[input.id, base.with(k, base[k] + change)]]), cone)
      for (const k of base.keys()) {
        const difference = (lossAt(k, h) - lossAt(k, -h)) / (2 * h)
        expect(cotangents[input.id]![k], `${input.name}[${k}]`).toBeCloseTo(difference, 8)
      }
    }
  })
})
