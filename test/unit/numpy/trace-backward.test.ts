import { expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { traceForward } from '../../../src/numpy/load-forward.js'
import { type Tensor, tensor } from '../../../src/tensor.js'
import { Draws } from '../../support/random-network.js'

const draws = new Draws(7)
const normal = (...shape: number[]): Tensor =>
  tensor(
    draws.normals(
      shape.reduce((product, length) => product * length, 1),
      1,
    ),
    shape,
  )

const check = async (text: string, arrays: Record<string, Tensor>, forward: string, backward: string) =>
  checkGradients(
    await traceForward({
      sources: { 'op.py': text },
      arrays: new Map(Object.entries(arrays)),
      entry: forward,
      backward,
    }),
  )
const marksOf = (report: Awaited<ReturnType<typeof check>>) =>
  report.backward!.lines.filter(({ mark }) => mark === 'wrong' || mark === 'suspect').map(({ line }) => line)

const operation = (grads: string) => `import torch

class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, scale=0.5):
        ctx.save_for_backward(x, weight, bias)
        ctx.scale = scale
        return scale * (x @ weight.t() + bias)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, bias = ctx.saved_tensors
        g = grad_output * ctx.scale
        grad_x = g @ weight if ctx.needs_input_grad[0] else None
        grad_weight = g.t() @ x
        return ${grads}
`
const ARRAYS = { x: normal(6, 3), weight: normal(4, 3), bias: normal(4), grad_output: normal(6, 4) }

it('takes a torch.autograd.Function as a pair: gradients by their places, None for what has none', async () => {
  const run = (grads: string) => check(operation(grads), ARRAYS, 'Linear.forward', 'Linear.backward')
  const right = await run('grad_x, grad_weight, g.sum(0), None')
  expect(right.verdict).toBe('pass')
  expect(right.tensors.map(({ name }) => name)).toEqual(['x', 'weight', 'bias'])
  const without = await run('None, grad_weight, None, None')
  expect(without.tensors.map(({ name }) => name)).toEqual(['weight'])
  const wrong = await run('grad_x, grad_weight, 2 * g.sum(0), None')
  expect(wrong.verdict).toBe('fail')
  expect(marksOf(wrong)).toEqual([16])
  await expect(run('grad_x, grad_weight')).rejects.toThrow(
    /op\.py:11:\d+: backward returns 2 gradients, and forward has 4 arguments: x, weight, bias, scale/,
  )
})

it('by its place a gradient counts, whatever it is called', async () => {
  const text = `import torch
class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        grad_a = grad_output * b
        grad_b = grad_output * a
        return grad_b, grad_a
`
  const arrays = { a: normal(2, 3), b: normal(2, 3), grad_output: normal(2, 3) }
  const report = await check(text, arrays, 'Product.forward', 'Product.backward')
  expect(report.tensors.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['a', 'fail'],
    ['b', 'fail'],
  ])
})

const NET = (body: string) => `import numpy as np

def double(x):
    return 2 * x

def forward(X, W, b):
    H = np.tanh(X @ W + b)
    return 0.5 * np.sum(H ** 2), H

def backward(X, W, b, H):
${body
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}
`
const NET_ARRAYS = { X: normal(5, 3), W: normal(3, 2), b: normal(2) }
const line = (report: Awaited<ReturnType<typeof check>>, text: string) =>
  report.backward!.lines.find((one) => one.text.trim() === text)

