import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { ProgramProblem } from '../../../src/check/program/bind-program-problem.js'
import { type Builder, buildProgram, type Node, program } from '../../../src/program/builder.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { inputsOf } from '../../../src/program/program.js'
import { formatReport } from '../../../src/report/text.js'
import { elementCount, type NamedTensors, tensor } from '../../../src/tensor.js'
import { storeAs } from '../../support/plant-errors.js'
import { Draws } from '../../support/random-network.js'
import { SMALL_PROGRAMS } from '../../support/small-programs.js'

type Build = (b: Builder, arrays: Readonly<Record<string, Node>>) => Node

/** A problem with the right gradient of every array. */
function rightProblem(arrays: NamedTensors, build: Build): ProgramProblem & { gradients: NamedTensors } {
  const listed = buildProgram(build, new Map([...arrays].map(([name, { shape }]) => [name, shape])))
  const cotangents = reversePass(bindProgram(listed, arrays))
  const gradients: NamedTensors = new Map(
    inputsOf(listed).map(({ id, name, shape }) => [
      `d${name}`,
      tensor(cotangents[id] ?? new Float64Array(arrays.get(name)!.data.length), shape),
    ]),
  )
  return { program: program.from(build), parameters: arrays, gradients }
}

const NAMES = Object.keys(SMALL_PROGRAMS)

describe('a program whose gradient', () => {
  it.each(NAMES)('is right passes, in float64 and in float32: %s', async (name) => {
    const { arrays, build } = SMALL_PROGRAMS[name]
    const problem = rightProblem(arrays, build)
    for (const perturb of ['auto', 'parameters', 'outputs'] as const) {
      const report = await checkGradients(problem, { perturb })
      expect(report.verdict, report.notices.join()).toBe('pass')
      expect(report.difference).toBeLessThan(1e-11)
      expect(report.crossValidation.checked).toBeGreaterThan(0)
      expect(report.crossValidation.difference).toBeLessThan(1e-8)
    }
    const single = await checkGradients({ ...problem, gradients: storeAs(problem.gradients, 'float32') })
    expect(single.verdict, single.notices.join()).toBe('pass')
  })

  it.each(NAMES)('is wrong in one entry fails there: %s', async (name) => {
    const { arrays, build } = SMALL_PROGRAMS[name]
    const problem = rightProblem(arrays, build)
    for (const [gradient, right] of problem.gradients) {
      const at = right.data.findIndex((value) => Math.abs(value) > 1e-3)
      const gradients = new Map(problem.gradients).set(gradient, {
        ...right,
        data: right.data.with(at, 1.01 * right.data[at]),
      })
      const report = await checkGradients({ ...problem, gradients })
      expect(report.verdict).toBe('fail')
      const wrong = report.tensors.filter(({ verdict }) => verdict === 'fail')
      expect(wrong.map((tensorReport) => tensorReport.gradient)).toEqual([gradient])
      expect(wrong[0].wrongEntries).toBe(1)
      expect(report.diagnosis.map(({ kind }) => kind)).toEqual(['elements'])
    }
  })

  it.each(['float32', 'float16', 'bfloat16'] as const)(
    'was computed in %s and saved as float64 is neither right nor wrong, but where it is off by more',
    async (dtype) => {
      const draws = new Draws(11)
      const arrays: NamedTensors = new Map([
        ['X', tensor(draws.normals(20, 1), [5, 4])],
        ['W', tensor(draws.normals(16, 0.6), [4, 4])],
      ])
      const problem = rightProblem(arrays, (b, { X, W }) =>
        b.mean(b.square(b.matmul(b.tanh(b.matmul(X, W)), W))),
      )
      const rounded = new Map(
        [...storeAs(problem.gradients, dtype)].map(([name, { shape, data }]) => [name, tensor(data, shape)]),
      )
      // as float32 rounds it is within the tolerance
      const tolerance = dtype === 'float32' ? 1e-9 : undefined
      const report = await checkGradients({ ...problem, gradients: rounded }, { tolerance })
      expect(report.verdict).toBe('inconclusive')
      expect(report.reasons.join()).toContain(`if they were computed in ${dtype}, save them so`)
      const dW = rounded.get('dW')!
      const wrong = new Map(rounded).set('dW', tensor(dW.data.with(3, 2 * dW.data[3]), dW.shape))
      const failed = await checkGradients({ ...problem, gradients: wrong }, { tolerance })
      expect(failed.verdict).toBe('fail')
      expect(failed.tensors.find(({ name }) => name === 'W')!.wrongEntries).toBe(1)
    },
  )

  it('is doubled fails, and the factor is named', async () => {
    const { arrays, build } = SMALL_PROGRAMS['a shared weight used twice']
    const problem = rightProblem(arrays, build)
    const dW = problem.gradients.get('dW')!
    const gradients = { dW: { ...dW, data: dW.data.map((value) => 2 * value) } }
    const report = await checkGradients({ ...problem, gradients })
    expect(report.verdict).toBe('fail')
    expect(report.diagnosis[0]).toMatchObject({ kind: 'scaled', factor: 2, tensors: ['W'] })
  })
})

