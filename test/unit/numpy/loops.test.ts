import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { traceForward } from '../../../src/numpy/load-forward.js'
import type { TracedForward } from '../../../src/numpy/trace-forward.js'
import { compactProgram } from '../../../src/program/compact.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { inputsOf } from '../../../src/program/program.js'
import { elementCount, type Tensor, tensor } from '../../../src/tensor.js'
import { Draws } from '../../support/random-network.js'

const draws = new Draws(11)
const draw = (...shape: number[]) => tensor(draws.normals(elementCount(shape), 0.5), shape)
const whole = (...numbers: number[]) => tensor(numbers, [numbers.length])

/** Traces `f` of a source, with gradients of zeros. */
async function trace(source: string, parameters: Record<string, Tensor>, data: Record<string, Tensor> = {}) {
  const gradients = Object.entries(parameters).map(([name, { shape }]): [string, Tensor] => [
    `d${name}`,
    tensor(new Array(elementCount(shape)).fill(0), shape),
  ])
  const arrays = new Map([...Object.entries(parameters), ...Object.entries(data), ...gradients])
  return await traceForward({ sources: { 'model.py': source }, entry: 'f', arrays })
}

/** With the gradients that the program has as it is written, operation by operation. */
function withRightGradients(traced: TracedForward): TracedForward {
  const listed = traced.program.build(new Map())
  const cotangents = reversePass(bindProgram(listed, traced.parameters))
  const ids = new Map(inputsOf(listed).map(({ name, id }) => [name, id]))
  const gradients = new Map(
    [...traced.gradients].map(([name, given]) => [name, { ...given, data: cotangents[ids.get(name)!]! }]),
  )
  return { ...traced, gradients }
}

const CONVOLUTION = `
import numpy as np

def convolve(x, w, b, stride, pad):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    rows, columns = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, rows, columns))
    for n in range(N):
        for f in range(F):
            for i in range(rows):
                for j in range(columns):
                    window = padded[n, :, i * stride:i * stride + HH, j * stride:j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out

def pool(x, size):
    N, F, H, W = x.shape
    out = np.zeros((N, F, H // size, W // size))
    for i in range(H // size):
        for j in range(W // size):
            out[:, :, i, j] = np.max(x[:, :, i * size:(i + 1) * size, j * size:(j + 1) * size], axis=(2, 3))
    return out

def f(X, y, W1, b1, W2, b2):
    a = np.maximum(0, convolve(X, W1, b1, 1, 1))
    scores = pool(a, 2).reshape(len(X), -1).dot(W2) + b2
    p = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(y)), y]))
`

const SIX_LOOPS = `
import numpy as np

def f(x, w, b):
    H, W, C = x.shape
    k, _, _, F = w.shape
    out = np.zeros((H - k + 1, W - k + 1, F))
    for i in range(H - k + 1):
        for j in range(W - k + 1):
            for f in range(F):
                out[i, j, f] = b[f]
                for di in range(k):
                    for dj in range(k):
                        for c in range(C):
                            out[i, j, f] += x[i + di, j + dj, c] * w[di, dj, c, f]
    loss = 0.0
    for value in out.ravel():
        loss += np.tanh(value) ** 2
    return loss
`

const HINGE = `
import numpy as np

def f(W, X, y, reg):
    loss = 0.0
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        right = scores[y[i]]
        for j in range(W.shape[1]):
            if j == y[i]:
                continue
            margin = scores[j] - right + 1
            if margin > 0:
                loss += margin
    return loss / X.shape[0] + reg * np.sum(W * W)
`

const RECURRENT = `
import numpy as np

def f(Wxh, Whh, Why, bh, by, inputs, targets):
    h = np.zeros((Whh.shape[0], 1))
    loss = 0
    for t in range(len(inputs)):
        x = np.zeros((Wxh.shape[1], 1))
        x[inputs[t]] = 1
        h = np.tanh(Wxh @ x + Whh @ h + bh)
        y = Why @ h + by
        p = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(p[targets[t], 0])
    return loss
`

