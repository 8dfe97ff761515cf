import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { type Builder, type Node, program } from '../../../src/program/builder.js'
import { type Tensor, tensor } from '../../../src/tensor.js'

type Build = (b: Builder, arrays: Readonly<Record<string, Node>>) => Node

const sigma = (z: number) => 1 / (1 + Math.exp(-z))
const row = tensor([1, 2], [1, 2])
const column = tensor([1, 2], [2, 1])

const check = (build: Build, parameters: Record<string, Tensor>, gradients: Record<string, Tensor>) =>
  checkGradients({ program: program.from(build), parameters, gradients })

describe('what only looks like another operation is not taken for it', () => {
  it('a constant row and a constant column of the same numbers', async () => {
    const build: Build = (b, { x }) => b.sum(b.multiply(b.add(x, row), b.sigmoid(b.add(x, column))))
    const x = tensor([0, 0, 0, 0], [2, 2])
    const slope = (r: number, c: number) => sigma(c) + r * sigma(c) * (1 - sigma(c))
    const right = tensor([slope(1, 1), slope(2, 1), slope(1, 2), slope(2, 2)], [2, 2])
    expect((await check(build, { x }, { x: right })).verdict).toBe('pass')
    const silu = (z: number) => sigma(z) + z * sigma(z) * (1 - sigma(z))
    const wrong = tensor([silu(1), silu(2), silu(1), silu(2)], [2, 2])
    expect((await check(build, { x }, { x: wrong })).verdict).toBe('fail')
  })

  it('targets of one side that are a column, and of the other a row', async () => {
    const build: Build = (b, { z }) => {
      const a = b.sigmoid(z)
      const one = b.multiply(tensor([1, 0], [2, 1]), b.log(a))
      return b.negative(b.sum(b.add(one, b.multiply(tensor([0, 1], [1, 2]), b.log(b.subtract(1, a))))))
    }
    const z = tensor([0.3, -0.4, 1.1, 0.2], [2, 2])
    const a = Array.from(z.data, sigma)
    const y1 = [1, 1, 0, 0]
    const y2 = [0, 1, 0, 1]
    const right = a.map((p, k) => -y1[k] * (1 - p) + y2[k] * p)
    expect((await check(build, { z }, { z: tensor(right, [2, 2]) })).verdict).toBe('pass')
  })

  it('a one of another shape keeps its axes', async () => {
    const one = tensor([1], [1, 1])
    const x = tensor([0.3, -0.5, 0.2], [3])
    const build: Build = (b, { x: given }) =>
      b.sum(b.square(b.sum(b.divide(1, b.add(one, b.exp(b.negative(given)))), { axes: [0] })))
    const right = Array.from(x.data, (v) => 2 * sigma(v) ** 2 * (1 - sigma(v)))
    expect((await check(build, { x }, { x: tensor(right, [3]) })).verdict).toBe('pass')
  })
})

describe('a right gradient passes', () => {
  it('of a power at 0, and behind a unit that is off', async () => {
    const x = tensor([1, 1], [2])
    const build: Build = (b, { x: given }) => b.mean(b.power(b.subtract(given, tensor([1, 2], [2])), 2))
    expect((await check(build, { x }, { x: tensor([0, -1], [2]) })).verdict).toBe('pass')
    const off: Build = (b, { x: given }) => b.sum(b.power(b.relu(given), 2))
    expect((await check(off, { x: tensor([-1, 1], [2]) }, { x: tensor([0, 2], [2]) })).verdict).toBe('pass')
  })

  it('of saturated units in the short forms that code has', async () => {
    const [scale, cubic] = [Math.sqrt(2 / Math.PI), 0.044715]
    const slope = (v: number) => {
      const t = Math.tanh(scale * (v + cubic * v ** 3))
      return 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * scale * (1 + 3 * cubic * v * v)
    }
    const at = [-6, -7, 0.3]
    const report = await check(
      (b, { x }) => b.sum(b.geluTanh(x)),
      { x: tensor(at, [3]) },
      { x: tensor(at.map(slope), [3]) },
    )
    expect(report.verdict).not.toBe('fail')
    const far = await check(
      (b, { x }) => b.sum(b.expm1(x)),
      { x: tensor([-30], [1]) },
      { x: tensor([Math.expm1(-30) + 1], [1]) },
    )
    expect(far.verdict).not.toBe('fail')
  })

  it('of values that a mask leaves out, whatever they are', async () => {
    const mask = tensor([0, 0, -1e30], [1, 3])
    const [q, k] = [tensor([1], [1, 1]), tensor([0.1, 0.2, 0.3], [3, 1])]
    const build: Build = (b, { v }) => b.sum(b.square(b.scaledDotProductAttention(q, k, v, { mask })))
    const p = [Math.exp(0.1), Math.exp(0.2), 0].map((e, _, all) => e / (all[0] + all[1]))
    const out = p[0] + 2 * p[1]
    const right = tensor(
      p.map((own) => 2 * out * own),
      [3, 1],
    )
    expect((await check(build, { v: tensor([1, 2, 1e20], [3, 1]) }, { v: right })).verdict).toBe('pass')
  })
})

