import { describe, expect, it } from 'vitest'
import { ONE_DIMENSIONAL_CASES, runOneDimensionalCase } from '../../../src/cli/one-dimensional-cases.js'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import { GradcheckError } from '../../../src/errors.js'
import { checkFunction } from '../../../src/function/check-function.js'

const grid = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, k) => from + ((to - from) * k) / (count - 1))

describe('the published one-dimensional figures', () => {
  it.each(ONE_DIMENSIONAL_CASES)('$name, to the last digit', async (published) => {
    const { textbook, devices } = await runOneDimensionalCase(published, [createCpuEvaluator('test')])
    expect(String(textbook)).toBe(published.published)
    expect(devices[0].report.verdict).toBe('pass')
    const exact = {
      'theta*x, difference': 0,
      'x^2 at 1.5': 3,
      'x^2 at 3, two-sided': 6,
      'x^2 at 3, right-hand': 6.01,
    }
    expect(devices[0].figure).toBeCloseTo(exact[published.name as keyof typeof exact], 13)
  })
})

describe('a formula', () => {
  it('passes with its derivative and fails with another, at a point and on a grid', async () => {
    const at = { theta: 4, x: 2 }
    expect((await checkFunction({ formula: 'theta * x', gradient: 'x', at })).verdict).toBe('pass')
    expect((await checkFunction({ formula: 'theta * x', gradient: 'theta', at })).verdict).toBe('fail')
    const thousand = { x: grid(-3, 3, 1000) }
    const sine = await checkFunction({ formula: 'sin(x)', gradient: 'cos(x)', at: thousand })
    expect(sine).toMatchObject({ verdict: 'pass', points: { total: 1000, checked: 1000 } })
    const wrong = await checkFunction({
      formula: 'sin(x)',
      gradient: 'x > 2.9 ? cos(x) * 1.001 : cos(x)',
      at: thousand,
    })
    expect(wrong.verdict).toBe('fail')
    expect(wrong.derivatives[0].wrongPoints).toBe(17)
    expect(wrong.derivatives[0].worst[0].at.x).toBeGreaterThan(2.9)
  })

  it('has several derivatives, each with its own verdict', async () => {
    const { verdict, derivatives } = await checkFunction({
      formula: 'x^2 * sin(y)',
      gradient: { x: '2*x*sin(y)', y: 'x^2*sin(y)' },
      at: { x: grid(1, 2, 5), y: grid(0.5, 1, 5) },
    })
    expect(verdict).toBe('fail')
    expect(derivatives.map((each) => [each.variable, each.verdict, each.checked])).toEqual([
      ['x', 'pass', 25],
      ['y', 'fail', 25],
    ])
  })

  it("is compared with mathjs's derivative where none is given", async () => {
    const formula = 'sigmoid(x*y) + softplus(x) - max(x, y)^2 + cbrt(x) + (x > 0 ? x^2 : y)'
    const { verdict, derivatives } = await checkFunction({ formula, at: { x: 0.4, y: 1.7 } })
    expect(verdict).toBe('pass')
    expect(derivatives.map(({ source, variable }) => [source, variable])).toEqual([
      ['mathjs', 'x'],
      ['mathjs', 'y'],
    ])
    expect(derivatives[0].gradient).toContain('sigmoid')
  })

  it('may have variables of any name', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'e', 'sin', 's', 'θ']) {
      const at = Object.fromEntries([[name, 2]])
      const report = await checkFunction({ formula: `${name}^2 + abs(${name})`, at })
      expect(report.verdict, name).toBe('pass')
      expect(report.derivatives[0].worst[0].analytical, name).toBe(5)
    }
  })

  it('takes smaller steps by itself where the truncation asks for it', async () => {
    const { verdict, derivatives } = await checkFunction({
      formula: '1/x',
      gradient: '-1/x^2',
      at: { x: 1e-4 },
    })
    expect(verdict).toBe('pass')
    expect(derivatives[0].worst[0].step).toBeLessThan(1e-6)
  })

  it('is cross-checked by its definition', async () => {
    const { crossValidation } = await checkFunction({ formula: 'exp(x) * x', at: { x: grid(-2, 2, 100) } })
    expect(crossValidation.checked).toBe(100)
    expect(crossValidation.difference).toBeGreaterThan(0)
    expect(crossValidation.difference).toBeLessThan(1e-9)
  })

  it.each([
    ['sigmoid(x) + sigmoid(-x)', '0', 0.3],
    ['x^2', '2*x', 0],
    ['relu(x)', 'step(x)', -1],
  ])('%s, whose derivative %s is 0 at %f, was not tested', async (formula, gradient, x) => {
    const report = await checkFunction({ formula, gradient, at: { x } })
    expect(report.verdict).toBe('inconclusive')
    expect(report.reasons.join()).toMatch(/zero on both sides: nothing was tested/)
    const wrong = await checkFunction({ formula, gradient: `${gradient} + 1e-3`, at: { x } })
    expect(wrong.verdict).toBe('fail')
  })

  it('is not held against the definition where rounding x moves what oscillates', async () => {
    const report = await checkFunction({ formula: 'sin(x - x * sin(x))', at: { x: -3e5 } })
    expect(report).toMatchObject({ verdict: 'pass', reasons: [] })
  })

  it('is no mistake where mathjs’s derivative has no value', async () => {
    // its terms are infinite, and are subtracted
    const report = await checkFunction({ formula: 'sinh(2*x)/cosh(x)', at: { x: 300 } })
    expect(report.verdict).toBe('inconclusive')
    expect(report.reasons.join()).toContain('has no value at one point where the function has one')
    const given = await checkFunction({
      formula: 'sinh(2*x)/cosh(x)',
      gradient: '2*cosh(x)',
      at: { x: 300 },
    })
    expect(given.verdict).toBe('pass')
  })

  it.each<[string, string, number]>([
    ['exp(-(x*1e9)^2)', '-2*x*1e18*exp(-(x*1e9)^2)', 5e-10],
    ['sin(x*1e30)', '1e30*cos(x*1e30)', 1e-30],
    ['tanh(x*1e15)', '1e15*(1-tanh(x*1e15)^2)', 0.5e-15],
    ['sin(1/x)', '-cos(1/x)/x^2', -1e-7],
    ['sin(tan(x))', 'cos(tan(x))*sec(x)^2', 1.5707963],
  ])('%s far narrower than the step is derived by steps that fit it', async (formula, gradient, x) => {
    for (const scheme of ['central', 'forward'] as const) {
      const right = await checkFunction({ formula, gradient, at: { x } }, { scheme })
      expect(right).toMatchObject({ verdict: 'pass', reasons: [] })
      const wrong = await checkFunction({ formula, gradient: `1.01 * (${gradient})`, at: { x } }, { scheme })
      expect(wrong.verdict).toBe('fail')
    }
  })

  it('has the branch of its condition where a pole decides it', async () => {
    const [formula, at] = ['1/(1/x^2) >= -1 ? x : 3*x', { x: 0 }]
    expect((await checkFunction({ formula, gradient: '3', at })).verdict).toBe('fail')
    expect((await checkFunction({ formula, gradient: '1', at })).verdict).not.toBe('fail')
    expect((await checkFunction({ formula: '1/x^2 > 3 ? x : 3*x', gradient: '3', at })).verdict).toBe('fail')
  })

  it('is not confirmed by a derivative whose own terms cancel', async () => {
    const report = await checkFunction({ formula: 'sin(x)', gradient: '1.02*cos(x)+1e14-1e14', at: { x: 1 } })
    expect(report.verdict).toBe('inconclusive')
    expect(report.reasons.join()).toContain("rounding moves the derivative's own formula")
  })

  it('and a derivative without a value there is said to have none', async () => {
    const report = await checkFunction({ formula: 'x', gradient: 'log(x - 1) * 0 + 1', at: { x: 1 } })
    expect(report.verdict).toBe('fail')
    expect(report.notices.join()).toContain('has no value at one point where the function has one')
  })

  it('is tested where some of its points or variables are not', async () => {
    const grid = await checkFunction({ formula: 'relu(x)', gradient: 'step(x)', at: { x: [-1, 1] } })
    expect(grid.verdict).toBe('pass')
    const at = { x: 1, y: -1 }
    const report = await checkFunction({ formula: 'x + relu(y)', gradient: { x: '1', y: '0' }, at })
    expect(report.verdict).toBe('pass')
    expect(report.notices.join()).toMatch(/d\/dy is zero on both sides: nothing of it was tested/)
  })

  it.each([
    ['scaled', { x: '4*x*y', y: 'x^2' }],
    ['sign-flipped', { x: '2*x*y', y: '-x^2' }],
    ['swapped', { x: 'x^2', y: '2*x*y' }],
    ['offset', { x: '2*x*y + 3', y: 'x^2' }],
  ])('has a diagnosis: %s', async (kind, gradient) => {
    const at = { x: [1, 2.5, 3], y: [0.5, 7] }
    const { diagnosis } = await checkFunction({ formula: 'x^2 * y', gradient, at })
    expect(diagnosis.map((finding) => finding.kind)).toEqual([kind])
  })
})

