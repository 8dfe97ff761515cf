import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkGradients,
  createCpuEvaluator,
  dense,
  formatReport,
  GradcheckError,
  mergeArrays,
  type NamedTensors,
  type Problem,
  problemFromArrays,
  readArrays,
  reportToJson,
  sequential,
  tensor,
} from '../../../src/index.js'
import { expectFailure } from '../../support/expect-failure.js'

/** J = ½·Σ (w₂·tanh(w₁x + b) − y)² over two samples, with its gradient by the chain rule. */
function makeProblem() {
  const [w1, b, w2, x, y] = [0.3, -0.1, 0.7, [1, 2], [0.5, -0.25]]
  const [dW1, db1, dW2] = [[0], [0], [0]]
  for (const [s, value] of x.entries()) {
    const a = Math.tanh(w1 * value + b)
    const e = w2 * a - y[s]
    dW2[0] += e * a
    db1[0] += e * w2 * (1 - a * a)
    dW1[0] += e * w2 * (1 - a * a) * value
  }
  return {
    network: sequential([dense('tanh'), dense('linear')], { loss: 'half-squared-error' }),
    parameters: { W1: tensor([w1], [1, 1]), b1: tensor([b], [1]), W2: tensor([w2], [1, 1]) },
    gradients: { dW1: tensor(dW1, [1, 1]), db1: tensor(db1, [1]), dW2: tensor(dW2, [1, 1]) },
    inputs: tensor(x, [1, 2]),
    targets: tensor(y, [1, 2]),
  }
}

/** A problem with some of its fields replaced by what the types forbid. */
const problemWith = (changes: object) => ({ ...makeProblem(), ...changes }) as unknown as Problem
const oneTensor = { shape: [1, 1], data: Float64Array.of(0.5), dtype: 'float64' }
const withW1 = (W1: unknown) => ({ parameters: { ...makeProblem().parameters, W1 } })

async function refusalOf(check: Promise<unknown>): Promise<GradcheckError> {
  const thrown = await check.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown).toBeInstanceOf(GradcheckError)
  return thrown as GradcheckError
}

it('the problem that the refusals below spoil is right', async () => {
  expect((await checkGradients(makeProblem())).verdict).toBe('pass')
})