describe('what an operation does not take is refused in its own words', () => {
  const x = tensor([1, 2, 3, 4, 5, 6], [1, 2, 3])
  const refusals: [Build, RegExp][] = [
    [
      (b, { x: given }) => b.avgPool1d(given, { kernel: 2, dilation: 2 } as never),
      /avgPool1d: there is no attribute dilation/,
    ],
    [
      (b, { x: given }) => b.maxPool1d(given, { kernel: 2, stride: 1, padding: 1, dilation: 4 }),
      /maxPool1d: a window/,
    ],
    [(b, { x: given }) => b.broadcastTo(given, { shape: [-1, 2, 3] }), /broadcastTo: -1 is no length/],
    [(b, { x: given }) => b.tril(b.reshape(given, { shape: [6] })), /tril: it takes matrices, not \(6,\)/],
    [
      (b, { x: given }) => b.groupNorm(b.reshape(given, { shape: [6] }), { groups: 2 }),
      /groupNorm: it takes \(samples, channels/,
    ],
    [
      (b, { x: given }) => b.conv1d(given, tensor([1, 1], [1, 2, 1]), { stride: 0 }),
      /conv1d: stride must be 1 or more, not 0/,
    ],
    [
      (b, { x: given }) => b.conv1d(given, tensor([1, 1, 1], [1, 3, 1])),
      /conv1d: kernels \(1, 3, 1\) need an input of 3 channels/,
    ],
    [
      (b, { x: given }) => b.conv1d(given, tensor(new Array(10).fill(1), [1, 2, 5])),
      /conv1d: a kernel of 5 needs 5 elements along axis 2, and there are 3/,
    ],
    [
      (b, { x: given }) => b.einsum('ab,bc->ac', given, given),
      /einsum: "ab" has 2 indices, and its operand \(1, 2, 3\) has 3 axes/,
    ],
    [(b, { x: given }) => b.crossEntropy(given, { classes: [0, 3] }), /crossEntropy: class 3 is none of 3/],
    [(b, { x: given }) => b.embedding(given, { indices: [2] }), /embedding: index 2 is out of bounds/],
  ]

  it.each(refusals)('%#', async (build, message) => {
    await expect(check((b, given) => b.sum(build(b, given)), { x }, { x })).rejects.toMatchObject({
      code: 'bad-program',
      message: expect.stringMatching(message),
    })
  })
})

it('hundreds of steps are stacked in no time', async () => {
  const x = tensor([0.1, 0.2], [2])
  const build: Build = (b, { x: given }) => {
    const steps: Node[] = [given]
    for (let t = 0; t < 200; t++) steps.push(b.tanh(b.add(steps[t], 0.1)))
    return b.sum(b.square(b.stack(steps)))
  }
  const started = performance.now()
  const report = await check(build, { x }, { x: tensor([1, 1], [2]) })
  expect(report.verdict).toBe('fail')
  expect(performance.now() - started).toBeLessThan(5000)
})
