import { describe, expect, it } from 'vitest'
import { diagnoseNumbers } from '../../../../src/check/diagnosis/diagnose-numbers.js'

const RIGHT = [0.8, -1.7, 2.9, 0.3, -2.2, 1.1]

/** What is said of a gradient, both sides in units of `unit`. */
function diagnose(unit: number, mistaken: (value: number) => number) {
  const numerical = Float64Array.from(RIGHT, (value) => value * unit)
  return diagnoseNumbers(
    [
      {
        name: 'w',
        gradient: 'dw',
        shape: [2, 3],
        analytical: Float64Array.from(RIGHT, (value) => mistaken(value) * unit),
        numerical,
        errors: numerical.map((value) => Math.abs(value) * 1e-14),
        tolerance: 1e-7,
        isWrong: true,
      },
    ],
    true,
  )
}

describe.each([1e-200, 1e-170, 1, 1e170, 1e200])(
  'in units of %d, whose squares may be 0 or infinite',
  (unit) => {
    it('a factor is named, and how well it fits', () => {
      const [finding, ...others] = diagnose(unit, (value) => 3 * value)
      expect(finding).toMatchObject({ kind: 'scaled', factor: 3 })
      expect(finding.explained).toBeCloseTo(1, 12)
      expect(finding.residual).toBeLessThan(1e-15)
      expect(others).toEqual([])
    })

    it('a gradient brought to a norm is named', () => {
      const norm = Math.hypot(...RIGHT)
      const [finding] = diagnose(unit, (value) => value / norm)
      expect(finding.kind).toBe('clipped')
      expect(finding.factor! * norm).toBeCloseTo(1, 12)
    })
  },
)