describe('of a program whose parameters are in other units', () => {
  it.each([1e-40, 1e-18, 1e-9, 1e9, 1e18])('the verdict is the same: %d', async (unit) => {
    const arrays = new Map([
      ['w', tensor([1.2 * unit, -0.7 * unit, 0.4 * unit], [3])],
      ['x', tensor([0.3 * unit, 2 * unit, -unit], [3])],
    ])
    // a softplus looks the same at any two steps that are too large, and its slope there is another
    const problem = rightProblem(arrays, (b, { w, x }) => {
      const own = b.multiply(b.multiply(w, 1 / unit), b.multiply(w, 1 / unit))
      const curved = b.softplus(b.multiply(b.multiply(b.square(w), 1 / unit), 1 / unit))
      const bent = b.relu(b.multiply(b.multiply(w, x), 1 / unit / unit))
      return b.sum(b.add(b.add(own, curved), b.tanh(b.add(bent, b.softplus(b.multiply(x, 1 / unit))))))
    })
    for (const perturb of ['auto', 'parameters', 'outputs'] as const) {
      const right = await checkGradients(problem, { perturb })
      expect(right.verdict, right.notices.join()).toBe('pass')
      for (const [gradient, { data, shape }] of problem.gradients) {
        const gradients = new Map(problem.gradients).set(
          gradient,
          tensor(data.with(1, 1.01 * data[1]), shape),
        )
        const wrong = await checkGradients({ ...problem, gradients }, { perturb })
        expect(wrong.verdict).toBe('fail')
        expect(
          wrong.tensors.filter(({ verdict }) => verdict === 'fail').map((each) => each.wrongEntries),
        ).toEqual([1])
      }
    }
  })
})