describe('at a seam of a condition', () => {
  const smooth = (edge: number) => `abs(x) < ${edge} ? 0.5*x^2/${edge} : abs(x) - 0.5*${edge}`

  it.each([0.1, 0.3, 0.4, 0.7, 1.1, 1.3, 2.9, 1e-3, 1e5])(
    'whose branches meet but for rounding there is one slope: smooth L1 at %f',
    async (edge) => {
      for (const x of [edge, -edge]) {
        const at = { x }
        const slope = Math.sign(x)
        const formula = smooth(edge)
        const right = await checkFunction({ formula, gradient: `${slope}`, at })
        expect(right, `${x}`).toMatchObject({ verdict: 'pass', special: [] })
        for (const claimed of [0.5 * slope, 1.5 * slope, -slope, 0]) {
          const wrong = await checkFunction({ formula, gradient: `${claimed}`, at })
          expect(wrong.verdict, `${claimed} at ${x}`).toBe('fail')
        }
      }
    },
  )

  it('whose branches meet with two slopes there is a kink, and each side has its own', async () => {
    const formula = 'x < 0.3 ? 3*x : x + 0.6'
    const at = { x: 0.3 }
    for (const [gradient, verdict] of [
      ['3', 'pass'],
      ['1', 'pass'],
      ['2.5', 'inconclusive'],
      ['0.5', 'fail'],
    ]) {
      const report = await checkFunction({ formula, gradient, at })
      expect(report, gradient).toMatchObject({ verdict, special: [{ kind: 'kink', on: 1 }] })
    }
  })

  it('that is a jump of a hundredth there is no derivative', async () => {
    const report = await checkFunction({ formula: 'x < 0.3 ? x : x + 0.01', gradient: '1', at: { x: 0.3 } })
    expect(report).toMatchObject({ verdict: 'inconclusive', special: [{ kind: 'jump' }] })
  })

  it('a tie of max that only rounding decides has the slopes of both', async () => {
    for (const gradient of ['2*x', '1.1']) {
      const report = await checkFunction({ formula: 'max(x^2, 1.1*x)', gradient, at: { x: 1.1 } })
      expect(report.verdict, gradient).toBe('pass')
    }
  })
})

