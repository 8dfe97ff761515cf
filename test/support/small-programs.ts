import type { Builder, Node } from '../../src/program/builder.js'
import { type NamedTensors, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

const draws = new Draws(5)
const draw = (...shape: number[]) =>
  tensor(
    draws.normals(
      shape.reduce((product, length) => product * length, 1),
      0.7,
    ),
    shape,
  )

/** Programs that no stack of dense layers can express, with their arrays. */
export const SMALL_PROGRAMS: Record<
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
  'a bias that is multiplied and added': {
    arrays: new Map([
      ['X', draw(4, 3)],
      ['W', draw(3, 3)],
      ['b', draw(3)],
    ]),
    build: (b, { X, W, b: bias }) => {
      const mixed = b.add(X, b.matmul(b.reshape(bias, { shape: [1, 3] }), W))
      return b.mean(b.softplus(b.add(mixed, bias)), {})
    },
  },
  'targets that are learnt': {
    arrays: new Map([
      ['Z', draw(4, 3)],
      ['V', draw(4, 3)],
    ]),
    build: (b, { Z, V }) => b.sum(b.softmaxCrossEntropy(Z, b.sigmoid(b.add(V, Z)))),
  },
}
