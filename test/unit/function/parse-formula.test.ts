import { describe, expect, it } from 'vitest'
import type { GradcheckError } from '../../../src/errors.js'
import { valuesAt } from '../../../src/function/lower-formula.js'
import { parseFormula } from '../../../src/function/parse-formula.js'

const evaluate = async (text: string, x = 0.7, y = -1.3) => {
  const { expression } = await parseFormula(text, ['x', 'y'])
  return valuesAt({ expression, variables: ['x', 'y'] }, [Float64Array.of(x, y)])[0]
}

async function failureOf(text: string, variables = ['x']): Promise<GradcheckError> {
  try {
    await parseFormula(text, variables)
  } catch (error) {
    return error as GradcheckError
  }
  throw new Error(`${text.slice(0, 40)} was read`)
}

describe('a formula has the value of its mathematics', () => {
  const [x, y] = [0.7, -1.3]
  it.each<[string, number]>([
    ['x * y + 2 y', x * y + 2 * y],
    ['-x^2', -(x ** 2)],
    ['2^3^2', 512],
    ['x^0.5 - x^(-1/3)', Math.sqrt(x) - x ** (-1 / 3)],
    ['pow(x, y) + x^y', 2 * x ** y],
    ['square(x) + cube(y) + cbrt(y)', x * x + y ** 3 + Math.cbrt(y)],
    [
      'log(x, 3) + log2(x) + log10(x) + ln(x)',
      Math.log(x) / Math.log(3) + Math.log2(x) + Math.log10(x) + Math.log(x),
    ],
    ['sec(x) + csc(x) + cot(x)', 1 / Math.cos(x) + 1 / Math.sin(x) + 1 / Math.tan(x)],
    ['sech(x) + csch(x) + coth(x)', 1 / Math.cosh(x) + 1 / Math.sinh(x) + 1 / Math.tanh(x)],
    ['sum(x, y, 3) + min(x, y, 0) + max(x, y, 0.1)', x + y + 3 + y + x],
    ['sigmoid(x) + softplus(y) + relu(y)', 1 / (1 + Math.exp(-x)) + Math.log1p(Math.exp(y))],
    ['abs(y) + sign(y) + step(x) + step(y)', 1.3 - 1 + 1],
    ['x > 0 ? 10 : 20', 10],
    ['(y >= 0 ? 10 : 20) + (x < y)', 20],
    ['e^x + cos(pi) + sin(tau / 4)', Math.E ** x],
    ['atan(x) + expm1(x) + log1p(x)', Math.atan(x) + Math.expm1(x) + Math.log1p(x)],
    ['x + 1 # a comment', x + 1],
  ])('%s', async (text, value) => {
    expect(await evaluate(text)).toBeCloseTo(value, 14)
  })

  it('a variable may take the name of a constant', async () => {
    const { expression, variables } = await parseFormula('e * x', ['x', 'e'])
    expect(variables).toEqual(['e', 'x'])
    expect(valuesAt({ expression, variables: ['x', 'e'] }, [Float64Array.of(2, 5)])[0]).toBe(10)
  })
})

describe('a mistake is shown at its place', () => {
  it.each<[string, RegExp, string | undefined]>([
    ['sin(x', /cannot be read: .*expected/, '     ^'],
    ['x +* 2', /cannot be read/, '   ^'],
    ['2 + sinn(x)', /no function "sinn"; did you mean "sin"\?/, '    ^'],
    ['x(2)', /x is a variable and cannot be called/, '^'],
    ['1 + exp', /exp is a function and needs an argument/, '    ^'],
    ['cos(x, 1)', /cos takes 1 argument, not 2/, '^'],
    ['x = 3', /an assignment/, '  ^'],
    ['f(x) = x', /the definition of a function/, '     ^'],
    ['import("fs")', /no function "import"/, '^'],
    ['x.constructor', /the access to a property/, ' ^'],
    ['x["a"]', /the access to a property/, ' ^'],
    ['[1, x]', /a list/, '^'],
    ['{a: x}', /an object/, '^'],
    ['1:x', /a range/, ' ^'],
    ['x; x', /a second expression/, ' ^'],
    ['x\nx', /a line break/, ' ^'],
    ['x!', /the operator !/, undefined],
    ['x and x', /the operator and/, undefined],
    ['"x"', /text has no place/, undefined],
    ['x ? 1 : 2', /a condition that is no comparison/, undefined],
    ['0 < x < 1', /a chain of comparisons/, undefined],
    ['__proto__(x)', /no function "__proto__"/, '^'],
    ['constructor(x)', /no function "constructor"/, '^'],
    [' ', /empty/, undefined],
  ])('%s', async (text, message, caret) => {
    const error = await failureOf(text)
    expect(error.code).toBe('bad-formula')
    expect(error.message).toMatch(message)
    expect(error.detail[1]).toBe(caret)
  })

  it('also far inside a long formula', async () => {
    const error = await failureOf(`${'x + '.repeat(100)}sinn(x)${' + x'.repeat(100)}`)
    expect(error.detail[0].length).toBeLessThan(80)
    expect(error.detail[0].indexOf('sinn')).toBe(error.detail[1].indexOf('^'))
  })
})

describe('what is too large is refused, without running out of stack', () => {
  const brackets = (depth: number) => `${'('.repeat(depth)}x${')'.repeat(depth)}`

  it.each<[string, string, RegExp]>([
    ['length', 'x'.repeat(10_001), /10001 characters, more than 10000/],
    ['brackets', brackets(4000), /more than 200 levels/],
    ['signs', `${'-'.repeat(5000)}x`, /more than 200 levels/],
    ['spaced signs', `${'- '.repeat(4000)}x`, /more than 200 levels/],
    ['powers', `${'x^'.repeat(4000)}x`, /more than 200 levels/],
    ['conditions', `${'x>1?1:'.repeat(1500)}1`, /more than 200 levels/],
    ['functions', `${'sin('.repeat(1900)}x${')'.repeat(1900)}`, /more than 200 levels/],
  ])('%s', async (_, text, message) => {
    const error = await failureOf(text)
    expect(error.code).toBe('bad-formula')
    expect(error.message).toMatch(message)
  })

  it('a long sum is not too deep', async () => {
    const { expression } = await parseFormula(Array(2400).fill('x*y').join('+'), ['x', 'y'])
    expect(valuesAt({ expression, variables: ['x', 'y'] }, [Float64Array.of(2, 3)])).toEqual(
      Float64Array.of(14400),
    )
  })

  it('nor is a formula as bushy as its length allows', async () => {
    let text = 'x'
    while (2 * text.length + 3 < 10_000) text = `(${text}*${text})`
    const { expression } = await parseFormula(text, ['x'])
    expect(valuesAt({ expression, variables: ['x'] }, [Float64Array.of(1)])).toEqual(Float64Array.of(1))
  })
})