describe('where a function is not smooth', () => {
  it.each([
    ['abs(x)', '0.5', 'inconclusive', 'kink'],
    ['abs(x)', '0', 'pass', 'kink'],
    ['relu(x) + abs(x)', '0', 'pass', 'kink'],
    ['relu(x) + relu(2*x)', '1.5', 'pass', 'kink'],
    ['relu(x) + relu(2*x)', '1', 'inconclusive', 'kink'],
    ['relu(x) - relu(-x)', '0', 'pass', 'kink'],
    ['abs(x)', '1.5', 'fail', 'kink'],
    ['relu(x)', '0', 'pass', 'kink'],
    ['relu(x)', '-0.1', 'fail', 'kink'],
    ['max(x, 2*x)', '2', 'pass', 'kink'],
    ['x >= 0 ? x^2 : -x', '-1', 'pass', 'kink'],
    ['sqrt(x)', '1', 'inconclusive', 'edge'],
    ['step(x)', '0', 'inconclusive', 'jump'],
    ['cbrt(x)', '1', 'inconclusive', 'edge'],
  ])('%s with the derivative %s at 0: %s', async (formula, gradient, verdict, kind) => {
    const report = await checkFunction({ formula, gradient, at: { x: 0 } })
    expect(report.verdict).toBe(verdict)
    expect(report.special).toMatchObject([{ kind, on: 1, near: 0, at: { x: 0 } }])
  })

  it.each([
    ['abs(1e-70*x)', '1e-70', '2e-70'],
    ['relu(1e-80*x)', '1e-80', '-1e-80'],
    ['max(1e-90*x, 0)', '1e-90', '2e-90'],
  ])(
    '%s: a kink of tiny slopes has those of both sides, whatever step is lost to it',
    async (formula, right, wrong) => {
      for (const scheme of ['central', 'forward'] as const) {
        const check = (gradient: string) => checkFunction({ formula, gradient, at: { x: 0 } }, { scheme })
        expect(await check(right)).toMatchObject({ verdict: 'pass', special: [{ kind: 'kink', on: 1 }] })
        expect((await check(wrong)).verdict).toBe('fail')
      }
    },
  )

  it('a step that runs over a kink is made smaller', async () => {
    const report = await checkFunction({
      formula: 'abs(x)',
      gradient: 'sign(x)',
      at: { x: [1e-7, -3e-9, 1] },
    })
    expect(report).toMatchObject({ verdict: 'pass', special: [{ kind: 'kink', on: 0, near: 2 }] })
    expect(report.derivatives[0].kinks).toBe(2)
  })

  it('is counted once where derivatives by several variables meet it', async () => {
    const gradient = { x: '1', y: '0' }
    const report = await checkFunction({ formula: 'max(x, y)', gradient, at: { x: 1, y: 1 } })
    expect(report.special).toMatchObject([{ kind: 'kink', on: 1, near: 0, at: { x: 1, y: 1 } }])
  })

  it('poles and points outside the domain of a grid are named, and the others judged', async () => {
    const report = await checkFunction({ formula: '1/x + log(x + 2)', at: { x: [-3, -2, -1, 0, 1, 2] } })
    expect(report).toMatchObject({ verdict: 'pass', points: { total: 6, checked: 3 } })
    expect(report.special.map(({ kind, expression, on }) => [kind, expression, on])).toEqual([
      ['undefined', 'log(x + 2)', 2],
      ['pole', '1 / x', 1],
    ])
  })

  it.each([
    ['x > 0 ? sqrt(x) : x^3', -1],
    ['x < 0 ? tanh(1/(x - 1)) + log(x) : x^2', 1],
  ])('%s: the branch that is not taken need have no value', async (formula, x) => {
    const report = await checkFunction({ formula, at: { x } })
    expect(report).toMatchObject({ verdict: 'pass' })
    expect(report.numericalError).toBeLessThan(1e-9)
    const planted = await checkFunction({ formula, at: { x }, gradient: '2.001' })
    expect(planted.verdict).toBe('fail')
  })

  it('a kink in the branch that is not taken counts for nothing', async () => {
    const report = await checkFunction({ formula: 'x < 1 ? x : abs(x)', gradient: '1', at: { x: 0 } })
    expect(report).toMatchObject({ verdict: 'pass', special: [] })
  })
})

