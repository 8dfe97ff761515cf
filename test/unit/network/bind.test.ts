import { describe, expect, it } from 'vitest'
import { bindProblem, type Problem } from '../../../src/check/problem.js'
import { type ArrayProblemOptions, problemFromArrays } from '../../../src/check/problem-from-arrays.js'
import { type ErrorCode, GradcheckError } from '../../../src/errors.js'
import { userIndex, userOffset } from '../../../src/network/bind.js'
import { LAYOUT_NAMES, type Layout } from '../../../src/network/layout.js'
import type { Model } from '../../../src/network/model.js'
import { dense, sequential } from '../../../src/network/network.js'
import { type NamedTensors, type Tensor, tensor } from '../../../src/tensor.js'
import { expectFailure } from '../../support/expect-failure.js'
import { makeRandomProblem, type RandomNetworkOptions } from '../../support/random-network.js'

/** Expects a problem to be refused with this code; the message and the fix are given together. */
async function expectRefusal(
  problem: () => Problem,
  code: ErrorCode,
  message: RegExp | string,
  fix?: RegExp,
) {
  const thrown = await Promise.resolve()
    .then(() => bindProblem(problem()))
    .then(
      () => undefined,
      (error: unknown) => error,
    )
  expect(thrown).toBeInstanceOf(GradcheckError)
  const error = thrown as GradcheckError
  expect(error.message).toMatch(message)
  expect(error.code).toBe(code)
  if (fix !== undefined) expect(error.fix).toMatch(fix)
}

const columnOf = (values: number[]) => tensor(values, [values.length, 1])
const rowOf = (values: number[]) => tensor(values, [1, values.length])
const zeros = (...shape: number[]) =>
  tensor(new Float64Array(shape.reduce((product, length) => product * length, 1)), shape)

const relative = (a: number, b: number) => Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b))

function expectSameModel(a: Model, b: Model) {
  expect(a.samples).toBe(b.samples)
  expect(a.layers.map(({ inputs, outputs }) => [inputs, outputs])).toEqual(
    b.layers.map(({ inputs, outputs }) => [inputs, outputs]),
  )
  expect(a.inputs).toEqual(b.inputs)
  expect(a.targets).toEqual(b.targets)
  expect(a.parameters.map((parameter) => a.values(parameter))).toEqual(
    b.parameters.map((parameter) => b.values(parameter)),
  )
}

describe('layouts', () => {
  const options: RandomNetworkOptions = {
    seed: 5,
    activations: ['tanh', 'relu', 'linear'],
    loss: 'softmax-cross-entropy',
    widths: [4, 5, 2, 3],
    samples: 6,
    l2: 0.3,
  }
  const bindIn = async (layout: Layout) => {
    const random = makeRandomProblem({ ...options, layout })
    return { random, ...(await bindProblem(random.problem)) }
  }

  it('of one network give the same model, cost and analytical gradient', async () => {
    const [columns, rows, pytorch] = await Promise.all(LAYOUT_NAMES.map(bindIn))
    for (const other of [rows, pytorch]) {
      expectSameModel(columns.model, other.model)
      expect(other.model.cost()).toBe(columns.model.cost())
      for (const [t, { values }] of columns.gradients.entries()) {
        for (let k = 0; k < values.length; k++) {
          expect(other.gradients[t].values[k]).toBeCloseTo(values[k], 14)
        }
      }
    }
  })

  it.each(LAYOUT_NAMES)('%s: the cost is that of the formulas in this layout', async (layout) => {
    const { random, model } = await bindIn(layout)
    expect(relative(model.cost(), random.cost)).toBeLessThan(1e-14)
  })

  it.each(LAYOUT_NAMES)('%s: indices of elements are in the user’s own array', async (layout) => {
    const { random, model, gradients } = await bindIn(layout)
    const parameters = random.problem.parameters as NamedTensors
    for (const [t, parameter] of model.parameters.entries()) {
      const users = parameters.get(parameter.name)!
      const offsets = new Set<number>()
      for (let k = 0; k < parameter.size; k++) {
        const index = userIndex(parameter, k)
        expect(index).toHaveLength(users.shape.length)
        const at = index.reduce((sum, i, axis) => {
          expect(i).toBeLessThan(users.shape[axis])
          return sum * users.shape[axis] + i
        }, 0)
        expect(userOffset(parameter, k)).toBe(at)
        expect(model.values(parameter)[k]).toBe(users.data[at])
        expect(gradients[t].values[k]).toBe(random.gradients.get(`d${parameter.name}`)!.data[at])
        offsets.add(at)
      }
      expect(offsets.size).toBe(users.data.length)
    }
  })

  it('leave the user’s arrays alone', async () => {
    const { random, model } = await bindIn('columns')
    const kept = (random.problem.parameters as NamedTensors).get('W1')!.data.slice()
    model.values(model.parameters[0]).fill(7)
    expect((random.problem.parameters as NamedTensors).get('W1')!.data).toEqual(kept)
  })
})