describe('of a program', () => {
  const arrays = { x: tensor([0, 2, -3], [3]), w: tensor([1, 5, 7], [3]) }
  const hinge = program.from((b, { x, w }) => b.sum(b.multiply(b.relu(x), w)))

  it.each([
    ['the left slope', 0, 'pass'],
    ['the right slope', 1, 'pass'],
    ['their mean', 0.5, 'pass'],
    ['a value between that is no convention', 0.3, 'inconclusive'],
    ['a value beyond', 1.3, 'fail'],
  ])('on a kink %s is judged', async (_name, slope, expected) => {
    const gradients = { dx: tensor([slope, 5, 0], [3]) }
    const report = await checkGradients({ program: hinge, parameters: arrays, gradients })
    expect(report.verdict, report.notices.join()).toBe(expected)
    expect(report.notices.join()).toContain('kink')
  })

  it.each([
    ['alone is not tested', 0, 'inconclusive'],
    ['beside something smooth is', 3, 'pass'],
  ])('a kink %s', async (_name, smooth, expected) => {
    const beside = program.from((b, { x }) => b.add(b.sum(b.relu(x)), b.multiply(b.sum(x), smooth)))
    const report = await checkGradients({
      program: beside,
      parameters: { x: tensor([0, 0], [2]) },
      gradients: { dx: tensor([smooth, smooth], [2]) },
    })
    expect(report.verdict, report.notices.join()).toBe(expected)
    if (smooth === 0) expect(report.reasons.join()).toContain('x could not be tested')
  })

  it.each([0, 1, 0.5])(
    'noise of its operands does not move a kink that is computed: slope %d',
    async (slope) => {
      const bent = program.from((b, { x }) => b.add(b.relu(b.sum(x)), b.sum(b.square(x))))
      const at = [0.1, 0.2, -0.30000000000000004]
      const problem = { program: bent, parameters: { x: tensor(at, [3]) } }
      const right = at.map((x) => 2 * x + slope)
      const report = await checkGradients({ ...problem, gradients: { dx: tensor(right, [3]) } })
      expect(report.verdict, report.notices.join()).toBe('pass')
      const wrong = await checkGradients({ ...problem, gradients: { dx: tensor(right.with(1, 3), [3]) } })
      expect(wrong.verdict, wrong.notices.join()).toBe('fail')
    },
  )

  it('the report says what was moved, in words of programs', async () => {
    const product = program.from((b, { x, w }) => b.sum(b.tanh(b.multiply(x, w))))
    const upstream = arrays.x.data.map(
      (x, k) => arrays.w.data[k] * (1 - Math.tanh(x * arrays.w.data[k]) ** 2),
    )
    const problem = { program: product, parameters: arrays, gradients: { dx: tensor(upstream, [3]) } }
    const moved = (perturb: 'parameters' | 'outputs') =>
      checkGradients(problem, { perturb }).then((report) => formatReport(report))
    expect(await moved('outputs')).toContain('what operations make of an array')
    expect(await moved('parameters')).not.toContain('moved')
  })

  it('the output may be an array with an upstream gradient', async () => {
    const double = program.from((b, { x }) => b.multiply(b.square(x), 2))
    const upstream = tensor([1, -1, 0.5], [3])
    const right = { dx: tensor([0, -8, -6], [3]) }
    const report = await checkGradients({
      program: double,
      parameters: { x: arrays.x },
      gradients: right,
      upstream,
    })
    expect(report.verdict, report.notices.join()).toBe('pass')
    const without = checkGradients({ program: double, parameters: { x: arrays.x }, gradients: right })
    await expect(without).rejects.toMatchObject({ code: 'bad-program' })
  })

  it('a saved cost that is another is no pass', async () => {
    const gradients = { dw: tensor([0, 2, 0], [3]) }
    const right = await checkGradients({ program: hinge, parameters: arrays, gradients, cost: 10 })
    expect(right.verdict).toBe('pass')
    expect(right.savedCost).toEqual({ value: 10, agrees: true })
    const other = await checkGradients({ program: hinge, parameters: arrays, gradients, cost: 11 })
    expect(other.verdict).toBe('inconclusive')
    expect(other.reasons.join()).toContain('the saved cost is 11')
    expect(other.savedCost).toEqual({ value: 11, agrees: false })
  })

  it('what does not fit is refused, with the place', async () => {
    const problem = { program: hinge, parameters: arrays, gradients: { dx: tensor([1, 2], [2]) } }
    await expect(checkGradients(problem)).rejects.toMatchObject({ code: 'bad-shape' })
    const misfit = program.from((b, { x, w }) =>
      b.sum(b.matmul(b.named('outer', x), b.reshape(w, { shape: [1, 3] }))),
    )
    await expect(checkGradients({ ...problem, program: misfit })).rejects.toMatchObject({
      code: 'bad-program',
      message: expect.stringMatching(/^matmul: shapes .* do not fit a product/),
    })
    const unknown = program.from((b, { y }) => b.sum(y))
    await expect(checkGradients({ ...problem, program: unknown })).rejects.toMatchObject({
      code: 'missing-array',
    })
    const infinite = program.from((b, { x }) => b.sum(b.log(b.named('logits', x))))
    await expect(
      checkGradients({ ...problem, program: infinite, gradients: { dw: arrays.w } }),
    ).rejects.toMatchObject({
      code: 'bad-value',
      message: expect.stringMatching(/log of .*is -Infinity at \[0\]/),
    })
  })

  it('a parameter that nothing reads has a gradient of zero, which is not tested', async () => {
    const ignoring = program.from((b, { x }) => b.sum(b.square(x)))
    const report = await checkGradients({
      program: ignoring,
      parameters: arrays,
      gradients: { dw: tensor([0, 0, 0], [3]) },
    })
    expect(report.verdict).toBe('inconclusive')
  })
})