describe('bad input', () => {
  it.each<[string, Parameters<typeof checkFunction>[0], RegExp]>([
    ['a variable without a value', { formula: 'theta * x', at: { x: 1 } }, /"theta" has no value/],
    [
      'a misspelt variable',
      { formula: 'tehta * x', at: { theta: 1, x: 1 } },
      /"tehta" has no value; did you mean "theta"/,
    ],
    [
      'a gradient by what is not there',
      { formula: 'x', gradient: { y: '1' }, at: { x: 1 } },
      /no variable "y"/,
    ],
    ['a gradient with a mistake', { formula: 'x', gradient: '1 +', at: { x: 1 } }, /cannot be read/],
    ['a gradient with another variable', { formula: 'x', gradient: 'z', at: { x: 1 } }, /"z" has no value/],
    ['wrt what is not there', { formula: 'x', wrt: 'y', at: { x: 1, y: 2 } }, /no variable "y" to derive by/],
    ['a formula of numbers', { formula: '2 + 3', at: { x: 1 } }, /no variable to derive by/],
    [
      'the log of a negative',
      { formula: 'log(x)', at: { x: -1 } },
      /log\(x\) is not defined at x = -1.*negative/,
    ],
    [
      'the root of a negative',
      { formula: 'sqrt(x - 3)', at: { x: 1 } },
      /sqrt\(x - 3\) is not defined at x = 1/,
    ],
    ['a pole', { formula: '1/x', at: { x: 0 } }, /1 \/ x has a pole at x = 0/],
    ['a power of a negative', { formula: 'x^0.3', at: { x: -1 } }, /x \^ 0\.3 is not defined at x = -1/],
    ['an overflow', { formula: 'exp(x)', at: { x: 1000 } }, /too large/],
    ['a value that is none', { formula: 'x', at: { x: Number.NaN } }, /x has the value NaN/],
    ['a power of Python', { formula: 'x**2', at: { x: 1 } }, /\*\* has no meaning/],
    ['a name of NumPy', { formula: '2*np.exp(x)', at: { x: 1 } }, /np\.exp has no place/],
    ['a name of JavaScript', { formula: 'x', gradient: 'Math.PI', at: { x: 1 } }, /Math\.PI has no place/],
    ['too many points', { formula: 'x', at: { x: grid(0, 1, 400), y: grid(0, 1, 400) } }, /160000 points/],
  ])('%s', async (_, problem, message) => {
    await expect(checkFunction(problem)).rejects.toThrow(message)
  })

  it.each([
    { step: 0 },
    { step: Number.NaN },
    { step: 1e300 },
    { tolerance: -1 },
    { tolerance: 1 },
    { noise: 1e-3 },
    { scheme: 'backward' as never },
  ])('the option %o', async (options) => {
    await expect(checkFunction({ formula: 'x', at: { x: 1 } }, options)).rejects.toThrow()
  })
})

