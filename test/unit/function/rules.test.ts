import { describe, expect, it } from 'vitest'
import { ChangesAtPoint } from '../../../src/function/changes-at-point.js'
import { bindFormula, type FormulaCode, valuesAt } from '../../../src/function/lower-formula.js'
import { parseFormula } from '../../../src/function/parse-formula.js'
import { deriveFormula } from '../../../src/function/symbolic-derivative.js'
import { boundValueErrors } from '../../../src/rounding/value-errors.js'

function changesAt(formula: FormulaCode, point: readonly number[]): ChangesAtPoint {
  const bound = bindFormula(formula, [Float64Array.from(point)])
  return new ChangesAtPoint(bound, 0, boundValueErrors(bound))
}

const valueAt = (formula: FormulaCode, point: readonly number[]) =>
  valuesAt(formula, [Float64Array.from(point)])[0]

/** Every operation, at points and steps that its domain allows. */
const RULES: readonly string[] = [
  ...['x + 3', '2 - x', '-x', 'x * (x + 1)', '1 / (x + 20)', '(x + 2) / (x^2 + 1)', 'x^2', 'x^7', 'x^30'],
  ...['(x + 20)^2.5', '(x + 20)^(-1.5)', '(x + 20)^(x / 10)', '2^x', 'exp(x)', 'expm1(x)', 'log(x + 20)'],
  ...[
    'log1p(x + 20)',
    'sqrt(x + 20)',
    'cbrt(x + 20)',
    'sin(x)',
    'cos(x)',
    'tan(x / 20)',
    'atan(x)',
    'sinh(x)',
  ],
  ...['cosh(x)', 'tanh(x)', 'sigmoid(x)', 'softplus(x)', 'relu(x)', 'abs(x)', 'sign(x)', 'step(x)'],
  ...['min(x, x^2)', 'max(x, x^2, 1)', 'x > 0.5 ? x^2 : x', 'x <= 0.5 ? x^2 : x'],
]

describe('the difference rule of', () => {
  it.each(RULES)('%s is the change of its values, at small and at large steps', async (text) => {
    const formula = { expression: (await parseFormula(text, ['x'])).expression, variables: ['x'] }
    for (const x of [-2.3, -0.4, 0.7, 1.9]) {
      const changes = changesAt(formula, [x])
      const start = valueAt(formula, [x])
      for (const h of [1e-3, -0.02, 0.5, -1.1, 3.7, -9]) {
        const end = valueAt(formula, [x + h])
        const change = h * changes.carry(0, h).slope
        const size = Math.abs(end) + Math.abs(start) + Math.abs(h)
        expect(Math.abs(change - (end - start)) / size, `${x} + ${h}`).toBeLessThan(1e-13)
      }
    }
  })
})

describe('what mathjs does not derive has rules of its own', () => {
  it.each([
    ['abs(x - 1)^3', 'sign'],
    ['relu(x)^2 * x', 'step'],
    ['sigmoid(3*x)', 'sigmoid'],
    ['softplus(x^2)', 'sigmoid'],
    ['expm1(x) + log1p(x + 9)', 'exp'],
    ['ln(x + 9) + log2(x + 9)', '/'],
    ['cbrt(x + 9) + square(x) + cube(x)', 'cbrt'],
    ['min(x, x^2, 3) + max(x, 1 - x)', '?'],
    ['x > 0 ? sin(x) : exp(x)', '?'],
    ['x >= 0.1 ? (x < 1 ? x : x^2) : 0', '?'],
    ['step(x) * x + sign(x) * x^2', 'step'],
    ['sum(x, x^2, sigmoid(x))', 'sigmoid'],
    ['sigmoid(sigmoid(x) * s)', 'sigmoid'],
  ])('%s', async (text, part) => {
    const names = ['x', 's']
    const formula = await parseFormula(text, names)
    const derived = await deriveFormula(formula, 'x')
    expect(derived!.text).toContain(part)
    const [value, slope] = [formula, derived!.formula].map(({ expression }) => ({
      expression,
      variables: names,
    }))
    for (const x of [-1.7, -0.3, 0.4, 2.2]) {
      const point = [x, 0.8]
      expect(valueAt(slope, point)).toBeCloseTo(changesAt(value, point).carry(0, 0).slope, 12)
    }
  })

  it('a formula too long for mathjs has no symbolic derivative', async () => {
    const formula = await parseFormula(Array(500).fill('sin(x)').join('*'), ['x'])
    expect(await deriveFormula(formula, 'x')).toBeUndefined()
  })
})