describe('a right gradient passes', () => {
  const check = async (arrays: NamedTensors, build: Build) =>
    await checkGradients(rightProblem(arrays, build))

  it.each([
    ['a number divided by an array', (b, { X }) => b.sum(b.divide(1, X))],
    ['a row minus a matrix', (b, { X, r }) => b.sum(b.square(b.subtract(r, X)))],
    ['a column times a matrix', (b, { X, c }) => b.sum(b.multiply(c, b.exp(X)))],
  ] as [string, Build][])('of %s, whose first operand is repeated', async (_, build) => {
    const arrays = new Map([
      ['X', tensor([1, 2, 3, 4], [2, 2])],
      ['r', tensor([1, 10], [2])],
      ['c', tensor([0.5, -2], [2, 1])],
    ])
    const report = await check(arrays, build)
    expect(report.verdict, report.notices.join()).toBe('pass')
  })

  it('has the cost of what is written, whichever operand is repeated', async () => {
    const arrays = new Map([
      ['P', tensor([1, 10], [2])],
      ['Q', tensor([100, 200, 300, 400], [2, 2])],
    ])
    expect((await check(arrays, (b, { P, Q }) => b.sum(b.subtract(P, Q)))).cost).toBe(22 - 1000)
    expect((await check(arrays, (b, { P, Q }) => b.sum(b.multiply(P, Q)))).cost).toBe(400 + 6000)
  })

  it.each([8, 14, 20, 30, 35, -30])('of binary cross-entropy at logits about %d', async (z) => {
    const arrays = new Map([
      ['Z', tensor([z, z + 1, 0.3], [3])],
      ['Y', tensor([0.4, 0, 1], [3])],
    ])
    const report = await check(arrays, (b, { Z, Y }) => b.sum(b.binaryCrossEntropyWithLogits(Z, Y)))
    expect(report.verdict, report.notices.join()).toBe('pass')
  })

  it.each(['log', 'sqrt', 'rsqrt', 'relu', 'abs'] as const)(
    'of %s beside the end of its domain or its kink',
    async (name) => {
      const report = await check(new Map([['W', tensor([1e-5, 20, 3], [3])]]), (b, { W }) =>
        b.sum(b[name](W)),
      )
      expect(report.verdict, report.notices.join()).toBe('pass')
    },
  )

  it('of a program of thousands of operations', async () => {
    const report = await check(new Map([['W', tensor([0.5], [1])]]), (b, { W }) => {
      let sum: Node = W
      for (let k = 0; k < 2500; k++) sum = b.add(sum, W)
      return b.sum(b.square(b.multiply(sum, 1e-3)))
    })
    expect(report.verdict, report.notices.join()).toBe('pass')
  })
})

it('a gradient given for one that is 0 throughout is wrong without a known reason', async () => {
  const arrays = new Map([['W', tensor([0.5, -1, 2], [3])]])
  const problem = rightProblem(arrays, (b, { W }) => b.sum(b.sign(W)))
  const report = await checkGradients({ ...problem, gradients: { dW: tensor([1, 2.3, -0.7], [3]) } })
  expect(report.verdict).toBe('fail')
  expect(report.diagnosis.map(({ kind, tensors }) => [kind, tensors])).toEqual([['unexplained', ['W']]])
})

it('a wrong entry among more than a call takes arguments is named', async () => {
  const size = 200_000
  const arrays = new Map([
    [
      'W',
      tensor(
        Float64Array.from({ length: size }, (_, k) => 0.1 + (k % 7)),
        [size],
      ),
    ],
  ])
  const problem = rightProblem(arrays, (b, { W }) => b.sum(b.square(W)))
  const dW = problem.gradients.get('dW')!
  const gradients = { dW: { ...dW, data: dW.data.with(70_000, 2.5) } }
  const report = await checkGradients({ ...problem, gradients })
  expect(report.diagnosis.map(({ kind, entries }) => [kind, entries])).toEqual([['elements', [[70_000]]]])
})

