import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCpuEvaluator } from '../../src/differentiate/cpu/evaluator.js'
import type { Evaluator } from '../../src/differentiate/evaluator.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { carryToPoints, type PointChanges } from '../../src/function/carry-to-points.js'
import { checkFunction } from '../../src/function/check-function.js'
import { bindFormula } from '../../src/function/lower-formula.js'
import { parseFormula } from '../../src/function/parse-formula.js'
import {
  compareWithMathjs,
  POINTS,
  sampleFormulas,
  symbolicText,
  worstOf,
} from '../support/generated-formulas.js'
import { openGpuDevice } from '../support/gpu-device.js'

const cpu = createCpuEvaluator('test')
let gpu: WebgpuEvaluator
beforeAll(async () => {
  gpu = await createWebgpuEvaluator(() => openGpuDevice('software'))
})
afterAll(() => gpu?.dispose())

/** Both evaluators' changes of a formula of x at many points and steps. */
async function evaluateBoth(text: string, xs: readonly number[], steps: readonly number[]) {
  const { expression } = await parseFormula(text, ['x'])
  const formula = bindFormula(
    { expression, variables: ['x'] },
    xs.map((x) => Float64Array.of(x)),
  )
  const evaluate = async (by: Evaluator): Promise<PointChanges> => {
    const carrier = by.createCarrier!(formula)
    try {
      return await carryToPoints(carrier, formula, 0, steps)
    } finally {
      carrier.dispose()
    }
  }
  return { single: await evaluate(gpu), double: await evaluate(cpu) }
}

const grid = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, k) => Math.fround(from + ((to - from) * (k + 0.37)) / count))

/** Every rule, where its operand may be, and how far its changes may be off, in units of the larger change around. */
const RULES: { text: string; from: number; to: number; bound?: number }[] = [
  { text: 'x + 3', from: -5, to: 5 },
  { text: '2 - x', from: -5, to: 5 },
  { text: '-x', from: -5, to: 5 },
  { text: 'x * (x + 1)', from: -5, to: 5 },
  { text: '1 / x', from: 0.5, to: 5 },
  { text: '(x + 2) / (x^2 + 1)', from: -5, to: 5, bound: 4e-6 },
  { text: 'x^2', from: -5, to: 5 },
  { text: 'x^7', from: -3, to: 3 },
  { text: 'x^30', from: -2, to: 2, bound: 4e-6 },
  { text: 'x^2.5', from: 0.6, to: 9 },
  { text: 'x^(-1.5)', from: 0.6, to: 9 },
  { text: 'x^x', from: 0.6, to: 5 },
  { text: '2^x', from: -9, to: 9 },
  { text: 'exp(x)', from: -20, to: 20 },
  { text: 'expm1(x)', from: -5, to: 5 },
  { text: 'log(x)', from: 0.6, to: 50 },
  { text: 'log1p(x)', from: -0.4, to: 50 },
  { text: 'sqrt(x)', from: 0.6, to: 50 },
  { text: 'cbrt(x)', from: 0.6, to: 50 },
  { text: 'sin(x)', from: -9, to: 9 },
  { text: 'cos(x)', from: -9, to: 9 },
  { text: 'tan(x)', from: -1, to: 1 },
  { text: 'atan(x)', from: -9, to: 9 },
  { text: 'sinh(x)', from: -9, to: 9 },
  { text: 'cosh(x)', from: -9, to: 9 },
  { text: 'tanh(x)', from: -9, to: 9 },
  { text: 'sigmoid(x)', from: -20, to: 20 },
  { text: 'softplus(x)', from: -20, to: 20 },
  { text: 'relu(x)', from: -1, to: 1 },
  { text: 'abs(x)', from: -1, to: 1 },
  { text: 'sign(x)', from: -1, to: 1 },
  { text: 'step(x)', from: -1, to: 1 },
  { text: 'min(x, x^2)', from: -1, to: 2 },
  { text: 'max(x, x^2, 1)', from: -1, to: 2, bound: 4e-6 },
  { text: 'x > 0.5 ? x^2 : x', from: -1, to: 2 },
  { text: 'x <= 0.5 ? x^2 : x', from: -1, to: 2 },
]

