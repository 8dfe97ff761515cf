import { describe, expect, it } from 'vitest'
import { type Cotangents, type Edge, reversePass } from '../../../../src/backward/reverse-pass.js'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import type { CheckReport } from '../../../../src/check/report.js'
import { elementwise, isElementwise } from '../../../../src/operations/elementwise.js'
import { type Builder, buildProgram, type Node, program } from '../../../../src/program/builder.js'
import { applicationOf, type BoundProgram, bindProgram } from '../../../../src/program/evaluate.js'
import { type ComputedValue, inputsOf } from '../../../../src/program/program.js'
import { elementCount, type NamedTensors, tensor } from '../../../../src/tensor.js'
import { Draws } from '../../../support/random-network.js'
import { SMALL_PROGRAMS } from '../../../support/small-programs.js'

type Build = (b: Builder, arrays: Readonly<Record<string, Node>>) => Node

const bind = (arrays: NamedTensors, build: Build): BoundProgram =>
  bindProgram(buildProgram(build, new Map([...arrays].map(([name, { shape }]) => [name, shape]))), arrays)

/** The report on the gradient of a backward pass in which an edge passes back something else. */
async function checkMistaken(
  arrays: NamedTensors,
  build: Build,
  passBack: (edge: Edge, cotangent: Float64Array) => Float64Array | undefined,
): Promise<CheckReport> {
  const bound = bind(arrays, build)
  const cotangents = reversePass(bound, { passBack })
  const gradients = new Map(
    inputsOf(bound.program).map(({ id, name, shape }) => [
      `d${name}`,
      tensor(cotangents[id] ?? new Float64Array(arrays.get(name)!.data.length), shape),
    ]),
  )
  return await checkGradients({ program: program.from(build), parameters: arrays, gradients })
}

const at = ({ user, operand }: Edge, edge: Edge) => user === edge.user && operand === edge.operand

/** Every edge of a program, with what the operation itself passes back. */
function listEdges(
  bound: BoundProgram,
): { edge: Edge; own: (cotangent: Float64Array) => Float64Array; value: ComputedValue }[] {
  return bound.program.values.flatMap((value) => {
    if (value.kind !== 'computed') return []
    return value.operands.flatMap((from, operand) => {
      if (bound.program.values[from].kind === 'constant') return []
      const own = (cotangent: Float64Array) =>
        value.operation.pullBack(applicationOf(bound, value), cotangent, operand)
      return [{ edge: { user: value.id, operand }, own, value }]
    })
  })
}

const wrongOf = (report: CheckReport) =>
  report.tensors.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)

/** Whether two passes give different gradients of some input, visibly. */
const differ = (bound: BoundProgram, one: Cotangents, other: Cotangents) =>
  inputsOf(bound.program).some(({ id }) =>
    [...(one[id] ?? [])].some(
      (slope, k) => Math.abs(slope - (other[id]?.[k] ?? 0)) > 1e-4 * Math.abs(slope) + 1e-12,
    ),
  )

describe.each([
  'two branches added',
  'a shared weight used twice',
  'a product of two parameters',
  'a skip connection',
])('a mistake on an edge of a program with %s', (name) => {
  const { arrays, build } = SMALL_PROGRAMS[name]
  const bound = bind(arrays, build)
  const right = reversePass(bound)

  it.each([0, -1, 2, 0.25])('that multiplies what it passes back by %d is named', async (factor) => {
    for (const { edge, own } of listEdges(bound)) {
      const scaled = (other: Edge, cotangent: Float64Array) =>
        at(other, edge) ? own(cotangent).map((slope) => factor * slope) : undefined
      if (!differ(bound, right, reversePass(bound, { passBack: scaled }))) continue
      const report = await checkMistaken(arrays, build, scaled)
      expect(report.verdict).toBe('fail')
      const explained = report.diagnosis.flatMap(({ tensors }) => tensors)
      expect(explained.toSorted()).toEqual(wrongOf(report).toSorted())
      for (const finding of report.diagnosis) {
        const edgeKind =
          factor === 0 ? ['path-left-out', 'zero'] : ['path-scaled', 'scaled', 'sign-flipped', 'rescaled']
        expect(edgeKind, finding.message).toContain(finding.kind)
        if (factor !== 0 && finding.factor !== undefined) expect(finding.factor).toBeCloseTo(factor, 8)
      }
    }
  })

  it('that lacks its derivative is named', async () => {
    for (const { edge, value } of listEdges(bound)) {
      const { operation } = value
      if (!isElementwise(operation) || operation.rule.linearIn.includes(edge.operand)) continue
      const plain = elementwise('', { ...operation.rule, change: (_k, _at, a, b, c) => a + b + c })
      const report = await checkMistaken(arrays, build, (other, cotangent) =>
        at(other, edge) ? plain.pullBack(applicationOf(bound, value), cotangent, edge.operand) : undefined,
      )
      expect(report.verdict).toBe('fail')
      expect(report.diagnosis.map(({ kind }) => kind)).toEqual(['activation-derivative-missing'])
      expect(report.diagnosis[0].tensors.toSorted()).toEqual(wrongOf(report).toSorted())
      expect(report.diagnosis[0].message).toContain(`what ${operation.name}`)
    }
  })
})

