import { setting } from '../../settings.js'
import type { CostTerms } from './variants.js'

/** An L2 term that makes up what a cost lacks. */
export interface Penalty {
  readonly message: string
  readonly fix: string
  readonly terms: CostTerms
  /** True where λ is no round number, which any cost has. */
  readonly needsGradient: boolean
}

const MOST_DIGITS = 3
/** How much finer than the spacing of round numbers λ must be known for its roundness to mean something. */
const FINENESS = 1e4

/**
 * The L2 terms that explain what the loss of the samples lacks to a saved cost: none, λ by one of the conventions
 * λ/(2m), λ/m, λ/2 and λ, over the weights or over the biases as well.
 * @param data the loss of the samples, by the network declared
 * @param squares Σ W² and Σ b²
 * @param declared λ of the network declared
 * @param allowed how far off a saved cost may be
 */
export function listPenalties(
  cost: number,
  data: number,
  squares: { readonly weights: number; readonly biases: number },
  samples: number,
  declared: number,
  allowed: number,
): Penalty[] {
  const lacking = cost - data
  if (Math.abs(lacking) <= allowed) {
    if (declared === 0) return []
    const terms = { data: 1, weights: 0, biases: 0 }
    return [
      { message: 'there is no L2 term', fix: `leave ${setting('l2')} out`, terms, needsGradient: false },
    ]
  }
  if (lacking < 0) return []
  const penalties: Penalty[] = []
  for (const withBiases of squares.biases > 0 ? [false, true] : [false]) {
    const sum = squares.weights + (withBiases ? squares.biases : 0)
    if (sum === 0) continue
    const coefficient = lacking / sum
    const lambda = findRound(coefficient, allowed / lacking, samples, declared)
    const over = withBiases ? 'Σ W² + Σ b²' : 'Σ W²'
    const equivalent = formatLambda(2 * samples * (lambda?.coefficient ?? coefficient))
    const message =
      lambda === undefined
        ? `there is an L2 term of ${coefficient.toPrecision(4)}·(${over})`
        : `there is an L2 term ${lambda.convention}·(${over}) with λ = ${lambda.value}`
    penalties.push({
      message,
      fix: withBiases
        ? 'leave the biases out of the L2 term: no option includes them'
        : `declare ${setting('l2', equivalent)}`,
      terms: {
        data: 1,
        weights: lambda?.coefficient ?? coefficient,
        biases: withBiases ? (lambda?.coefficient ?? coefficient) : 0,
      },
      needsGradient: lambda === undefined,
    })
  }
  return penalties
}

/** λ by the convention in which it is the declared one, or has the fewest digits. */
function findRound(
  coefficient: number,
  uncertainty: number,
  samples: number,
  declared: number,
): { value: number; convention: string; coefficient: number } | undefined {
  const conventions: [string, number][] = [
    ['λ/(2m)', 1 / (2 * samples)],
    ['λ/2', 1 / 2],
    ['λ/m', 1 / samples],
    ['λ', 1],
  ]
  const found = conventions.flatMap(([convention, factor]) => {
    const lambda = coefficient / factor
    for (const digits of [0, 1, 2, MOST_DIGITS]) {
      const value = digits === 0 ? declared : Number(lambda.toPrecision(digits))
      const isFineEnough = digits === 0 || uncertainty * FINENESS * 10 ** (digits - 1) <= 1
      if (value > 0 && isFineEnough && Math.abs(value / lambda - 1) <= uncertainty) {
        return [{ digits, value, convention, coefficient: value * factor }]
      }
    }
    return []
  })
  return found.sort((a, b) => a.digits - b.digits)[0]
}

/** As an option takes it: the shortest number of nine digits or fewer. */
const formatLambda = (value: number) => String(Number(value.toPrecision(9)))