describe('a gradient that is 0 by the form of the program', () => {
  const draws = new Draws(12)
  const draw = (...shape: number[]) => tensor(draws.normals(elementCount(shape), 1), shape)
  const nets: Record<string, { arrays: NamedTensors; build: Build; constant: string; by: string }> = {
    'a bias below a batch norm': {
      arrays: new Map([
        ['x', draw(6, 3)],
        ['w', draw(4, 3)],
        ['bias', draw(4)],
        ['y', draw(6, 4)],
      ]),
      build: (b, { x, w, bias, y }) => b.mseLoss(b.tanh(b.batchNorm(b.linear(x, w, { bias }))), y),
      constant: 'bias',
      by: 'standardize',
    },
    'the key bias of attention': {
      arrays: new Map([
        ['q', draw(5, 4)],
        ['k', draw(5, 4)],
        ['bias', draw(4)],
        ['v', draw(5, 3)],
      ]),
      build: (b, { q, k, bias, v }) => b.sum(b.tanh(b.scaledDotProductAttention(q, b.add(k, bias), v))),
      constant: 'bias',
      by: 'softmax',
    },
  }

  it.each(Object.entries(nets))('%s passes, and is named', async (_, { arrays, build, constant, by }) => {
    const right = rightProblem(arrays, build)
    // what another order of sums leaves
    const gradients = new Map([...right.gradients]).set(
      `d${constant}`,
      tensor([3e-17, -2e-17, 1e-17, 0], [4]),
    )
    const report = await checkGradients({ ...right, gradients })
    expect(report.verdict, report.reasons.join()).toBe('pass')
    expect(report.notices.join()).toMatch(new RegExp(`J does not change with ${constant}.*${by}`))
  })

  it.each(Object.entries(nets))(
    '%s fails where it is more than rounding',
    async (_, { arrays, build, constant }) => {
      const right = rightProblem(arrays, build)
      const gradients = new Map([...right.gradients]).set(`d${constant}`, tensor([0, 1e-9, 0, 0], [4]))
      const report = await checkGradients({ ...right, gradients })
      expect(report.verdict).toBe('fail')
      expect(report.tensors.find(({ name }) => name === constant)?.wrongEntries).toBe(1)
    },
  )
})

describe('a derivative that is 0 in the program, but rounding of what cancels in the formula', () => {
  const cosine: Build = (b, { x, y }) => b.sum(b.cosineSimilarity(x, y, { axes: [1] }))
  /** As people write it: y/(|x|·|y|) − cos·x/|x|². */
  const slopes = (x: Float64Array, y: Float64Array, width: number) =>
    x.map((own, k) => {
      const row = Math.floor(k / width) * width
      const of = (a: Float64Array, b: Float64Array) =>
        a.slice(row, row + width).reduce((sum, value, j) => sum + value * b[row + j], 0)
      const [across, xs, ys] = [of(x, y), Math.sqrt(of(x, x)), Math.sqrt(of(y, y))]
      return y[k] / (xs * ys) - ((across / (xs * ys)) * own) / xs ** 2
    })
  const draws = new Draws(83)
  const draw = (...shape: number[]) =>
    tensor(
      Array.from({ length: elementCount(shape) }, () => draws.normal()),
      shape,
    )
  const problemOf = (width: number, isSame: boolean, leak = 0): ProgramProblem => {
    const x = draw(6, width)
    const other = draw(6, width)
    const y = isSame ? tensor(x.data.slice(), x.shape) : other
    // one pair of equal vectors beside others
    if (!isSame) y.data.set(x.data.subarray(0, width))
    const dx = slopes(Float64Array.from(x.data), Float64Array.from(y.data), width)
    dx[0] += leak
    return {
      program: program.from(cosine),
      parameters: new Map([
        ['x', x],
        ['y', y],
      ]),
      gradients: new Map([['dx', tensor(dx, x.shape)]]),
    }
  }

  it.each([
    ['vectors of one element', 1, false],
    ['equal vectors', 4, true],
    ['equal vectors beside others', 4, false],
  ] as const)('of %s never fails', async (_, width, isSame) => {
    for (let k = 0; k < 40; k++) {
      const report = await checkGradients(problemOf(width, isSame))
      expect(report.verdict, `draw ${k}`).not.toBe('fail')
      if (report.verdict === 'inconclusive') expect(report.reasons.join()).toMatch(/cancel|zero everywhere/)
      const wrong = await checkGradients(problemOf(width, isSame, 1e-9))
      expect(wrong.verdict, `draw ${k}`).toBe('fail')
    }
  })
})