describe('a mistake of a program', () => {
  const draws = new Draws(3)
  const arrays = new Map(
    Object.entries({ X: [5, 3], W: [3, 3], V: [3, 3] }).map(([name, shape]) => [
      name,
      tensor(draws.normals(shape[0] * shape[1], 0.8), shape),
    ]),
  )
  const build: Build = (b, { X, W, V }) => {
    b.at({ file: 'model.py', line: 7 })
    const hidden = b.named('hidden', b.tanh(b.matmul(X, W)))
    b.at({ file: 'model.py', line: 8 })
    return b.mean(b.square(b.matmul(hidden, V)))
  }

  it('says where the operation is written', async () => {
    const bound = bind(arrays, build)
    const product = bound.program.values.findLast(
      (value): value is ComputedValue => value.kind === 'computed' && value.operation.name === 'matmul',
    )!
    const [hidden, V] = product.operands
    const report = await checkMistaken(arrays, build, ({ user, operand }, cotangent) => {
      if (user !== product.id || operand !== 0) return undefined
      // G·V for G·Vᵀ
      const data = new Float64Array(bound.base[hidden].length)
      for (let i = 0; i < 5; i++) {
        for (let j = 0; j < 3; j++)
          for (let k = 0; k < 3; k++) data[3 * i + j] += cotangent[3 * i + k] * bound.base[V][3 * k + j]
      }
      return data
    })
    expect(report.diagnosis).toHaveLength(1)
    expect(report.diagnosis[0]).toMatchObject({
      kind: 'weights-not-transposed',
      tensors: ['X', 'W'],
      source: { file: 'model.py', line: 8 },
    })
    expect(report.diagnosis[0].message).toContain('what matmul (model.py:8) passes back to hidden')
  })

  it('in a derivative by its value is named', async () => {
    const bound = bind(arrays, build)
    const tanh = bound.program.values.find(
      (value): value is ComputedValue => value.kind === 'computed' && value.operation.name === 'tanh',
    )!
    const report = await checkMistaken(arrays, build, ({ user }, cotangent) =>
      user === tanh.id ? cotangent.map((slope, k) => slope * (1 - bound.base[tanh.id][k])) : undefined,
    )
    expect(report.diagnosis[0]).toMatchObject({ kind: 'activation-derivative-wrong', tensors: ['X', 'W'] })
    expect(report.diagnosis[0].message).toContain('has the derivative 1 − a, not 1 − a²')
  })

  it('that is none of these is not named so', async () => {
    const bound = bind(arrays, build)
    const right = reversePass(bound)
    const gradients = new Map(
      inputsOf(bound.program).map(({ id, name, shape }) => [
        name,
        tensor(
          right[id]!.map((slope) => slope * (1 + 0.3 * draws.normal())),
          shape,
        ),
      ]),
    )
    const report = await checkGradients({ program: program.from(build), parameters: arrays, gradients })
    expect(new Set(report.diagnosis.map(({ kind }) => kind))).toEqual(new Set(['unexplained']))
  })
})

