import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { type Builder, type Node, program } from '../../../src/program/builder.js'
import { tensor } from '../../../src/tensor.js'

const W = tensor([0.5, -0.2, 0.3, 0.4], [2, 2])

/** Builds with types that nobody has checked, as JavaScript does. */
type Build = (b: Builder, arrays: { readonly W: Node }) => unknown

const check = (build: Build, more = {}) =>
  checkGradients({
    program: program.from(build as Parameters<typeof program.from>[0]),
    parameters: { W },
    gradients: { W },
    ...more,
  })

describe('a call of the builder that cannot be meant is refused:', () => {
  it.each<[string, Build, string | RegExp]>([
    ['a name for a number', (b) => b.named('x', 2 as never), /named gives a name to a value.*not 2/],
    ['a value for a name', (b, { W }) => b.named(W as never, 'x' as never), /named gives a name to a value/],
    ['no source', (b) => b.at(null as never), /the source/],
    ['a tensor without a shape', (b, { W }) => b.sum(b.add(W, { data: [1] } as never)), /a constant/],
    [
      'a tensor whose numbers do not fit its shape',
      (b, { W }) => b.sum(b.add(W, { data: new Float64Array(3), shape: [2], dtype: 'float64' })),
      /a constant/,
    ],
    ['a length below −1', (b, { W }) => b.sum(b.reshape(W, { shape: [-2, -2] })), /-2 is no length/],
    [
      'a selection of an element that is not there',
      (b, { W }) => b.sum(b.gather([W, W], { shape: [2], indices: [-1, 8] })),
      'gather: there is no element 8 among 8',
    ],
    [
      'a selection of fewer elements than its shape has',
      (b, { W }) => b.sum(b.gather([W], { shape: [2, 3], indices: [0, 1] })),
      'gather: there are 2 indices for (2, 3)',
    ],
    [
      'a selection of a shape below 0',
      (b, { W }) => b.sum(b.gather([W], { shape: [-2, -1], indices: [0, 1] })),
      'gather: -2 is no length',
    ],
    [
      'an operation that is not there',
      (b, { W }) => (b as never as { sun(of: Node): Node }).sun(W),
      'there is no operation sun',
    ],
    [
      'an attribute that is not there',
      (b, { W }) => b.sum(W, { axis: 0 } as never),
      /sum: .*no attribute axis.*axes/,
    ],
    [
      'an attribute where none is taken',
      (b, { W }) => b.tanh(W, { axes: [0] } as never),
      /tanh: .*takes none/,
    ],
    [
      'an attribute of another type',
      (b, { W }) => b.sum(W, { axes: 1 as never }),
      /axes must be a list.*not 1/,
    ],
    ['an attribute that is missing', (b, { W }) => b.reshape(W), /reshape: needs \{ shape \}/],
    ['no exponent', (b, { W }) => b.integerPower(W), /integerPower: needs \{ exponent \}/],
    [
      'an exponent of half',
      (b, { W }) => b.integerPower(W, { exponent: 2.5 }),
      /exponent must be a whole number ≥ 1, not 2.5/,
    ],
    ['an exponent below 1', (b, { W }) => b.integerPower(W, { exponent: -1 }), /≥ 1, not -1/],
    [
      'an operand too few',
      (b, { W }) => b.multiply(W, undefined as never),
      'multiply: takes 2 operands, not 1',
    ],
    ['an operand too many', (b, { W }) => b.square(W, W as never), 'square: takes 1 operand, not 2'],
    ['an array of numbers', (b, { W }) => b.add(W, [1, 2] as never), 'not an array of 2'],
    ['nothing returned', (b, { W }) => void b.sum(W), 'returned undefined'],
  ])('%s', async (_, build, message) => {
    await expect(check(build)).rejects.toMatchObject({
      name: 'GradcheckError',
      message:
        typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    })
  })

  it('a value of another program', async () => {
    let kept: Node | undefined
    const keep = (node: Node) => {
      kept = node
      return node
    }
    await check((b, { W }) => b.sum(b.square(keep(W))))
    await expect(check((b, { W }) => b.sum(b.add(W, kept!)))).rejects.toMatchObject({ code: 'bad-program' })
  })

  it('two gradients of one array', async () => {
    await expect(check((b, { W }) => b.sum(b.square(W)), { gradients: { W, dW: W } })).rejects.toMatchObject({
      code: 'bad-usage',
      message: 'there are two gradients of W',
    })
  })
})

it.each([{ tolerance: 5 }, { perturb: 'both' }, { keepGradients: 1 }, { signal: 3 }, { step: 0 }])(
  'a program is not checked with %o',
  async (options) => {
    const problem = {
      program: program.from((b, { W }) => b.sum(b.square(W))),
      parameters: { W },
      gradients: { W },
    }
    await expect(checkGradients(problem, options as object)).rejects.toMatchObject({ name: 'GradcheckError' })
  },
)
