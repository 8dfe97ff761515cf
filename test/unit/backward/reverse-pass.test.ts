import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { buildProgram } from '../../../src/program/builder.js'
import { bindProgram, evaluateFrom } from '../../../src/program/evaluate.js'
import { coneOf, inputsOf } from '../../../src/program/program.js'
import { SMALL_PROGRAMS } from '../../support/small-programs.js'

describe('the reverse pass gives the gradient that differences of whole losses give', () => {
  it.each(Object.keys(SMALL_PROGRAMS))('%s', (name) => {
    const { arrays, build } = SMALL_PROGRAMS[name]
    const program = buildProgram(build, new Map([...arrays].map(([key, { shape }]) => [key, shape])))
    const bound = bindProgram(program, arrays)
    const cotangents = reversePass(bound)
    for (const input of inputsOf(program)) {
      const cone = coneOf(program, [input.id])
      const base = bound.base[input.id]
      const h = 1e-5
      const lossAt = (k: number, change: number) =>
        evaluateFrom(bound, new Map([[input.id, base.with(k, base[k] + change)]]), cone)
      for (const k of base.keys()) {
        const difference = (lossAt(k, h) - lossAt(k, -h)) / (2 * h)
        expect(cotangents[input.id]![k], `${input.name}[${k}]`).toBeCloseTo(difference, 8)
      }
    }
  })
})