describe('a problem is refused', () => {
  it.each<[string, object, string, RegExp]>([
    ['without parameters', { parameters: null }, 'missing-array', /no parameters/],
    ['with a list of parameters', { parameters: [oneTensor] }, 'bad-value', /parameters are an array of 1/],
    ['with names that are numbers', { parameters: new Map([[1, oneTensor]]) }, 'bad-value', /name .* is 1$/],
    ['with gradients to come', { gradients: Promise.resolve({}) }, 'bad-value', /a promise: await it/],
    ['whose function gives no gradient', { gradients: () => undefined }, 'bad-value', /are undefined/],
    ['whose function gives a list', { gradients: async () => [1, 2] }, 'bad-value', /an array of 2/],
    ['with an empty network', { network: {} }, 'bad-network', /has no layers/],
    [
      'with the name of a loss as its network',
      { network: 'mse' },
      'bad-usage',
      /must be an object, not "mse"/,
    ],
    ['with layers that are names', { network: { layers: ['tanh'] } }, 'bad-network', /layer 1 is "tanh"/],
    [
      'with a network whose loss is not there',
      { network: { ...makeProblem().network, loss: 7 } },
      'unknown-name',
      /unknown loss 7/,
    ],
    ['with a text as its cost', { cost: '3' }, 'bad-value', /the cost is "3", not a number/],
    ['with several costs', { cost: tensor([1, 2], [2]) }, 'bad-value', /the cost has 2 elements/],
    ['with null as its cost', { cost: null }, 'bad-value', /the cost is null/],
    ['with a pattern as its naming', { naming: 'W{l}' }, 'bad-usage', /naming must be an object/],
    [
      'with a pattern that is no text',
      { naming: { weights: 3 } },
      'bad-usage',
      /weights pattern must be a string/,
    ],
    [
      'with names of the data that are none',
      { dataNames: { inputs: 3 } },
      'bad-usage',
      /must be a string, not 3/,
    ],
    ['with data that is a number', { inputs: 3 }, 'bad-value', /X is 3, not a tensor/],
    ['with nested arrays', withW1([[0.3], [-0.2]]), 'bad-value', /W1 is a nested array, not a tensor/],
    ['with a parameter that is undefined', withW1(undefined), 'missing-array', /W1 is undefined/],
    ['with a tensor without shape', withW1({ data: [1] }), 'bad-value', /W1 is an object, not a tensor/],
    ['with a shape that is a number', withW1({ ...oneTensor, shape: 1 }), 'bad-shape', /shape of W1 is 1,/],
    [
      'with lengths that are none',
      withW1({ ...oneTensor, shape: [null, '1'] }),
      'bad-shape',
      /\(null, "1"\)/,
    ],
    ['with too few numbers', withW1({ ...oneTensor, data: [] }), 'bad-shape', /0 numbers do not fill/],
    ['with texts as numbers', withW1({ ...oneTensor, data: ['1'] }), 'bad-value', /element 0 of W1 is "1"/],
    [
      'with BigInts as numbers',
      withW1({ ...oneTensor, data: BigInt64Array.of(1n) }),
      'bad-value',
      /BigInt 1/,
    ],
    ['with an unknown dtype', withW1({ ...oneTensor, dtype: 'float61' }), 'unknown-name', /mean "float64"/],
    [
      'with a gradient that is too short',
      { gradients: { ...makeProblem().gradients, dW1: { ...oneTensor, data: new Float64Array(0) } } },
      'bad-shape',
      /dW1: 0 numbers/,
    ],
  ])('%s', async (_, changes, code, message) => {
    const error = await refusalOf(checkGradients(problemWith(changes)))
    expect(error.message).toMatch(message)
    expect(error.code).toBe(code)
    expect(`${error.message} ${error.fix ?? ''}`).not.toMatch(/--|undefined is not|NaN/)
  })

  it.each([undefined, null, 'problem', []])('that is %j', async (problem) => {
    expect((await refusalOf(checkGradients(problem as unknown as Problem))).code).toBe('bad-usage')
  })

  it('but other things may stand beside its gradients', async () => {
    const { gradients } = makeProblem()
    const report = await checkGradients(problemWith({ gradients: () => ({ ...gradients, cost: 3 }) }))
    expect(report.verdict).toBe('pass')
  })

  it('with nested arrays, whose shape the fix spells out', async () => {
    const flat = await refusalOf(checkGradients(problemWith({ inputs: [[1, 2]] })))
    expect(flat.fix).toBe('write tensor(X.flat(), [1, 2])')
    const deep = await refusalOf(checkGradients(problemWith({ inputs: [[[1, 2, 3]]] })))
    expect(deep.fix).toBe('write tensor(X.flat(Infinity), [1, 1, 3])')
  })
})

describe('options are refused', () => {
  it.each<[unknown, RegExp]>([
    [null, /options must be an object, not null/],
    ['fast', /options must be an object, not "fast"/],
    [{ evaluator: {} }, /evaluator is an object, not an evaluator/],
    [{ evaluator: Promise.resolve() }, /a promise: await it/],
    [{ step: '1e-5' }, /step must be a number .* not "1e-5"/],
    [{ step: null }, /step must be .* not null/],
    [{ tolerance: '1e-5' }, /tolerance must be .* not "1e-5"/],
    [{ tolerance: 5 }, /tolerance must be above 0 and below 1, not 5/],
    [{ sample: '5' }, /sample must be an integer/],
    [{ seed: 0.5 }, /seed must be an integer/],
    [{ fast: 'yes' }, /fast must be a boolean, not "yes"/],
    [{ keepGradients: 1 }, /keepGradients must be a boolean/],
    [{ steps: 3 }, /steps must be true, false or a list, not 3/],
    [{ steps: ['1e-5'] }, /step must be a number .* not "1e-5"/],
    [{ steps: [100] }, /step must be a number .* not 100/],
    [{ signal: new AbortController() }, /signal is a AbortController, not an AbortSignal/],
    [{ onProgress: true }, /onProgress must be a function/],
    [{ method: 5 }, /unknown method 5/],
    [{ scheme: ['central'] }, /unknown scheme an array of 1/],
  ])('%o', async (options, message) => {
    const error = await refusalOf(checkGradients(makeProblem(), options as object))
    expect(error.message).toMatch(message)
  })
})