describe('biases', () => {
  const random = makeRandomProblem({
    seed: 1,
    activations: ['tanh', 'sigmoid'],
    loss: 'binary-cross-entropy',
    widths: [2, 3, 1],
  })
  const withShape = (shapeOf: (n: number) => number[], ofGradient = shapeOf): Problem => ({
    ...random.problem,
    parameters: reshapeBiases(random.problem.parameters as NamedTensors, 'b', shapeOf),
    gradients: reshapeBiases(random.gradients, 'db', ofGradient),
  })

  it.each<[string, (n: number) => number[]]>([
    ['(n,)', (n) => [n]],
    ['(n, 1)', (n) => [n, 1]],
    ['(1, n)', (n) => [1, n]],
  ])('of shape %s are the same biases, with indices of that shape', async (_name, shapeOf) => {
    const plain = await bindProblem(random.problem)
    const { model, gradients } = await bindProblem(withShape(shapeOf))
    expectSameModel(model, plain.model)
    expect(gradients).toEqual(plain.gradients)
    const b1 = model.parameters.find(({ name }) => name === 'b1')!
    expect(b1.shape).toEqual(shapeOf(3))
    expect(userIndex(b1, 2)).toEqual(shapeOf(3).map((length) => (length === 1 ? 0 : 2)))
  })

  it('may have a gradient of another of these shapes', async () => {
    const { gradients } = await bindProblem(
      withShape(
        (n) => [n, 1],
        (n) => [n],
      ),
    )
    expect(gradients).toEqual((await bindProblem(random.problem)).gradients)
  })

  it.each<[string, Tensor, RegExp]>([
    [
      'too many',
      zeros(4, 1),
      /^b1 has shape \(4, 1\), but W1 has 3 outputs: it should be \(3,\), \(3, 1\) or \(1, 3\)$/,
    ],
    ['too few', zeros(1, 2), /^b1 has shape \(1, 2\), but W1 has 3 outputs/],
    ['one for each sample', zeros(3, 3), /^b1 has shape \(3, 3\), but W1 has 3 outputs/],
    ['a scalar', zeros(), /^b1 has shape \(\), but W1 has 3 outputs/],
    ['no elements', zeros(0), /^b1 has shape \(0,\), but W1 has 3 outputs/],
  ])('are refused when they are %s', async (_name, b1, message) => {
    await expectRefusal(() => withArray(random.problem, 'b1', b1), 'bad-shape', message)
  })
})

function reshapeBiases(arrays: NamedTensors, prefix: string, shapeOf: (n: number) => number[]): NamedTensors {
  return new Map(
    [...arrays].map(([name, array]) => [
      name,
      name.startsWith(prefix) ? { ...array, shape: shapeOf(array.data.length) } : array,
    ]),
  )
}

/** The problem with one of its parameters or gradients replaced or, by nothing, left out. */
function withArray(problem: Problem, name: string, array: Tensor | undefined): Problem {
  const replace = (arrays: NamedTensors) => {
    const copy = new Map(arrays)
    if (!copy.has(name)) return copy
    if (array === undefined) copy.delete(name)
    else copy.set(name, array)
    return copy
  }
  return {
    ...problem,
    parameters: replace(problem.parameters as NamedTensors),
    gradients: replace(problem.gradients as NamedTensors),
  }
}