describe('a mistake that shows in no number alone', () => {
  const draws = new Draws(5)
  const shapes = { X: [4, 4], K: [4, 4], V: [4, 4], b: [4] }
  const arrays = new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      tensor(
        draws.normals(
          shape.reduce((size, length) => size * length, 1),
          0.8,
        ),
        shape,
      ),
    ]),
  )
  const build: Build = (b, { X, K, V, b: bias }) => {
    const scores = b.named('scores', b.tanh(b.add(b.matmul(X, b.transpose(K)), bias)))
    return b.mean(b.square(b.matmul(scores, V)))
  }
  const bound = bind(arrays, build)
  const find = (name: string, which = 0) =>
    bound.program.values.filter(
      (value): value is ComputedValue => value.kind === 'computed' && value.operation.name === name,
    )[which]
  const [product, add, second] = [find('matmul'), find('add'), find('matmul', 1)]

  it('another value in the place of the right one is named with both', async () => {
    const V = inputsOf(bound.program).find(({ name }) => name === 'V')!
    const report = await checkMistaken(arrays, build, ({ user, operand }, cotangent) => {
      if (user !== product.id || operand !== 0) return undefined
      const application = applicationOf(bound, product)
      const operands = application.operands.with(1, { shape: [4, 4], data: bound.base[V.id] })
      return product.operation.pullBack({ ...application, operands }, cotangent, 0)
    })
    expect(report.diagnosis).toHaveLength(1)
    expect(report.diagnosis[0]).toMatchObject({ kind: 'other-value', tensors: ['X'] })
    expect(report.diagnosis[0].message).toContain(
      'is computed with V in the place of what transpose makes (%4)',
    )
  })

  it('so is the value that a derivative is taken at', async () => {
    const tanh = find('tanh')
    const report = await checkMistaken(arrays, build, ({ user }, cotangent) =>
      user === tanh.id
        ? cotangent.map((slope, k) => slope * (1 - Math.tanh(bound.base[product.id][k]) ** 2))
        : undefined,
    )
    expect(report.diagnosis[0]).toMatchObject({ kind: 'other-value', tensors: ['X', 'K', 'b'] })
    expect(report.diagnosis[0].message).toMatch(
      /what matmul makes \(%5\) in the place of what add makes \(%6\)/,
    )
  })

  it('a bias that is summed over the wrong axis of a square is named', async () => {
    const report = await checkMistaken(arrays, build, ({ user, operand }, cotangent) => {
      if (user !== add.id || operand !== 1) return undefined
      return Float64Array.from({ length: 4 }, (_, i) =>
        cotangent.subarray(4 * i, 4 * i + 4).reduce((sum, slope) => sum + slope, 0),
      )
    })
    expect(report.diagnosis).toHaveLength(1)
    expect(report.diagnosis[0]).toMatchObject({ kind: 'bias-summed-wrong', tensors: ['b'] })
  })

  it('so are two, one after the other', async () => {
    const two = new Map(arrays).set('c', tensor(draws.normals(4, 0.8), [4]))
    const buildTwo: Build = (b, given) => {
      const scores = b.tanh(b.add(b.matmul(given.X, b.transpose(given.K)), given.b))
      return b.mean(b.square(b.add(b.matmul(scores, given.V), given.c)))
    }
    const own = bind(two, buildTwo)
    const biases = own.program.values.filter(
      (value) => value.kind === 'computed' && value.operation.name === 'add',
    )
    const report = await checkMistaken(two, buildTwo, ({ user, operand }, cotangent) =>
      operand === 1 && biases.some(({ id }) => id === user)
        ? Float64Array.from({ length: 4 }, (_, i) =>
            cotangent.subarray(4 * i, 4 * i + 4).reduce((sum, slope) => sum + slope, 0),
          )
        : undefined,
    )
    expect(report.diagnosis.map(({ kind }) => kind)).toEqual(['bias-summed-wrong', 'bias-summed-wrong'])
    expect(report.diagnosis.flatMap(({ tensors }) => tensors).toSorted()).toEqual(['b', 'c'])
  })

  it.each([
    [0, 'the first'],
    [2, 'number 2 \\(counted from 0\\)'],
    [3, 'the last'],
  ])('sample %i left out is named', async (sample, name) => {
    const report = await checkMistaken(arrays, build, ({ user, operand }, cotangent) => {
      if (user !== second.id) return undefined
      const fewer = cotangent.slice()
      fewer.fill(0, 4 * sample, 4 * sample + 4)
      return second.operation.pullBack(applicationOf(bound, second), fewer, operand)
    })
    expect(report.verdict).toBe('fail')
    const found = report.diagnosis.filter(({ kind }) => kind === 'sample-dropped')
    expect(found.flatMap(({ tensors }) => tensors)).toContain('K')
    expect(found[0].message).toMatch(new RegExp(`lacks ${name} of the 4 along its first axis`))
  })
})

