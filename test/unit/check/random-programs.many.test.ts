import { describe, expect, it } from 'vitest'
import { type Edge, reversePass } from '../../../src/backward/reverse-pass.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckReport } from '../../../src/check/report.js'
import { program } from '../../../src/program/builder.js'
import { applicationOf } from '../../../src/program/evaluate.js'
import { type ComputedValue, inputsOf } from '../../../src/program/program.js'
import { elementCount, type NamedTensors, tensor } from '../../../src/tensor.js'
import { howMany } from '../../support/how-many.js'
import { Draws } from '../../support/random-network.js'
import { drawPrograms, type RandomProgram } from '../../support/random-programs.js'

const PROGRAMS = [...drawPrograms(howMany(40, 500))]

type PassBack = (edge: Edge, cotangent: Float64Array) => Float64Array | undefined

function gradientsOf({ bound }: RandomProgram, passBack?: PassBack): NamedTensors {
  const cotangents = reversePass(bound, passBack === undefined ? {} : { passBack })
  return new Map(
    inputsOf(bound.program).map(({ id, name, shape }) => [
      name,
      tensor(cotangents[id] ?? new Float64Array(elementCount(shape)), shape),
    ]),
  )
}

const check = async ({ arrays, build }: RandomProgram, gradients: NamedTensors): Promise<CheckReport> =>
  await checkGradients({ program: program.from(build), parameters: arrays, gradients })

it('no right gradient of a program at random fails', async () => {
  const open: string[] = []
  for (const drawn of PROGRAMS) {
    const report = await check(drawn, gradientsOf(drawn))
    expect(report.verdict, `program ${drawn.seed}`).not.toBe('fail')
    if (report.verdict !== 'pass') open.push(`${drawn.seed}: ${report.reasons.join()}`)
  }
  expect(open.length, open.join('\n')).toBeLessThanOrEqual(0.1 * PROGRAMS.length)
})

/** Findings that say a factor by their kind. */
const FACTORS: Readonly<Record<string, number>> = { 'path-left-out': 0, zero: 0, 'sign-flipped': -1 }

/** A mistake on an edge at random: one that people make of the operation, or a factor. */
function mistake(
  { bound }: RandomProgram,
  draws: Draws,
): { value: ComputedValue; factor: number | undefined; passBack: PassBack } {
  const { program: listed } = bound
  const edges = listed.values.flatMap((value) =>
    value.kind === 'computed'
      ? value.operands.flatMap((from, operand) =>
          listed.values[from].kind === 'constant' ? [] : [{ value, operand }],
        )
      : [],
  )
  const { value, operand } = draws.pick(edges)
  const application = applicationOf(bound, value)
  const own = [...(value.operation.mistakes?.(application, operand) ?? [])]
  const factor = draws.pick([0, -1, 2, 0.5])
  const scaled = (cotangent: Float64Array) =>
    value.operation.pullBack(application, cotangent, operand).map((slope) => factor * slope)
  const isOwn = own.length > 0 && draws.below(2) === 0
  const wrong = isOwn ? draws.pick(own).passBack : scaled
  return {
    value,
    factor: isOwn ? undefined : factor,
    passBack: (edge, cotangent) =>
      edge.user === value.id && edge.operand === operand ? wrong(cotangent) : undefined,
  }
}

describe('a wrong edge of a program at random', () => {
  it('fails wherever it shows, and is named as a rule', async () => {
    const draws = new Draws(17)
    let [shown, named] = [0, 0]
    const missed: string[] = []
    for (const drawn of PROGRAMS) {
      const { value, factor, passBack } = mistake(drawn, draws)
      const [right, wrong] = [gradientsOf(drawn), gradientsOf(drawn, passBack)]
      const shows = [...right].some(([name, { data }]) =>
        data.some((slope, k) => {
          const other = wrong.get(name)!.data[k]
          return Math.abs(slope - other) > 1e-4 * (Math.abs(slope) + Math.abs(other)) + 1e-9
        }),
      )
      const report = await check(drawn, wrong)
      if (!shows) continue
      shown++
      expect(report.verdict, `program ${drawn.seed}`).toBe('fail')
      const [first] = report.diagnosis
      // a factor is the same wherever it is on a way without branches
      const isFactor = factor !== undefined && (first?.factor ?? FACTORS[first?.kind ?? '']) === factor
      const isNamed =
        first?.tensors.length === report.tensors.filter(({ verdict }) => verdict === 'fail').length &&
        (isFactor ||
          (first.source?.name === value.source.name && first.message.includes(value.operation.name)))
      if (isNamed) named++
      else missed.push(`${drawn.seed} ${value.operation.name} ${value.source.name}: ${first?.message}`)
    }
    expect(shown).toBeGreaterThan(0.5 * PROGRAMS.length)
    expect(named / shown, missed.slice(0, 20).join('\n')).toBeGreaterThanOrEqual(0.8)
  })
})