/** Small, moderate and large: the rules are exact at any step. */
const STEPS = [1e-9, -1e-5, 1e-3, -0.05, 0.3, -0.45].map(Math.fround)
const FAR_STEPS = [3, -7]

it('runs on a software adapter, in single precision', () => {
  expect(gpu).toMatchObject({ name: 'webgpu', software: true, precision: 'single' })
})

describe('the WGSL rule of', () => {
  it.each(RULES)('$text gives the changes of float64', async ({ text, from, to, bound = 1.5e-6 }) => {
    const xs = grid(from, to, 400)
    const reachesFar = /^(sin|cos|tan?h|atan|sinh|cosh|exp|sigmoid|softplus|x \*|-x|relu|abs)/.test(text)
    const steps = reachesFar ? [...STEPS, ...FAR_STEPS] : STEPS
    const { single, double } = await evaluateBoth(text, xs, steps)
    const isPiecewise = /^(relu|abs|sign|step)/.test(text)
    let worst = { error: 0, text: '' }
    for (const [k, x] of xs.entries()) {
      const around = Math.max(...double.slopes.slice(0, STEPS.length).map((ofStep) => Math.abs(ofStep[k])))
      for (const [s, step] of steps.entries()) {
        const [one, other] = [single.slopes[s][k], double.slopes[s][k]]
        const unit = Math.max(around, Math.abs(other), isPiecewise ? 1 : 0)
        const error = Math.abs(one - other) / unit
        // the step itself is rounded, and so is where a jump lies
        const isJump = double.crossed[k] !== 0 && Math.abs(other * step) > 0.2
        if (!(error <= worst.error) && !isJump) worst = { error, text: `${x} + ${step}` }
      }
    }
    expect(worst.error, worst.text).toBeLessThan(bound)
    expect([...single.crossed]).toEqual([...double.crossed])
  })
})

describe('generated formulas, derived by mathjs', () => {
  const generated = sampleFormulas(100, 1)

  it('agree with difference arithmetic in single precision to 1e-6', async () => {
    const comparisons = await compareWithMathjs(gpu, generated, 1e-6)
    // what single precision cannot hold is evaluated in float64 by a check
    const inRange = comparisons.filter(({ symbolic }) => symbolic === 0 || Math.abs(symbolic) > 2 ** -102)
    expect(inRange.length).toBeGreaterThan(0.99 * comparisons.length)
    // where terms cancel to a tenth and less, single precision can only be exact beside the terms
    const conditioned = inRange.filter(({ terms, symbolic }) => terms <= 10 * Math.abs(symbolic))
    expect(conditioned.length).toBeGreaterThan(0.9 * comparisons.length)
    const worst = worstOf(conditioned)
    expect(worst.difference, JSON.stringify(worst)).toBeLessThan(1e-6)
    for (const { text, numerical, symbolic, terms } of inRange) {
      expect(Math.abs(numerical - symbolic), text).toBeLessThanOrEqual(1e-6 * terms)
    }
  })

  it('fail a check in single precision when their derivative is off by a thousandth', async () => {
    const at = { x: POINTS[0][0], y: POINTS[0][1] }
    const missed: string[] = []
    for (const formula of generated) {
      const wrt = /\bx\b/.test(formula.text) ? 'x' : 'y'
      const gradient = symbolicText(formula, wrt)
      const right = await checkFunction({ formula: formula.text, gradient, at, wrt }, { evaluator: gpu })
      // what is zero tests nothing, and is said to
      const isZero = Math.abs(right.derivatives[0].worst[0].analytical) < 1e-12
      expect(right.verdict, `${formula.text}: ${right.notices}`).toBe(isZero ? 'inconclusive' : 'pass')
      const offset = isZero ? 1e-3 : 0
      const planted = `1.001 * (${gradient}) + ${offset}`
      const wrong = await checkFunction(
        { formula: formula.text, gradient: planted, at, wrt },
        { evaluator: gpu },
      )
      if (wrong.verdict !== 'fail') missed.push(`${formula.text} by ${wrt}`)
    }
    expect(missed).toEqual([])
  })

  it('pass a check where they are nested deeper, those beyond single precision in float64', async () => {
    const at = { x: POINTS[0][0], y: POINTS[0][1] }
    const others: string[] = []
    let beyond = 0
    for (const { text } of sampleFormulas(24, 3, 6)) {
      const { verdict, reasons, notices } = await checkFunction({ formula: text, at }, { evaluator: gpu })
      const isUntested = /nothing was tested/.test(reasons.join())
      if (verdict !== 'pass' && !isUntested) others.push(`${verdict}: ${text}`)
      if (notices.some((notice) => notice.includes('beyond single precision'))) beyond++
    }
    expect(others).toEqual([])
    expect(beyond).toBeGreaterThan(0)
    expect(beyond).toBeLessThan(24)
  })
})

