import { describe, expect, it } from 'vitest'
import { findLoss, type Output } from '../../../src/network/losses.js'
import type { Matrix } from '../../../src/network/matrix.js'
import { sigmoidOf as sigmoid } from '../../../src/operations/sigmoids.js'
import { expectFailure } from '../../support/expect-failure.js'
import {
  expectNear,
  referenceLoss,
  referenceLossChange,
  referenceLossDerivative,
  referenceSoftmaxTerms,
} from '../../support/reference.js'

const UNIT_ROUNDOFF = 2 ** -53
/** Largest error relative to the change; 4.7 unit roundoffs is the worst that was measured. */
const BOUND = 8 * UNIT_ROUNDOFF
/** The reference's derivatives are quotients over a step of 1e-40. */
const SMALLEST_DERIVATIVE = 1e-39
/** Roundings of each term of a loss: of the output, by two operations, and of the sum. */
const ROUNDINGS_OF_A_TERM = 4
/** Numbers below this may have underflowed on the way. */
const UNDERFLOWN = 1e-300

const bothSigns = (numbers: readonly number[]) => numbers.flatMap((x) => [x, -x])
/** A step and the change that it is multiplied with. */
const STEPS = [1e-5, 1].flatMap((h) => bothSigns([1e-3, 0.37, 7, 100]).map((change) => ({ h, change })))
const row = (...data: number[]): Matrix => ({ rows: 1, columns: data.length, data: Float64Array.from(data) })
const logits = (...z: number[]): Output => ({ Z: row(...z), A: row(...z.map(sigmoid)) })

describe('binary cross-entropy', () => {
  const loss = findLoss('binary-cross-entropy')
  const ARGUMENTS = [0, ...bothSigns([1e-8, 0.1, 1, 3, 15, 40, 100])]

  it.each([0, 1, 0.3])('changes as its definition says, saturated or not, for a target of %s', (y) => {
    const changes = ARGUMENTS.flatMap((z) =>
      STEPS.map(({ h, change }) => {
        const of = (target: number) => referenceLossChange('binary-cross-entropy', [z], [target], [change], h)
        // the terms of a target between 0 and 1 have opposite signs
        const terms = Math.abs((1 - y) * of(0)) + Math.abs(y * of(1))
        return {
          at: `z = ${z}, change = ${change}, h = ${h}`,
          value: loss.bind(logits(z), row(y)).passUnit(0, change, 0, h),
          reference: of(y),
          allowed: BOUND * terms,
        }
      }),
    )
    expectNear(changes, UNDERFLOWN)
  })

  it('adds up the changes of all outputs', () => {
    const bound = loss.bind(logits(1, -20, 3), row(0, 1, 0.3))
    const alone = [0.5, -7, 40].map((change, i) => bound.passUnit(i, change, 0, 0.1))
    expect(bound.pass(Float64Array.of(0.5, -7, 40), 0, 0.1)).toBe(alone[0] + alone[1] + alone[2])
  })
})

describe('softmax cross-entropy', () => {
  const loss = findLoss('softmax-cross-entropy')
  const LOGITS = [
    [0, 1],
    [1, -2, 0.5],
    [30, -30, 28],
    [90, 95, 100],
    [-100, 0, 100],
  ]
  const samples = LOGITS.flatMap((z) =>
    [0, 1].map((label) => ({ z, target: z.map((_, i) => (i === label ? 1 : 0)) })),
  )

  it('changes as its definition says when one logit changes', () => {
    const changes = samples.flatMap(({ z, target }) => {
      const bound = loss.bind(logits(...z), row(...target))
      return z.flatMap((_, unit) =>
        STEPS.flatMap(({ h, change }) => {
          const all = z.map((_, i) => (i === unit ? change : 0))
          const reference = referenceLossChange('softmax-cross-entropy', z, target, all, h)
          const allowed = BOUND * Math.abs(reference)
          const at = `z = ${z}, target = ${target}, unit = ${unit}, change = ${change}, h = ${h}`
          return [
            { at, value: bound.passUnit(unit, change, 0, h), reference, allowed },
            { at: `${at}, all`, value: bound.pass(Float64Array.from(all), 0, h), reference, allowed },
          ]
        }),
      )
    })
    expectNear(changes, UNDERFLOWN)
  })

  it('changes as its definition says for targets that are probabilities', () => {
    const target = [0.5, 0.25, 0.25]
    const changes = LOGITS.filter((z) => z.length === 3).flatMap((z) => {
      const bound = loss.bind(logits(...z), row(...target))
      return STEPS.flatMap(({ h, change }) => {
        const ways = [...z.keys()].map((unit) => z.map((_, i) => (i === unit ? change : 0)))
        return [...ways, z.map((_, i) => change * [1, -0.3, 0.77][i])].map((all, unit) => {
          const reference = referenceLossChange('softmax-cross-entropy', z, target, all, h)
          const mean = all.reduce((sum, value, i) => sum + target[i] * value, 0)
          // of the probabilities falling and rising against the mean of the changes
          const terms = all.map((value, i) => {
            const alone = all.map((_, k) => (k === i ? value - mean : 0))
            return Math.abs(
              referenceLossChange('softmax-cross-entropy', z, [0, 0, 0].with((i + 1) % 3, 1), alone, h),
            )
          })
          const value =
            unit < 3 ? bound.passUnit(unit, change, 0, h) : bound.pass(Float64Array.from(all), 0, h)
          const size = terms.reduce((sum, term) => sum + term, Math.abs(reference))
          return { at: `z = ${z}, changes = ${all}, h = ${h}`, value, reference, allowed: BOUND * size }
        })
      })
    })
    expectNear(changes, UNDERFLOWN)
  })

  it('changes as its definition says when all logits change, each in its way', () => {
    const changes = samples.flatMap(({ z, target }) => {
      const bound = loss.bind(logits(...z), row(...target))
      return STEPS.map(({ h, change }) => {
        const all = z.map((_, i) => change * [1, -0.3, 0.77][i])
        const reference = referenceLossChange('softmax-cross-entropy', z, target, all, h)
        return {
          at: `z = ${z}, target = ${target}, changes = ${all}, h = ${h}`,
          value: bound.pass(Float64Array.from(all), 0, h),
          reference,
          allowed: BOUND * Math.max(Math.abs(reference), referenceSoftmaxTerms(z, target, all, h)),
        }
      })
    })
    expectNear(changes, UNDERFLOWN)
  })
})

