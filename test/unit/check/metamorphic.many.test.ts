import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckOptions } from '../../../src/check/check-options.js'
import type { CheckReport } from '../../../src/check/report.js'
import { LAYOUT_NAMES } from '../../../src/network/layout.js'
import { howMany, numbersOf, spread } from '../../support/how-many.js'
import { nameArrays } from '../../support/plain-network.js'
import { storeAs } from '../../support/plant-errors.js'
import { Draws, makeRandomProblem } from '../../support/random-network.js'
import {
  type Claim,
  changeWeightGradient,
  claimRightly,
  inLayout,
  reorderUnits,
  takeSamples,
  toProblem,
} from '../../support/restate.js'
import { rightNetworkOptions } from '../../support/right-networks.js'

/** Some of the 300, of every depth, loss, activation and layout. */
const NUMBERS = spread(
  numbersOf(24).map((number) => 11 * number + 1),
  howMany(10, 24),
)

interface Case {
  readonly name: string
  readonly claim: Claim
  /** The layer, unit and input of the wrong weight's gradient, where one is wrong. */
  readonly wrong?: { readonly l: number; readonly i: number; readonly j: number }
}

/** The right gradient of a network in layout `columns`, and the same with the largest entry of one layer changed. */
function* claimsOf(number: number): Generator<Case> {
  const { plain } = makeRandomProblem(rightNetworkOptions(number))
  const right = inLayout(claimRightly(plain), 'columns')
  yield { name: `network ${number}`, claim: right }
  const l = number % right.plain.weights.length
  const { i, j } = findLargest(right.gradients.weights[l])
  const claim = changeWeightGradient(right, l, [i, j], (value) => 1.001 * value)
  yield { name: `network ${number} with dW${l + 1}[${i}, ${j}] wrong`, claim, wrong: { l, i, j } }
}

function findLargest(rows: readonly (readonly number[])[]): { i: number; j: number } {
  let best = { i: 0, j: 0, size: -1 }
  for (const [i, row] of rows.entries()) {
    for (const [j, value] of row.entries()) {
      if (Math.abs(value) > best.size) best = { i, j, size: Math.abs(value) }
    }
  }
  return best
}

const cases = NUMBERS.flatMap((number) => [...claimsOf(number)])
const check = (claim: Claim, options: CheckOptions = {}) => checkGradients(toProblem(claim), options)
const before = new Map<string, Promise<CheckReport>>()

/** The report on a case as it was drawn: made once. */
function reportOf({ name, claim }: Case): Promise<CheckReport> {
  if (!before.has(name)) before.set(name, check(claim))
  return before.get(name)!
}

const worstOf = ({ tensors }: CheckReport, l: number) =>
  tensors.find(({ name }) => name === `W${l + 1}`)!.worst[0]?.index

describe('what cannot change a verdict does not', () => {
  it('as drawn, right gradients do not fail and wrong ones fail at their entry', async () => {
    for (const one of cases) {
      const report = await reportOf(one)
      if (one.wrong === undefined) expect(report.verdict, one.name).not.toBe('fail')
      else if (report.verdict === 'fail') {
        expect(worstOf(report, one.wrong.l), one.name).toEqual([one.wrong.i, one.wrong.j])
      } else expect(report.verdict, one.name).toBe('inconclusive')
    }
    const failing = await Promise.all(cases.filter(({ wrong }) => wrong !== undefined).map(reportOf))
    expect(failing.filter(({ verdict }) => verdict === 'fail').length).toBeGreaterThan(0.9 * NUMBERS.length)
  })

  it('the three layouts', async () => {
    for (const one of cases) {
      const { verdict } = await reportOf(one)
      for (const layout of LAYOUT_NAMES) {
        const report = await check(inLayout(one.claim, layout))
        expect(report.verdict, `${one.name} in ${layout}`).toBe(verdict)
        if (one.wrong === undefined || verdict !== 'fail') continue
        const { l, i, j } = one.wrong
        expect(worstOf(report, l), one.name).toEqual(layout === 'rows' ? [j, i] : [i, j])
      }
    }
  })

  it('the order of the samples', async () => {
    for (const one of cases) {
      const order = shuffle(one.claim.plain.inputs[0].length, one.name.length)
      const report = await check(takeSamples(one.claim, order))
      expect(report.verdict, one.name).toBe((await reportOf(one)).verdict)
    }
  })

  it('the order of hidden units: a wrong entry moves along', async () => {
    for (const one of cases) {
      const hidden = one.claim.plain.weights.length - 1
      if (hidden === 0) continue
      const l = one.wrong === undefined ? 0 : Math.min(one.wrong.l, hidden - 1)
      const order = shuffle(one.claim.plain.weights[l].length, l)
      const report = await check(reorderUnits(one.claim, l, order))
      expect(report.verdict, one.name).toBe((await reportOf(one)).verdict)
      if (one.wrong === undefined || report.verdict !== 'fail') continue
      const { l: at, i, j } = one.wrong
      const place = at === l ? [order.indexOf(i), j] : [i, order.indexOf(j)]
      expect(worstOf(report, at), one.name).toEqual(place)
    }
  })

  it('half the step', async () => {
    for (const one of cases) {
      const { verdict, step } = await reportOf(one)
      expect((await check(one.claim, { step: step / 2 })).verdict, one.name).toBe(verdict)
    }
  })
})