it('a gradient that is 0 but for rounding is explained where something else was given', async () => {
  // (c·w/w + w − w) is c: only rounding depends on w
  const arrays = new Map([['w', tensor([0.30045287667948084, -0.2811461552227718], [2])]])
  const build: Build = (b, { w }) =>
    b.sum(b.add(b.multiply(w, b.divide(tensor([1.1, 0.7], [2]), w)), b.subtract(b.sum(w), b.sum(w))))
  const gradients = new Map([['dw', tensor([-0.876, -0.876], [2])]])
  const report = await checkGradients({ program: program.from(build), parameters: arrays, gradients })
  expect(report.verdict).toBe('fail')
  expect(report.diagnosis.flatMap(({ tensors }) => tensors)).toEqual(['w'])
})

it('a single number is not explained by a factor that nobody writes, but by one that is round', async () => {
  const arrays = new Map([
    ['w', tensor([0.7], [1])],
    ['v', tensor([1.3, -0.4], [2])],
  ])
  const build: Build = (b, { w, v }) =>
    b.sum(b.add(b.multiply(b.sin(w), b.sum(b.square(v))), b.exp(b.multiply(w, 0.3))))
  const bound = bind(arrays, build)
  const [sin, exp] = ['sin', 'exp'].map(
    (name) =>
      bound.program.values.find((value) => value.kind === 'computed' && value.operation.name === name)!.id,
  )
  const scaled = (at: number, factor: number) =>
    checkMistaken(arrays, build, ({ user }, cotangent) => {
      if (user !== at) return undefined
      const value = bound.program.values[at] as ComputedValue
      return value.operation
        .pullBack(applicationOf(bound, value), cotangent, 0)
        .map((slope) => factor * slope)
    })
  const odd = await scaled(sin, 1.2345678)
  expect(odd.diagnosis.map(({ kind }) => kind)).not.toContain('path-scaled')
  const round = await scaled(exp, 3)
  expect(round.diagnosis[0]).toMatchObject({ kind: 'path-scaled', factor: 3, tensors: ['w'] })
})