describe('batches', () => {
  it('of a grid are those of float64, point by point', async () => {
    const xs = grid(-3, 3, 5000)
    const { single, double } = await evaluateBoth('sin(x) * exp(-x^2 / 9)', xs, [1e-5, -1e-5])
    let most = 0
    for (const [s, ofStep] of double.slopes.entries()) {
      for (const [k, slope] of ofStep.entries()) most = Math.max(most, Math.abs(single.slopes[s][k] - slope))
    }
    expect(most).toBeLessThan(1e-6)
  })

  it('of a formula with thousands of operations are those of float64', async () => {
    const text = Array.from({ length: 600 }, (_, k) => `sin(${(k % 7) + 1} * x)`).join(' + ')
    const { single, double } = await evaluateBoth(text, grid(-1, 1, 600), [1e-5])
    const [[inSingle], [inDouble]] = [single.slopes, double.slopes]
    const scale = Math.max(...inDouble.map(Math.abs))
    for (const [k, slope] of inDouble.entries()) {
      expect(Math.abs(inSingle[k] - slope) / scale).toBeLessThan(1e-4)
    }
  })
})

describe('a lost device', () => {
  const problem = { formula: 'sin(x)', at: { x: grid(-1, 1, 100) } }

  it('is replaced, and the work goes on', async () => {
    let opened = 0
    const evaluator = await createWebgpuEvaluator(async () => {
      const device = await openGpuDevice('software')
      if (opened++ === 0) device.device.destroy()
      return device
    })
    try {
      expect((await checkFunction(problem, { evaluator })).verdict).toBe('pass')
      expect(opened).toBe(2)
    } finally {
      evaluator.dispose()
    }
  })

  it('is not replaced once its evaluator is closed: checks are refused', async () => {
    let opened = 0
    const evaluator = await createWebgpuEvaluator(async () => {
      opened++
      return await openGpuDevice('software')
    })
    evaluator.dispose()
    await expect(checkFunction(problem, { evaluator })).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringContaining('is closed'),
    })
    expect(opened).toBe(1)
  })

  it('that is lost again and again ends the check with device-lost', async () => {
    const evaluator = await createWebgpuEvaluator(async () => {
      const device = await openGpuDevice('software')
      device.device.destroy()
      return device
    })
    await expect(checkFunction(problem, { evaluator })).rejects.toMatchObject({ code: 'device-lost' })
    evaluator.dispose()
  })
})

describe('kinks and poles', () => {
  it('are found where float64 finds them', async () => {
    const at = { x: grid(-2, 2, 101).concat([-1, 0, 1]) }
    const formula = 'abs(x) + 1/(x - 1) + relu(x + 1)'
    const [single, double] = [
      await checkFunction({ formula, at }, { evaluator: gpu }),
      await checkFunction({ formula, at }),
    ]
    expect(single.verdict).toBe('pass')
    expect(single.special).toEqual(double.special)
    expect(single.special.map(({ kind, expression }) => [kind, expression])).toEqual([
      ['pole', '1 / (x - 1)'],
      ['kink', 'relu(x + 1)'],
      ['kink', 'abs(x)'],
    ])
  })
})