describe('what makes a problem is refused', () => {
  it.each<[string, () => unknown, string, RegExp]>([
    [
      'a tensor without its shape',
      () => (tensor as (data: unknown) => unknown)([1, 2]),
      'bad-shape',
      /shape/,
    ],
    ['a tensor of a text', () => tensor('12' as never, [2]), 'bad-value', /data .* is "12"/],
    ['a tensor of lists', () => tensor([[1], [2]] as never, [2]), 'bad-value', /element 0 .* an array of 1/],
    [
      'a layer without its activation',
      () => dense(undefined as never),
      'unknown-name',
      /activation undefined/,
    ],
    [
      'a network without options',
      () => sequential([dense('tanh')], undefined as never),
      'bad-usage',
      /object/,
    ],
    ['a network of a name', () => sequential('tanh' as never, { loss: 'mse' }), 'bad-network', /not a list/],
    ['a network of names', () => sequential(['tanh'] as never, { loss: 'mse' }), 'bad-network', /"tanh"/],
    [
      'a network with an l2 that is a text',
      () => sequential([dense('linear')], { loss: 'half-squared-error', l2: '1' as never }),
      'bad-network',
      /l2 .* not "1"/,
    ],
    [
      'a path in place of a file’s bytes',
      () => readArrays('net.npz' as never, 'net.npz'),
      'bad-usage',
      /"net.npz"/,
    ],
    ['a file without its name', () => readArrays(Uint8Array.of(1), undefined as never), 'bad-usage', /name/],
    ['one file to merge', () => mergeArrays(new Map() as never), 'bad-usage', /list of files/],
    ['no arrays', () => problemFromArrays(undefined as never, {} as never), 'bad-usage', /not a Map/],
    ['arrays alone', () => problemFromArrays(new Map(), undefined as never), 'bad-usage', /activations/],
    [
      'arrays with a text of activations',
      () => problemFromArrays(new Map(), { activations: 'relu', loss: 'mse' } as never),
      'bad-usage',
      /activations are "relu"/,
    ],
  ])('%s', (_, make, code, message) => {
    const error = expectFailure(make, code as never, /./)
    expect(`${error.message} ${error.fix}`).toMatch(message)
  })
})

describe('a gradient function that moves the point it was given', () => {
  const { gradients, parameters, inputs } = makeProblem()
  const halve = (data: Float64Array) => {
    data[0] /= 2
  }

  it.each<[string, (problem: ReturnType<typeof makeProblem>, given: NamedTensors) => void, string]>([
    ['by the map it is given', (_, given) => halve(given.get('W1')!.data), 'W1'],
    ['by its own arrays', ({ parameters: own }) => halve(own.W2.data), 'W2'],
    ['by putting another tensor in its place', (_, given) => given.set('b1', tensor([7], [1])), 'b1'],
    [
      'by putting another tensor among its own',
      (own) => {
        own.parameters.b1 = tensor([7], [1])
      },
      'b1',
    ],
    ['in the data', (own) => halve(own.inputs.data), 'X'],
    [
      'in several tensors',
      (own) => {
        halve(own.targets.data)
        halve(own.parameters.W1.data)
      },
      'W1, Y',
    ],
  ])('%s is named', async (_, move, names) => {
    const problem = makeProblem()
    const compute = async (given: NamedTensors) => {
      await undefined
      move(problem, given)
      return gradients
    }
    // the fields are read from the user's own object
    const error = await refusalOf(checkGradients(Object.assign(problem, { gradients: compute }) as Problem))
    expect(error.message).toContain(`the gradient function changed ${names} while it ran`)
  })

  it('and back is judged', async () => {
    const compute = (given: NamedTensors) => {
      const w = given.get('W1')!.data
      const kept = w[0]
      w[0] = 9
      w[0] = kept
      return gradients
    }
    const report = await checkGradients({ ...makeProblem(), parameters, inputs, gradients: compute })
    expect(report.verdict).toBe('pass')
  })
})