describe.each(['half-squared-error', 'mean-squared-error'])('%s', (name) => {
  it('changes as its definition says', () => {
    const changes = [0, ...bothSigns([1e-8, 1, 100])].flatMap((a) =>
      [0, 1, -3].flatMap((y) =>
        STEPS.map(({ h, change }) => ({
          at: `a = ${a}, y = ${y}, change = ${change}, h = ${h}`,
          value: findLoss(name)
            .bind({ Z: row(a), A: row(a) }, row(y))
            .passUnit(0, change, 0, h),
          reference: referenceLossChange('squared-error', [a], [y], [change], h),
          // change·(2r + h·change), whose terms may have opposite signs
          allowed: BOUND * Math.abs(change) * (2 * Math.abs(a - y) + Math.abs(h * change)),
        })),
      ),
    )
    expectNear(changes, UNDERFLOWN)
  })
})

describe.each([
  { name: 'binary-cross-entropy', definition: 'binary-cross-entropy', targets: [0, 1, 0.3] },
  { name: 'binary-cross-entropy', definition: 'binary-cross-entropy', targets: [0, 1, 1] },
  { name: 'softmax-cross-entropy', definition: 'softmax-cross-entropy', targets: [1, 0, 0] },
  { name: 'softmax-cross-entropy', definition: 'softmax-cross-entropy', targets: [0, 0, 1] },
  { name: 'softmax-cross-entropy', definition: 'softmax-cross-entropy', targets: [0.25, 0.125, 0.625] },
  { name: 'mean-squared-error', definition: 'squared-error', targets: [0, 1, -3] },
] as const)('$name for targets $targets', ({ name, definition, targets }) => {
  const loss = findLoss(name)
  // their distances are exact, so that a softmax has nothing but its own roundings
  const OUTPUTS = [
    [0, 0, 0],
    [1, -2, 0.5],
    [-1e-8, 1e-8, 3],
    [-15, 30, 28],
    [30, -30, 0],
    [-36, 36, 36.5],
    [0, -40, -60],
    [100, 95, -100],
  ]
  const outputOf = (z: readonly number[]) =>
    loss.readsLogits ? logits(...z) : { Z: row(...z), A: row(...z) }

  it('has the derivatives that its definition gives', () => {
    const derivatives = OUTPUTS.flatMap((z) =>
      [...loss.derivative(outputOf(z), row(...targets)).data].map((value, i) => {
        const reference = referenceLossDerivative(definition, z, targets, i)
        const between = targets[i] > 0 && targets[i] < 1
        // a − y and what else cancels, which is at most 1
        const allowed = BOUND * (between ? 1 : Math.abs(reference))
        return { at: `outputs = ${z}, unit = ${i}`, value, reference, allowed }
      }),
    )
    expectNear(derivatives, SMALLEST_DERIVATIVE)
  })

  it('differs from its definition by no more rounding than its condition says', () => {
    const values = OUTPUTS.map((z) => {
      const output = outputOf(z)
      const [condition] = loss.conditions(output, row(...targets))
      return {
        at: `outputs = ${z}`,
        value: loss.losses(output, row(...targets))[0],
        reference: referenceLoss(definition, z, targets),
        allowed: ROUNDINGS_OF_A_TERM * UNIT_ROUNDOFF * condition,
      }
    })
    expectNear(values, UNDERFLOWN)
  })
})

it('an unknown name is refused with the nearest one', () => {
  expectFailure(() => findLoss('softmax-crossentropy'), 'unknown-name', 'softmax-cross-entropy')
})