describe('targets', () => {
  it.each(LAYOUT_NAMES)('%s: class numbers of any vector shape are the one-hot targets', async (layout) => {
    const options: RandomNetworkOptions = {
      seed: 3,
      activations: ['linear'],
      loss: 'softmax-cross-entropy',
      widths: [2, 3],
      samples: 5,
      layout,
      targets: 'class-numbers',
    }
    const { problem } = makeRandomProblem(options)
    const oneHot = makeRandomProblem({ ...options, targets: 'one-hot' })
    const expected = (await bindProblem(oneHot.problem)).model
    const classes = [...problem.targets.data]
    for (const targets of [problem.targets, columnOf(classes), rowOf(classes)]) {
      const { model } = await bindProblem({ ...problem, targets })
      expectSameModel(model, expected)
    }
    expect([...oneHot.problem.targets.data].reduce((sum, value) => sum + value, 0)).toBe(5)
  })

  it.each(LAYOUT_NAMES)('%s: of one output may be (m,), (m, 1) or (1, m)', async (layout) => {
    const { problem } = makeRandomProblem({
      seed: 4,
      activations: ['sigmoid'],
      loss: 'binary-cross-entropy',
      widths: [2, 1],
      samples: 4,
      layout,
    })
    const values = [...problem.targets.data]
    const expected = (await bindProblem(problem)).model
    for (const targets of [tensor(values, [4]), columnOf(values), rowOf(values)]) {
      expectSameModel((await bindProblem({ ...problem, targets })).model, expected)
    }
  })

  it('of as many classes as samples are read in the layout, not turned', async () => {
    const options: RandomNetworkOptions = {
      seed: 6,
      activations: ['linear'],
      loss: 'softmax-cross-entropy',
      widths: [2, 3],
      samples: 3,
      targets: 'one-hot',
    }
    const targets = tensor([0, 1, 0, 0, 0, 1, 1, 0, 0], [3, 3])
    const classes = async (layout: Layout) => {
      const { problem } = makeRandomProblem({ ...options, layout })
      const { model } = await bindProblem({ ...problem, targets })
      return [0, 1, 2].map((s) => model.targets.data.subarray(3 * s, 3 * s + 3).indexOf(1))
    }
    expect(await classes('columns')).toEqual([2, 0, 1])
    expect(await classes('rows')).toEqual([1, 2, 0])
    expect(await classes('pytorch')).toEqual([1, 2, 0])
  })

  const softmax = makeRandomProblem({
    seed: 7,
    activations: ['linear'],
    loss: 'softmax-cross-entropy',
    widths: [2, 3],
    samples: 4,
  }).problem
  const binary = makeRandomProblem({
    seed: 8,
    activations: ['sigmoid'],
    loss: 'binary-cross-entropy',
    widths: [2, 2],
    samples: 4,
  }).problem
  const squared = makeRandomProblem({
    seed: 8,
    activations: ['tanh'],
    loss: 'mean-squared-error',
    widths: [2, 2],
    samples: 4,
    layout: 'rows',
  }).problem

  it.each<[string, Problem, Tensor, ErrorCode, RegExp, RegExp?]>([
    [
      'the class after the last',
      softmax,
      tensor([0, 1, 3, 2], [4]),
      'bad-value',
      /^Y\[2\] is 3, but 3 outputs have the classes 0 to 2$/,
      /from 0/,
    ],
    [
      'class −1',
      softmax,
      tensor([0, -1, 1, 2], [4]),
      'bad-value',
      /^Y\[1\] is -1, but 3 outputs have the classes 0 to 2$/,
    ],
    [
      'class 1.5',
      softmax,
      tensor([1.5, 0, 1, 2], [1, 4]),
      'bad-value',
      /^Y\[0, 0\] is 1\.5, but 3 outputs have the classes/,
    ],
    [
      'two classes at once',
      softmax,
      tensor([1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 0], [3, 4]),
      'bad-value',
      /^the targets of sample 1 in Y add up to 2, not to 1$/,
      /class numbers/,
    ],
    ['no class', softmax, zeros(3, 4), 'bad-value', /^the targets of sample 0 in Y add up to 0/],
    [
      'probabilities of classes that do not add up to 1',
      softmax,
      tensor([0.5, 0.5, 0, 1, 0, 0, 1, 0, 0.4, 0.5, 0, 0], [3, 4]),
      'bad-value',
      /^the targets of sample 0 in Y add up to 0\.9, not to 1$/,
    ],
    [
      'a class number too few',
      softmax,
      tensor([0, 1, 2], [3]),
      'bad-shape',
      /^Y has shape \(3,\), but 4 samples of 3 outputs need \(3, 4\) or class numbers of shape \(4,\)$/,
    ],
    [
      'turned one-hot targets',
      softmax,
      zeros(4, 3),
      'bad-shape',
      /^Y has shape \(4, 3\), but .* need \(3, 4\)/,
      /transpose Y, or try another layout/,
    ],
    [
      'a label of 2',
      binary,
      tensor([0, 1, 0, 1, 0, 1, 2, 1], [2, 4]),
      'bad-value',
      /^Y\[1, 2\] is 2, but binary-cross-entropy needs targets from 0 to 1$/,
    ],
    [
      'labels −1 and 1',
      binary,
      tensor([-1, 1, 1, 1, 1, 1, 1, 1], [2, 4]),
      'bad-value',
      /^Y\[0, 0\] is -1, but binary-cross-entropy/,
      /recode/,
    ],
    [
      'one label for two outputs',
      binary,
      tensor([0, 1, 0, 1], [4]),
      'bad-shape',
      /^Y has shape \(4,\), but 4 samples of 2 outputs need \(2, 4\)$/,
    ],
    [
      'turned values',
      squared,
      zeros(2, 4),
      'bad-shape',
      /^Y has shape \(2, 4\), but 4 samples of 2 outputs need \(4, 2\)$/,
      /transpose Y/,
    ],
    [
      'values for another batch',
      squared,
      zeros(5, 2),
      'bad-shape',
      /^Y has shape \(5, 2\), but 4 samples of 2 outputs need \(4, 2\)$/,
    ],
    ['a third dimension', squared, zeros(4, 2, 1), 'bad-shape', /^Y has shape \(4, 2, 1\)/],
    ['a scalar', squared, zeros(), 'bad-shape', /^Y has shape \(\)/],
    ['NaN', squared, tensor([0, 0, 0, Number.NaN, 0, 0, 0, 0], [4, 2]), 'bad-value', /^Y\[1, 1\] is NaN$/],
    [
      'infinity',
      binary,
      tensor([0, 1, 1, 1, 1, 1, 1, Number.POSITIVE_INFINITY], [2, 4]),
      'bad-value',
      /^Y\[1, 3\] is Infinity$/,
    ],
    ['NaN for a class', softmax, tensor([0, 1, Number.NaN, 2], [4]), 'bad-value', /^Y\[2\] is NaN$/],
  ])('are refused when they hold %s', async (_name, problem, targets, code, message, fix) => {
    await expectRefusal(() => ({ ...problem, targets }), code, message, fix)
  })

  it('over one softmax output are refused, for nothing could be tested', async () => {
    const { problem } = makeRandomProblem({
      seed: 8,
      activations: ['sigmoid'],
      loss: 'half-squared-error',
      widths: [2, 1],
      samples: 2,
    })
    const network = sequential([dense('linear')], { loss: 'softmax-cross-entropy' })
    await expectRefusal(
      () => ({ ...problem, network, targets: zeros(2) }),
      'bad-network',
      /^softmax-cross-entropy over one output is always 0$/,
      /sigmoid with binary-cross-entropy/,
    )
  })

  it('are called by the name they have in the file', async () => {
    await expectRefusal(
      () => ({
        ...softmax,
        targets: tensor([0, 1, 3, 2], [4]),
        dataNames: { inputs: 'images', targets: 'labels' },
      }),
      'bad-value',
      /^labels\[2\] is 3/,
    )
  })
})