describe('what a caller without types gives', () => {
  const right = { formula: 'x', at: { x: 1 } }
  it.each<[object, object]>([
    [{ ...right, gradient: 5 }, {}],
    [{ ...right, gradient: null }, {}],
    [{ ...right, gradient: { x: 5 } }, {}],
    [{ formula: 'x' }, {}],
    [{ formula: 5, at: { x: 1 } }, {}],
    [{ ...right, wrt: 3 }, {}],
    [right, { scheme: null }],
    [right, { scheme: 3 }],
    [right, { signal: {} }],
    [right, { onProgress: 3 }],
  ])('%j with %j is refused by the library’s own error', async (problem, options) => {
    await expect(checkFunction(problem as never, options)).rejects.toBeInstanceOf(GradcheckError)
  })
})

describe('the error against the step', () => {
  it.each([
    ['x^3', '3*x^2', 1],
    ['exp(sin(x))', 'exp(sin(x)) * cos(x)', 0.6],
    ['1/(1+x^2)', '-2*x/(1+x^2)^2', 0.8],
  ])('of %s falls with slopes 1 and 2, and only the textbook rises again', async (formula, gradient, x) => {
    const { steps } = await checkFunction({ formula, gradient, at: { x } }, { steps: true })
    for (const { scheme, method, truncationSlope, roundingSlope, errors } of steps!.series) {
      const order = scheme === 'forward' ? 1 : 2
      expect(Math.abs(truncationSlope! - order)).toBeLessThan(0.1)
      if (method === 'textbook') expect(Math.abs(roundingSlope! + 1)).toBeLessThan(0.3)
      else {
        expect(roundingSlope).toBeUndefined()
        expect(errors.at(-1)).toBeLessThan(1e-12)
      }
    }
  })

  it('has no truncation to see where there is none', async () => {
    const { steps } = await checkFunction({ formula: '2*x', gradient: '2', at: { x: 1 } }, { steps: true })
    expect(steps!.series.every(({ truncationSlope }) => truncationSlope === undefined)).toBe(true)
  })

  it('is measured against the right derivative where the given one is wrong', async () => {
    const report = await checkFunction({ formula: 'x^3', gradient: '2*x^2', at: { x: 1 } }, { steps: true })
    expect(report.verdict).toBe('fail')
    expect(report.steps!.reference).toBe(3)
  })

  it('is measured at one point alone', async () => {
    await expect(checkFunction({ formula: 'x', at: { x: [1, 2] } }, { steps: true })).rejects.toThrow(
      /one point/,
    )
  })
})