describe('garbage', () => {
  const evaluator = createCpuEvaluator('test')

  /** Every place in a value where garbage may be put. */
  function* listPlaces(value: unknown, depth = 0): Generator<{ parent: object; key: string }> {
    if (typeof value !== 'object' || value === null || depth > 4) return
    for (const key of Object.keys(value)) {
      yield { parent: value, key }
      yield* listPlaces((value as Record<string, unknown>)[key], depth + 1)
    }
  }

  const arbitraryGarbage = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
    fc.anything({ withNullPrototype: true, withSparseArray: true, withObjectString: true }),
    fc.constantFrom(
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -0,
      1e300,
      -1e-300,
      2 ** 53,
      0.5,
      '',
      'W1',
      '__proto__',
    ),
    fc.constantFrom<unknown>(true, false, undefined, 1, 2, 0.5, 1e-4, 'textbook', 'forward', 'tanh'),
    fc.constantFrom<unknown>(
      () => undefined,
      async () => ({}),
      Symbol('s'),
      /r/,
      new Error('e'),
      [[1], [2]],
    ),
    fc.constantFrom<unknown>(
      tensor([1], []),
      tensor([1, 2], [2, 1]),
      tensor([Number.NaN], [1, 1]),
      oneTensor,
    ),
  )

  const arbitraryNumber = fc.oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY),
  )

  it('in any place of a problem and its options is refused by the library’s own error, or checked', async () => {
    const codes = new Set<string>()
    let checked = 0
    const property = fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), arbitraryGarbage, arbitraryNumber), { minLength: 1, maxLength: 2 }),
      async (replacements) => {
        const whole: { problem: object; options: object } = {
          problem: structuredClone({
            ...makeProblem(),
            cost: 0.25,
            naming: { weights: 'W{l}', gradients: 'd{name}' },
            dataNames: { inputs: 'X', targets: 'Y' },
          }),
          options: {
            ...{
              evaluator: { ...evaluator },
              method: 'difference',
              step: 1e-6,
              scheme: 'central',
              tolerance: 1e-7,
            },
            ...{ sample: 3, fast: false, seed: 0, keepGradients: true, steps: [1e-3, 1e-5] },
            ...{ signal: new AbortController().signal, onProgress: () => undefined },
          },
        }
        for (const [place, garbage, number] of replacements) {
          const places = [...listPlaces(whole)]
          const { parent, key } = places[place % places.length]
          // an element of a typed array takes numbers alone
          Reflect.set(parent, key, ArrayBuffer.isView(parent) ? number : garbage)
        }
        const result = await checkGradients(whole.problem as Problem, whole.options).catch(
          (error: unknown) => error,
        )
        if (result instanceof Error) {
          if (!(result instanceof GradcheckError)) throw result
          codes.add(result.code)
          return
        }
        checked++
        const report = result as Awaited<ReturnType<typeof checkGradients>>
        expect(['pass', 'fail', 'inconclusive']).toContain(report.verdict)
        // a saved cost that is none is told by its name
        if (report.setup.some(({ kind }) => kind === 'cost-not-finite')) return
        expect(JSON.stringify(reportToJson(report))).not.toMatch(/NaN|undefined/)
        expect(formatReport(report)).not.toMatch(/NaN|undefined/)
      },
    )
    await fc.assert(property, { numRuns: 1500, seed: 11 })
    // of every kind
    expect([...codes].sort()).toEqual([
      ...['bad-network', 'bad-shape', 'bad-usage', 'bad-value', 'missing-array', 'unknown-name'],
    ])
    expect(checked).toBeGreaterThan(50)
  })
})