/** The arrays of a file with a right gradient: 3 → 4 (tanh) → 2 (linear, softmax), 5 samples. */
function makeFile(layout: Layout): NamedTensors {
  const { problem, gradients } = makeRandomProblem({
    seed: 11,
    activations: ['tanh', 'linear'],
    loss: 'softmax-cross-entropy',
    widths: [3, 4, 2],
    samples: 5,
    layout,
    targets: 'one-hot',
  })
  return new Map([
    ['X', problem.inputs],
    ['Y', problem.targets],
    ...(problem.parameters as NamedTensors),
    ...gradients,
  ])
}

const FILE_OPTIONS: ArrayProblemOptions = { activations: ['tanh', 'linear'], loss: 'softmax-cross-entropy' }

describe('a file’s arrays', () => {
  const fromFile = (
    changes: Record<string, Tensor | undefined>,
    options: Partial<ArrayProblemOptions> = {},
  ) => {
    const arrays = makeFile((options.layout ?? 'columns') as Layout)
    for (const [name, array] of Object.entries(changes)) {
      if (array === undefined) arrays.delete(name)
      else arrays.set(name, array)
    }
    return problemFromArrays(arrays, { ...FILE_OPTIONS, ...options })
  }
  const poisoned = (name: string, at: number, value: number): Tensor => {
    const array = makeFile('columns').get(name)!
    return { ...array, data: array.data.with(at, value) }
  }

  it('are a problem that can be bound', async () => {
    const { model, gradients } = await bindProblem(fromFile({}))
    expect(model.parameters.map(({ name }) => name)).toEqual(['W1', 'b1', 'W2', 'b2'])
    expect(gradients.map(({ name }) => name)).toEqual(['dW1', 'db1', 'dW2', 'db2'])
  })

  it('may call the targets y, and other names can be given', async () => {
    const arrays = makeFile('columns')
    const [X, Y] = [arrays.get('X')!, arrays.get('Y')!]
    const expected = (await bindProblem(problemFromArrays(arrays, FILE_OPTIONS))).model
    arrays.delete('Y')
    arrays.set('y', Y)
    expectSameModel((await bindProblem(problemFromArrays(arrays, FILE_OPTIONS))).model, expected)
    arrays.delete('X')
    arrays.delete('y')
    arrays.set('images', X).set('labels', Y)
    const named = { ...FILE_OPTIONS, inputs: 'images', targets: 'labels' }
    expectSameModel((await bindProblem(problemFromArrays(arrays, named))).model, expected)
  })

  it.each<
    [string, Record<string, Tensor | undefined>, Partial<ArrayProblemOptions>, ErrorCode, RegExp, RegExp?]
  >([
    [
      'an activation too few',
      {},
      { activations: ['linear'] },
      'bad-network',
      /^1 activation for 2 layers \(W1, W2\)$/,
      /one activation for each layer/,
    ],
    [
      'an activation too many',
      {},
      { activations: ['tanh', 'tanh', 'linear'] },
      'bad-network',
      /^3 activations for 2 layers \(W1, W2\)$/,
    ],
    ['no activation', {}, { activations: [] }, 'bad-network', /at least one layer/],
    [
      'an unknown activation',
      {},
      { activations: ['tahn', 'linear'] },
      'unknown-name',
      /^unknown activation "tahn"; did you mean "tanh"\?$/,
      /relu, leaky-relu/,
    ],
    [
      'an activation that nothing is near',
      {},
      { activations: ['mish-mash-activation', 'linear'] },
      'unknown-name',
      /^unknown activation "mish-mash-activation"$/,
    ],
    [
      'an activation named as a property',
      {},
      { activations: ['constructor', 'linear'] },
      'unknown-name',
      /^unknown activation "constructor"/,
    ],
    [
      'an unknown loss',
      {},
      { loss: 'softmax-crossentropy' },
      'unknown-name',
      /^unknown loss "softmax-crossentropy"; did you mean "softmax-cross-entropy"\?$/,
    ],
    ['a loss named as a property', {}, { loss: '__proto__' }, 'unknown-name', /^unknown loss "__proto__"/],
    [
      'an unknown layout',
      {},
      { layout: 'colums' },
      'unknown-name',
      /^unknown layout "colums"; did you mean "columns"\?$/,
    ],
    [
      'softmax on a softmax-like last activation',
      {},
      { activations: ['tanh', 'sigmoid'] },
      'bad-network',
      /^loss softmax-cross-entropy needs linear as the last activation, not sigmoid$/,
      /end the activations with linear/,
    ],
    [
      'binary cross-entropy on logits',
      {},
      { loss: 'binary-cross-entropy' },
      'bad-network',
      /^loss binary-cross-entropy needs sigmoid as the last activation, not linear$/,
      /end the activations with sigmoid/,
    ],
    [
      'binary cross-entropy on tanh',
      {},
      { loss: 'binary-cross-entropy', activations: ['tanh', 'tanh'] },
      'bad-network',
      /needs sigmoid as the last activation, not tanh$/,
    ],
    ['a negative λ', {}, { l2: -0.1 }, 'bad-network', /^l2 must be a finite number ≥ 0, not -0.1$/],
    ['an infinite λ', {}, { l2: Number.POSITIVE_INFINITY }, 'bad-network', /^l2 must be/],
    ['a λ that is no number', {}, { l2: Number.NaN }, 'bad-network', /^l2 must be/],
    [
      'no inputs',
      { X: undefined },
      {},
      'missing-array',
      /^there is no array X for the inputs.*arrays: Y, W1, /,
      /`inputs: NAME`/,
    ],
    [
      'no targets',
      { Y: undefined },
      {},
      'missing-array',
      /^there is no array Y or y for the targets/,
      /`targets: NAME`/,
    ],
    [
      'inputs of another name',
      {},
      { inputs: 'x' },
      'missing-array',
      /^there is no array x for the inputs; did you mean "X"\?/,
    ],
    [
      'no weights',
      { W1: undefined, W2: undefined, dW1: undefined, dW2: undefined },
      {},
      'missing-array',
      /^no array is named as weights are/,
    ],
    [
      'no weights of a layer',
      { W2: undefined },
      {},
      'missing-array',
      /^b2 has no weights beside it: W2 is missing$/,
    ],
    [
      'no gradient of the weights',
      { dW2: undefined },
      {},
      'missing-array',
      /^dW2, the gradient of W2, is missing/,
    ],
    [
      'no gradient of the biases',
      { db1: undefined },
      {},
      'missing-array',
      /^db1, the gradient of b1, is missing/,
    ],
    [
      'a gradient without its biases',
      { b1: undefined },
      {},
      'missing-array',
      /^db1 is the gradient of b1, which is missing$/,
    ],
    ['NaN in the weights', { W1: poisoned('W1', 7, Number.NaN) }, {}, 'bad-value', /^W1\[2, 1\] is NaN$/],
    [
      'infinity in the biases',
      { b1: poisoned('b1', 3, Number.NEGATIVE_INFINITY) },
      {},
      'bad-value',
      /^b1\[3\] is -Infinity$/,
    ],
    [
      'NaN in the inputs',
      { X: poisoned('X', 6, Number.NaN) },
      {},
      'bad-value',
      /^X\[1, 1\] is NaN$/,
      /finite/,
    ],
    [
      'NaN all over the inputs',
      { X: tensor(new Array(15).fill(Number.NaN), [3, 5]) },
      {},
      'bad-value',
      /^X\[0, 0\] is NaN \(and 14 more like it\)$/,
    ],
    ['NaN in a gradient', { dW2: poisoned('dW2', 5, Number.NaN) }, {}, 'bad-value', /^dW2\[1, 1\] is NaN$/],
    [
      'infinity in a gradient',
      { db2: poisoned('db2', 0, Number.POSITIVE_INFINITY) },
      {},
      'bad-value',
      /^db2\[0\] is Infinity$/,
    ],
    [
      'a vector of inputs',
      { X: zeros(3) },
      {},
      'bad-shape',
      /^X has shape \(3,\), not \(features, samples\)$/,
      /two dimensions/,
    ],
    ['a scalar input', { X: zeros() }, {}, 'bad-shape', /^X has shape \(\), not \(features, samples\)$/],
    [
      'images of three dimensions',
      { X: zeros(5, 3, 1) },
      { layout: 'rows' },
      'bad-shape',
      /^X has shape \(5, 3, 1\), not \(samples, features\)$/,
    ],
    [
      'an empty batch',
      { X: zeros(3, 0), Y: zeros(2, 0) },
      {},
      'bad-shape',
      /^X is empty: its shape is \(3, 0\)$/,
      /at least one sample, \(features, samples\)/,
    ],
    [
      'an empty batch of rows',
      { X: zeros(0, 3), Y: zeros(0, 2) },
      { layout: 'pytorch' },
      'bad-shape',
      /^X is empty: its shape is \(0, 3\)$/,
    ],
    ['no features', { X: zeros(0, 5) }, {}, 'bad-shape', /^X is empty: its shape is \(0, 5\)$/],
    [
      'weights of one dimension',
      { W2: zeros(4) },
      {},
      'bad-shape',
      /^W2 has shape \(4,\), not \(outputs, inputs\)$/,
    ],
    [
      'weights of three dimensions',
      { W1: zeros(4, 3, 1) },
      { layout: 'rows' },
      'bad-shape',
      /^W1 has shape \(4, 3, 1\), not \(inputs, outputs\)$/,
    ],
    ['a scalar weight', { W1: zeros() }, {}, 'bad-shape', /^W1 has shape \(\), not \(outputs, inputs\)$/],
    [
      'a layer without units',
      { W1: zeros(0, 3) },
      {},
      'bad-shape',
      /^W1 has shape \(0, 3\), not \(outputs, inputs\)$/,
      /neither empty/,
    ],
    [
      'weights that do not fit the inputs',
      { W1: zeros(4, 6) },
      {},
      'bad-shape',
      /^W1 has shape \(4, 6\), but X has 3 features: \(outputs, inputs\) should be \(4, 3\)$/,
      /check W1, the array before it and the `layout` \(this is columns\)/,
    ],
    [
      'weights that do not fit the layer before',
      { W2: zeros(2, 5) },
      {},
      'bad-shape',
      /^W2 has shape \(2, 5\), but W1 has 4 outputs: \(outputs, inputs\) should be \(2, 4\)$/,
    ],
    [
      'weights whose transpose would fit',
      { W2: zeros(4, 2) },
      {},
      'bad-shape',
      /^W2 has shape \(4, 2\), but W1 has 4 outputs: \(outputs, inputs\) should be \(2, 4\)$/,
      /its transpose would fit: try another `layout` \(this is columns\)/,
    ],
    [
      'weights whose transpose would fit rows',
      { W1: zeros(4, 3) },
      { layout: 'rows' },
      'bad-shape',
      /^W1 has shape \(4, 3\), but X has 3 features: \(inputs, outputs\) should be \(3, 4\)$/,
      /transpose would fit.*this is rows/,
    ],
    [
      'a turned gradient',
      { dW1: zeros(3, 4) },
      {},
      'bad-shape',
      /^dW1 has shape \(3, 4\), but W1 has \(4, 3\): the shape of the transpose$/,
      /^save dW1\.T as dW1/,
    ],
    ['a flat gradient', { dW1: zeros(12) }, {}, 'bad-shape', /^dW1 has shape \(12,\), but W1 has \(4, 3\)$/],
    [
      'a bias gradient not summed over the samples',
      { db1: zeros(4, 5) },
      {},
      'bad-shape',
      /^db1 has shape \(4, 5\), but b1 has \(4,\)$/,
    ],
    [
      'a summed bias gradient',
      { db1: zeros(1) },
      {},
      'bad-shape',
      /^db1 has shape \(1,\), but b1 has \(4,\)$/,
    ],
  ])('are refused with %s', async (_name, changes, options, code, message, fix) => {
    await expectRefusal(
      () => {
        const layout = options.layout ?? 'columns'
        return LAYOUT_NAMES.includes(layout as Layout)
          ? fromFile(changes, options)
          : problemFromArrays(makeFile('columns'), { ...FILE_OPTIONS, ...options })
      },
      code,
      message,
      fix,
    )
  })

  it('with the whole network in another layout are refused with the layout as the cause', async () => {
    for (const layout of LAYOUT_NAMES) {
      const arrays = makeFile(layout)
      for (const other of LAYOUT_NAMES) {
        if (other === layout) continue
        await expectRefusal(
          () => problemFromArrays(arrays, { ...FILE_OPTIONS, layout: other }),
          'bad-shape',
          /shape/,
          /layout/,
        )
      }
    }
  })

  it('of a name like a property of every object are read as any other', async () => {
    const arrays = makeFile('columns')
    const weights = arrays.get('W1')!
    const gradient = arrays.get('dW1')!
    arrays.set('__proto__1', weights)
    expect((await bindProblem(problemFromArrays(arrays, FILE_OPTIONS))).model.parameters[0].name).toBe('W1')
    arrays.set('__proto__', zeros(2))
    arrays.set('constructor', gradient)
    expect((await bindProblem(problemFromArrays(arrays, FILE_OPTIONS))).gradients[0].name).toBe('dW1')
    expectFailure(
      () => problemFromArrays(arrays, { ...FILE_OPTIONS, inputs: 'toString' }),
      'missing-array',
      /^there is no array toString for the inputs/,
    )
  })
})

it('plain objects of tensors are taken for parameters and gradients', async () => {
  const { problem } = makeRandomProblem({
    seed: 2,
    activations: ['tanh'],
    loss: 'half-squared-error',
    widths: [2, 2],
  })
  const bound = await bindProblem({
    ...problem,
    parameters: Object.fromEntries(problem.parameters as NamedTensors),
    gradients: Object.fromEntries(problem.gradients as NamedTensors),
  })
  expectSameModel(bound.model, (await bindProblem(problem)).model)
})