describe('a function in code', () => {
  const rosenbrock = (x: Float64Array) => 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
  const gradient = (x: Float64Array) => [
    -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]),
    200 * (x[1] - x[0] ** 2),
  ]

  it('passes with its gradient, to better than the textbook loop', async () => {
    const report = await checkFunction({ function: rosenbrock, gradient, at: [0.3, -0.8] })
    expect(report).toMatchObject({ verdict: 'pass', method: 'textbook' })
    expect(report.difference).toBeLessThan(1e-11)
    expect(report.numericalError).toBeGreaterThan(report.difference)
  })

  it('may answer later, and fails with a wrong element', async () => {
    const report = await checkFunction({
      function: async (x) => rosenbrock(x),
      gradient: async (x) => gradient(x).with(1, gradient(x)[1] * 1.0001),
      at: [0.3, -0.8],
    })
    expect(report.verdict).toBe('fail')
    expect(report.derivatives[0]).toMatchObject({ wrongPoints: 1, worst: [{ index: [1] }] })
  })

  it('near a kink and near the edge of its domain is derived from smaller steps', async () => {
    const relu = await checkFunction({ function: ([x]) => Math.max(x, 0), gradient: () => [1], at: [1e-4] })
    expect(relu.verdict).toBe('pass')
    const log = await checkFunction({
      function: ([x]) => Math.log(x),
      gradient: ([x]) => [1 / x],
      at: [1e-4],
    })
    expect(log.verdict).toBe('pass')
  })

  it('that gives different values at one point is named, and not judged', async () => {
    let calls = 0
    const report = await checkFunction({
      function: (x) => rosenbrock(x) + 1e-9 * calls++,
      gradient,
      at: [0.3, -0.8],
    })
    expect(report.verdict).toBe('inconclusive')
    expect(report.notices.join()).toMatch(/not deterministic: 5 evaluations at the same point differ/)
  })

  it.each<[string, Parameters<typeof checkFunction>[0], RegExp]>([
    [
      'a gradient of another length',
      { function: rosenbrock, gradient: () => [1], at: [1, 2] },
      /1 elements and the point has 2/,
    ],
    [
      'a gradient of NaN',
      { function: rosenbrock, gradient: () => [Number.NaN, 1], at: [1, 2] },
      /element 0 of the gradient is NaN/,
    ],
    [
      'a value that is no number',
      { function: () => 'a' as never, gradient, at: [1, 2] },
      /gave "a", not a number/,
    ],
    ['a point without elements', { function: rosenbrock, gradient, at: [] }, /no elements/],
    ['a value of NaN', { function: () => Number.NaN, gradient, at: [1, 2] }, /NaN/],
  ])('%s is refused', async (_, problem, message) => {
    await expect(checkFunction(problem)).rejects.toThrow(message)
  })
})
