import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { type ElementsOnKinks, holdOnKinks } from '../backward/conventions.js'
import { type Cotangents, type Edge, reversePass } from '../backward/reverse-pass.js'
import type { Application, Operation } from '../operations/operation.js'
import { applicationOf, type BoundProgram, evaluateValue } from '../program/evaluate.js'
import type { ComputedValue, Value } from '../program/program.js'

/** Size of the noise, relative: small enough to be linear, large beside float64's own rounding. */
const NOISE = 2 ** -32
/** Backpropagations with noise; what is taken of them leaves room for their scatter. */
const RUNS = 4

/**
 * What roundings, each independent of the others, do to a backpropagation: the root mean square of what noise in every
 * value and on every edge moves each cotangent by, in units of the noise. Forward values are rounded as well, and
 * derivatives as code in use computes them. Unlike squares carried back, it keeps what terms have in common.
 * @param wanted the ids of the values whose cotangents count
 * @param kinks where the slope is a matter of convention, which noise does not change
 */
export function measureNoise(
  bound: BoundProgram,
  cotangents: Cotangents,
  wanted: readonly number[],
  kinks: readonly ElementsOnKinks[] = [],
): ReadonlyMap<number, Float64Array> {
  const generator = xoroshiro128plus(1)
  // uniform, of standard deviation 1
  const noise = () => generator.next() * (Math.sqrt(3) * 2 ** -31)
  const onKinks = new Map(kinks.map((found) => [found.value.id, found]))
  const ofValues = bound.program.values.map((value) => ownErrors(bound, value))
  const ofEdges = new Map<string, Float64Array>()
  const squares = new Map(wanted.map((id) => [id, new Float64Array(bound.base[id].length)]))
  for (let run = 0; run < RUNS; run++) {
    const noisy = evaluateWithNoise(bound, ofValues, noise)
    const passBack = ({ user, operand }: Edge, cotangent: Float64Array) => {
      const value = bound.program.values[user] as ComputedValue
      const { operation } = value
      const found = onKinks.get(user)
      const base = applicationOf(bound, value)
      const whole = applicationOf(noisy, value)
      const application = found === undefined ? whole : holdOnKinks(found, whole, base)
      const key = `${user} ${operand}`
      const sizes = ofEdges.get(key) ?? sizesOfTerms(operation, base, cotangents[user]!, operand)
      ofEdges.set(key, sizes)
      const pulled = operation.pullBack(application, cotangent, operand)
      return pulled.map((slope, k) => slope + NOISE * noise() * sizes[k])
    }
    const moved = reversePass(noisy, { wanted, upstream: cotangents[bound.program.output], passBack })
    for (const [id, sum] of squares) {
      const [before, after] = [cotangents[id], moved[id]]
      for (let k = 0; k < sum.length; k++) sum[k] += (((after?.[k] ?? 0) - (before?.[k] ?? 0)) / NOISE) ** 2
    }
  }
  return new Map([...squares].map(([id, sum]) => [id, sum.map((square) => Math.sqrt(square / RUNS))]))
}

/** Bounds on a value's own roundings, in unit roundoffs; undefined of one that is given. */
function ownErrors(bound: BoundProgram, value: Value): Float64Array | undefined {
  if (value.kind !== 'computed') return undefined
  const exact = value.operands.map((id) => new Float64Array(bound.base[id].length))
  return value.operation.errors(applicationOf(bound, value), exact)
}

/** Root sums of the squares of what rounds where an edge passes a cotangent back. */
function sizesOfTerms(
  operation: Operation,
  application: Application,
  cotangent: Float64Array,
  operand: number,
): Float64Array {
  const terms = operation.pullBackTerms?.(application, cotangent, operand)
  if (terms !== undefined) return terms
  const roundings = operation.roundings(application)
  const squares = operation.pullBackSquares(
    application,
    cotangent.map((slope) => slope * slope),
    operand,
  )
  return squares.map((square) => Math.sqrt(roundings * square))
}

/** The program's values, each with noise of the size of its own roundings. */
function evaluateWithNoise(
  { program, base }: BoundProgram,
  ofValues: readonly (Float64Array | undefined)[],
  noise: () => number,
): BoundProgram {
  const values: Float64Array[] = []
  for (const value of program.values) {
    const own = ofValues[value.id]
    values.push(
      value.kind === 'computed' && own !== undefined
        ? evaluateValue(program, value, values).map((number, k) => number + NOISE * noise() * own[k])
        : base[value.id],
    )
  }
  return { program, base: values }
}