describe('mistakes of operations', () => {
  const draws = new Draws(8)
  const draw = (...shape: number[]) => tensor(draws.normals(elementCount(shape), 0.8), shape)
  /** A mistake, and the edge it is on: the first of an operation, at one of its operands. */
  const cases: Record<
    string,
    {
      arrays: NamedTensors
      build: Build
      operation: string
      operand?: number
      mistake?: number
      kind: string
      says: string
    }
  > = {
    'softmax without its off-diagonal terms': {
      arrays: new Map([
        ['x', draw(3, 4)],
        ['w', draw(4, 4)],
      ]),
      build: (b, { x, w }) => b.sum(b.sin(b.softmax(b.matmul(x, w)))),
      operation: 'softmax',
      kind: 'operation-derivative-wrong',
      says: 'p·(1 − p) alone',
    },
    'a norm whose variance is held constant': {
      arrays: new Map([
        ['x', draw(3, 4)],
        ['w', draw(4, 4)],
      ]),
      build: (b, { x, w }) => b.sum(b.sin(b.layerNorm(b.matmul(x, w)))),
      operation: 'standardize',
      kind: 'operation-derivative-wrong',
      says: 'variance for a constant',
    },
    'a norm whose mean and variance are held constant': {
      arrays: new Map([
        ['x', draw(3, 4)],
        ['w', draw(4, 4)],
      ]),
      build: (b, { x, w }) => b.sum(b.sin(b.layerNorm(b.matmul(x, w)))),
      operation: 'standardize',
      mistake: 2,
      kind: 'operation-derivative-wrong',
      says: 'mean and variance for constants',
    },
    'a kernel that is not flipped': {
      arrays: new Map([
        ['x', draw(2, 2, 5, 5)],
        ['w', draw(3, 2, 3, 3)],
        ['v', draw(2, 3, 2, 2)],
      ]),
      build: (b, { x, w, v }) => b.sum(b.square(b.conv2d(b.tanh(b.conv2d(x, w)), v))),
      operation: 'convolution',
      operand: 1,
      kind: 'kernel-flipped',
      says: 'the wrong way round',
    },
    'the gradient of a kernel that is flipped': {
      arrays: new Map([
        ['x', draw(2, 2, 5, 5)],
        ['w', draw(3, 2, 3, 3)],
      ]),
      build: (b, { x, w }) => b.sum(b.square(b.tanh(b.conv2d(x, w)))),
      operation: 'convolution',
      operand: 0,
      kind: 'kernel-flipped',
      says: 'turned round',
    },
    'pooling to all': {
      arrays: new Map([
        ['x', draw(2, 2, 5, 5)],
        ['w', draw(3, 2, 2, 2)],
      ]),
      build: (b, { x, w }) => b.sum(b.square(b.maxPool2d(b.conv2d(x, w), { kernel: 2 }))),
      operation: 'maxPool',
      kind: 'operation-derivative-wrong',
      says: 'everything that was compared',
    },
    'pooling to the first': {
      arrays: new Map([
        ['x', draw(2, 2, 5, 5)],
        ['w', draw(3, 2, 2, 2)],
      ]),
      build: (b, { x, w }) => b.sum(b.square(b.maxPool2d(b.conv2d(x, w), { kernel: 2 }))),
      operation: 'maxPool',
      mistake: 2,
      kind: 'operation-derivative-wrong',
      says: 'the first that was compared',
    },
    'repeated indices that are overwritten': {
      arrays: new Map([
        ['table', draw(5, 3)],
        ['w', draw(3, 3)],
      ]),
      build: (b, { table, w }) =>
        b.sum(b.tanh(b.matmul(b.embedding(table, { indices: [1, 4, 1, 0, 1] }), w))),
      operation: 'take',
      kind: 'not-accumulated',
      says: 'the last alone counts',
    },
  }

  it.each(Object.entries(cases))(
    '%s',
    async (_, { arrays, build, operation, operand = 0, mistake = 0, kind, says }) => {
      const bound = bind(arrays, build)
      const value = bound.program.values.find(
        (other): other is ComputedValue => other.kind === 'computed' && other.operation.name === operation,
      )!
      // of two layers the one behind, if it is its input that gets the mistake
      const mistaken =
        operand === 1
          ? (bound.program.values.findLast(
              (other) => other.kind === 'computed' && other.operation.name === operation,
            ) as ComputedValue)
          : value
      const wrong = [...mistaken.operation.mistakes!(applicationOf(bound, mistaken), operand)][mistake]
      const report = await checkMistaken(arrays, build, (edge, cotangent) =>
        edge.user === mistaken.id && edge.operand === operand ? wrong.passBack(cotangent) : undefined,
      )
      expect(report.verdict).toBe('fail')
      expect(report.diagnosis.map((finding) => finding.kind)).toEqual([kind])
      expect(report.diagnosis[0].message).toContain(says)
      expect(report.diagnosis[0].tensors.toSorted()).toEqual(wrongOf(report).toSorted())
    },
  )

  const recurrent = new Map([
    ['x', draw(4, 2, 3)],
    ['wx', draw(3, 3)],
    ['wh', draw(3, 3)],
  ])
  const steps: Build = (b, { x, wx, wh }) => {
    let h: Node | undefined
    for (let t = 0; t < 4; t++) {
      b.at({ file: 'rnn.py', line: 10 + t })
      const own = b.matmul(b.squeeze(b.slice(x, { axis: 0, start: t, stop: t + 1 }), { axis: 0 }), wx)
      h = b.tanh(h === undefined ? own : b.add(own, b.matmul(h, wh)))
    }
    return b.sum(b.square(h!))
  }

  it('of weights of a recurrence that are assigned at every step the use is named', async () => {
    const bound = bind(recurrent, steps)
    const input = inputsOf(bound.program).find(({ name }) => name === 'wh')!
    const uses = bound.program.values.filter(
      (value): value is ComputedValue => value.kind === 'computed' && value.operands.includes(input.id),
    )
    const report = await checkMistaken(recurrent, steps, ({ user, operand }) => {
      const isOther = (bound.program.values[user] as ComputedValue).operands[operand] === input.id
      return isOther && user !== uses[0].id ? new Float64Array(9) : undefined
    })
    expect(report.diagnosis.map(({ kind }) => kind)).toEqual(['not-accumulated'])
    expect(report.diagnosis[0].message).toMatch(/of 3 uses number 1 alone/)
    expect(report.diagnosis[0].source).toMatchObject({ file: 'rnn.py', line: 11 })
  })
})