describe('what changes a verdict changes it one way', () => {
  it('a smaller tolerance never turns fail into pass, nor a larger one pass into fail', async () => {
    const order = { pass: 0, inconclusive: 1, fail: 2 }
    for (const one of cases) {
      let harshest = 2
      for (const tolerance of [1e-12, 1e-9, 1e-6, 1e-4, 1e-2]) {
        const { verdict } = await check(one.claim, { tolerance })
        // what is open at a small tolerance may be wrong or right at none larger than the errors
        if (verdict === 'fail') expect(harshest, `${one.name}, tolerance ${tolerance}`).toBe(2)
        if (harshest === 0) expect(verdict, `${one.name}, tolerance ${tolerance}`).toBe('pass')
        if (order[verdict] === 0) harshest = 0
      }
    }
  })

  it('a float64 gradient that passes also passes when it is stored in float32', async () => {
    for (const { name, claim, wrong } of cases) {
      if (wrong !== undefined) continue
      const { verdict } = await check(claim)
      if (verdict !== 'pass') continue
      const gradients = storeAs(nameArrays(claim.gradients, 'd'), 'float32')
      const stored = await checkGradients({ ...toProblem(claim), gradients })
      expect(stored.verdict, `${name}: ${stored.notices}`).toBe('pass')
    }
  })
})

describe('the numerical gradient of a mean over samples', () => {
  it('is the mean of those over two parts of them', async () => {
    let compared = 0
    for (const { name, claim, wrong } of cases) {
      const { plain } = claim
      const samples = plain.inputs[0].length
      if (wrong !== undefined || samples < 2 || plain.l2 !== 0) continue
      if (plain.sampleWeights !== undefined || plain.ignored !== undefined) continue
      const half = Math.floor(samples / 2)
      const places = Array.from({ length: samples }, (_, s) => s)
      const isSum = (plain.reduction ?? (plain.loss === 'half-squared-error' ? 'sum' : 'mean')) === 'sum'
      const [whole, ...parts] = await Promise.all(
        [places, places.slice(0, half), places.slice(half)].map(async (part) => ({
          weight: isSum ? 1 : part.length / samples,
          report: await checkGradients(toProblem(claimRightly(takeSamples(claim, part).plain)), {
            keepGradients: true,
          }),
        })),
      )
      for (const [t, tensor] of whole.report.gradients!.entries()) {
        const sizes = tensor.numerical.map((value, k) =>
          parts.reduce(
            (sum, { weight, report }) => sum + weight * Math.abs(report.gradients![t].numerical[k]),
            Math.abs(value),
          ),
        )
        const largest = sizes.reduce((most, size) => Math.max(most, size), 0)
        for (const [k, value] of tensor.numerical.entries()) {
          const sum = parts.reduce(
            (total, { weight, report }) => total + weight * report.gradients![t].numerical[k],
            0,
          )
          expect(Math.abs(sum - value), `${name}, ${tensor.name}`).toBeLessThanOrEqual(1e-9 * largest)
          compared++
        }
      }
    }
    expect(compared).toBeGreaterThan(1000)
  })
})

function shuffle(length: number, seed: number): number[] {
  const draws = new Draws(1 + seed)
  const order = Array.from({ length }, (_, k) => k)
  for (let k = length - 1; k > 0; k--) {
    const other = draws.below(k + 1)
    ;[order[k], order[other]] = [order[other], order[k]]
  }
  return order
}