describe('loops over elements', () => {
  const cases: { name: string; traced: () => Promise<TracedForward>; operations: number; stages: number }[] =
    [
      {
        name: 'a convolution and a pooling, window by window',
        traced: () =>
          trace(
            CONVOLUTION,
            { W1: draw(4, 3, 3, 3), b1: draw(4), W2: draw(256, 3), b2: draw(3) },
            { X: draw(2, 3, 16, 16), y: whole(2, 0) },
          ),
        operations: 12_000,
        stages: 30,
      },
      {
        name: 'a convolution, product by product',
        traced: () => trace(SIX_LOOPS, { x: draw(5, 5, 2), w: draw(2, 2, 2, 3), b: draw(3) }),
        operations: 900,
        stages: 12,
      },
      {
        name: 'a hinge loss, class by class',
        traced: () =>
          trace(
            HINGE,
            { W: draw(4, 3) },
            { X: draw(12, 4), y: whole(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2), reg: tensor([0.1], []) },
          ),
        operations: 100,
        stages: 15,
      },
      {
        name: 'a recurrent network, all but what waits for the step before',
        traced: () =>
          trace(
            RECURRENT,
            { Wxh: draw(5, 4), Whh: draw(5, 5), Why: draw(4, 5), bh: draw(5, 1), by: draw(4, 1) },
            { inputs: whole(0, 1, 2, 3, 1, 2, 0, 3), targets: whole(1, 2, 3, 1, 2, 0, 3, 2) },
          ),
        operations: 90,
        stages: 55,
      },
    ]

  it.each(cases)('are taken together: $name', async ({ traced, operations, stages }) => {
    const right = withRightGradients(await traced())
    const report = await checkGradients(right)
    expect(report.verdict).toBe('pass')
    expect(report.difference).toBeLessThan(1e-13)
    expect(report.forward?.operations).toBeGreaterThan(operations)
    expect(report.forward?.stages).toBeLessThanOrEqual(stages)
  })

  it('keep the line that a mistake is on', async () => {
    const traced = withRightGradients(
      await trace(
        CONVOLUTION,
        { W1: draw(2, 2, 3, 3), b1: draw(2), W2: draw(8, 3), b2: draw(3) },
        { X: draw(2, 2, 4, 4), y: whole(2, 0) },
      ),
    )
    // as a backward pass has it that goes through np.maximum as if it were not there
    const listed = traced.program.build(new Map())
    const bound = bindProgram(listed, traced.parameters)
    const at = listed.values.find((value) => value.kind === 'computed' && value.operation.name === 'maximum')!
    const mistaken = reversePass(bound, {
      passBack: ({ user, operand }, cotangent) => (user === at.id && operand === 1 ? cotangent : undefined),
    })
    const gradients = new Map(traced.gradients)
    for (const { name, id } of inputsOf(listed)) {
      if (name === 'W1' || name === 'b1')
        gradients.set(name, { ...gradients.get(name)!, data: mistaken[id]! })
    }
    const report = await checkGradients({ ...traced, gradients })
    expect(report.verdict).toBe('fail')
    expect(report.diagnosis[0]).toMatchObject({ kind: 'activation-derivative-missing' })
    expect(report.diagnosis[0].message).toMatch(/maximum \(a, model\.py:27:9\) passes back to add lacks/)
  })

  it('tell the run in which a value is no number', async () => {
    const source = `
import numpy as np

def f(w, x):
    loss = 0
    for i in range(len(x)):
        loss += np.log(w[i] * x[i])
    return loss
`
    const traced = await trace(source, { w: whole(1, 2, 3, 4, 5, 6) }, { x: whole(1, 2, 3, 0, 5, 6) })
    await expect(checkGradients(traced)).rejects.toThrow(
      /model\.py:7:17: log of .* is -Infinity in run 4 of 6 of that line/,
    )
  })
})

interface LoopCase {
  readonly name: string
  readonly source: string
  readonly arrays: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>
  readonly loss: number
  readonly gradients: Readonly<Record<string, number[]>>
}

// made by test/fixtures/loops-numpy.py
const LOOPS: readonly LoopCase[] = JSON.parse(
  readFileSync(new URL('../../fixtures/loops-numpy.json', import.meta.url), 'utf8'),
)

describe('stores over one another, views and sums', () => {
  it.each(LOOPS)('are what Python makes of them: $name', async ({ source, arrays, loss, gradients }) => {
    const parameters = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, tensor(data, shape)]),
    )
    const traced = await trace(source, parameters)
    const compact = compactProgram(traced.program.build(new Map()))
    const bound = bindProgram(compact, traced.parameters)
    expect(Math.abs(bound.base[compact.output][0] - loss)).toBeLessThanOrEqual(1e-12 * (1 + Math.abs(loss)))
    const cotangents = reversePass(bound)
    for (const { name, id } of inputsOf(compact)) {
      const wanted = gradients[name] ?? []
      for (const [k, slope] of wanted.entries())
        expect(Math.abs((cotangents[id]?.[k] ?? 0) - slope)).toBeLessThanOrEqual(1e-8 * (1 + Math.abs(slope)))
    }
    const report = await checkGradients(withRightGradients(traced))
    expect(report.verdict).toBe('pass')
    expect(report.difference).toBeLessThan(1e-13)
  })
})