it('marks what follows, what was not reached and what no gradient reads', async () => {
  const report = await check(
    NET(`n = X.shape[0]
dH = H * 1.0
unused = H * 2
if n > 100:
    dH = double(dH)
dZ = dH * (1 + H ** 2)
dW = X.T @ dZ
db = dZ.sum(axis=0)
return dW, db`),
    NET_ARRAYS,
    'forward',
    'backward',
  )
  expect(report.verdict).toBe('fail')
  expect(marksOf(report)).toEqual([16])
  expect(line(report, 'dZ = dH * (1 + H ** 2)')).toMatchObject({
    mark: expect.stringMatching(/^(wrong|suspect)$/),
    gradients: ['dW', 'db'],
  })
  expect(line(report, 'dZ = dH * (1 + H ** 2)')!.reason).toMatch(/^written as `.*`, every gradient is right$/)
  expect(line(report, 'dW = X.T @ dZ')).toMatchObject({
    mark: 'follows',
    reason: 'it reads dZ, which is wrong',
  })
  expect(line(report, 'unused = H * 2')).toMatchObject({ mark: 'not judged', reason: 'no gradient reads it' })
  expect(line(report, 'dH = double(dH)')).toMatchObject({ mark: 'not reached' })
  expect(line(report, 'n = X.shape[0]')).toMatchObject({ mark: 'not judged' })
})

it('statements of several lines, of one line, and docstrings are told apart', async () => {
  const report = await check(
    NET(`"""Says
nothing."""
dZ = (H *  # of the loss
      (1 - H ** 2))
dW = X.T @ dZ; db = dZ.sum(axis=0) * 2
return dW, db`),
    NET_ARRAYS,
    'forward',
    'backward',
  )
  expect(marksOf(report)).toEqual([15])
  const texts = report.backward!.lines.map(({ text }) => text.trim())
  expect(texts).toEqual([
    'def backward(X, W, b, H):',
    'dZ = (H *  # of the loss\n          (1 - H ** 2))',
    'dW = X.T @ dZ; db = dZ.sum(axis=0) * 2',
    'return dW, db',
  ])
})

it('where the numbers leave a gradient open or see another, no line is judged, and that is said', async () => {
  const traced = await traceForward({
    sources: { 'op.py': NET('dZ = H * 2\ndW = X.T @ dZ\ndb = dZ.sum(axis=0)\nreturn dW, db') },
    arrays: new Map(Object.entries(NET_ARRAYS)),
    entry: 'forward',
    backward: 'backward',
  })
  const disputed = traced.backward!.judge({ wrong: new Set(['W']), open: new Set() })
  expect(disputed.notices).toEqual([expect.stringMatching(/not judged: .* differ about db/)])
  const open = traced.backward!.judge({ wrong: new Set(['W']), open: new Set(['b']) })
  expect(open.notices).toEqual([expect.stringMatching(/not judged: .* leaves open whether db is right/)])
  for (const { lines } of [disputed, open])
    expect(new Set(lines.map(({ mark }) => mark))).toEqual(new Set(['not judged']))
})

it('gives what holds several things to what is called a cache, and the rest in its order', async () => {
  const text = `import numpy as np
def forward(x, W):
    z = x @ W
    return np.sum(np.maximum(z, 0)), 1.0 * (z > 0), (x, W)

def backward(saved, on):
    x, W = saved
    return {'W': x.T @ on}
`
  const arrays = { x: normal(5, 3), W: normal(3, 4) }
  expect((await check(text, arrays, 'forward', 'backward')).verdict).toBe('pass')
  const unknown = text.replace('saved, on', 'saved, on, gain')
  await expect(check(unknown, arrays, 'forward', 'backward')).rejects.toThrow(
    /op\.py:6:1: backward\(\) needs on, and neither the arrays nor the forward pass/,
  )
})

it('names the line that gives back a gradient of another shape', async () => {
  const text = `import numpy as np
def forward(x, W):
    return np.sum((x @ W) ** 2)

def backward(x, W):
    dz = 2 * (x @ W)
    dW = dz.T @ x
    return dW
`
  const wrong = check(text, { x: normal(5, 3), W: normal(3, 4) }, 'forward', 'backward')
  await expect(wrong).rejects.toThrow(/op\.py:8:12: backward gives dW, the gradient of W, in shape \(4, 3\)/)
  await expect(wrong).rejects.toMatchObject({ fix: 'it looks transposed' })
})
