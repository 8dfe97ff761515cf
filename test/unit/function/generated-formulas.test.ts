import { describe, expect, it } from 'vitest'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import { checkFunction } from '../../../src/function/check-function.js'
import {
  compareWithMathjs,
  POINTS,
  sampleFormulas,
  symbolicText,
  worstOf,
} from '../../support/generated-formulas.js'

const generated = sampleFormulas(200, 1)
const deep = sampleFormulas(100, 2, 6)

describe('200 generated formulas, derived by mathjs', () => {
  it('agree with difference arithmetic in float64 to 1e-9', async () => {
    const comparisons = await compareWithMathjs(createCpuEvaluator('test'), generated, 1e-9)
    expect(comparisons.length).toBeGreaterThan(1000)
    const worst = worstOf(comparisons)
    expect(worst.difference, JSON.stringify(worst)).toBeLessThan(1e-9)
  })

  it('agree so too where they are nested deeper', async () => {
    const worst = worstOf(await compareWithMathjs(createCpuEvaluator('test'), deep, 1e-9))
    expect(worst.difference, JSON.stringify(worst)).toBeLessThan(1e-9)
  })

  it('pass a check, and fail it when their derivative is off by a thousandth', async () => {
    const at = { x: POINTS[0][0], y: POINTS[0][1] }
    const missed: string[] = []
    const refused: string[] = []
    for (const formula of generated) {
      for (const wrt of ['x', 'y']) {
        const gradient = symbolicText(formula, wrt)
        if (!new RegExp(`\\b${wrt}\\b`).test(formula.text)) continue
        const right = await checkFunction({ formula: formula.text, gradient, at, wrt })
        // what is zero tests nothing, and is said to
        const isZero = Math.abs(right.derivatives[0].worst[0].analytical) < 1e-12
        const isUntested = right.verdict === 'inconclusive' && /nothing was tested/.test(right.reasons.join())
        if (isZero ? !isUntested : right.verdict !== 'pass') {
          refused.push(`${formula.text} by ${wrt}: ${right.notices.join()}`)
        }
        const planted = `1.001 * (${gradient}) + ${isZero ? 1e-3 : 0}`
        const wrong = await checkFunction({ formula: formula.text, gradient: planted, at, wrt })
        if (wrong.verdict !== 'fail') missed.push(`${formula.text} by ${wrt}`)
      }
    }
    expect(refused).toEqual([])
    expect(missed).toEqual([])
  })
})
