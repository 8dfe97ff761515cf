import erfc from '@stdlib/math-base-special-erfc'
import { slopeBetweenTails } from './tails.js'

const INVERSE_SQRT_2PI = 0.3989422804014327
// Positive half of the seven-point Gauss-Legendre rule on [-1, 1], with the weights halved so that they sum to
// 1 over the whole interval (Abramowitz & Stegun 1964, table 25.4).
const GAUSS_NODES = [0.4058451513773972, 0.7415311855993945, 0.9491079123427585]
const GAUSS_WEIGHTS = [0.1909150252525595, 0.1398526957446383, 0.0647424830844349]
const GAUSS_CENTRE_WEIGHT = 0.2089795918367347

/** Up to here a step's mean density is the first terms of a series, exact to float64's last digit. */
export const SMALL_STEP = 2 ** -8

/** φ(x), the standard normal density. */
export function normalDensity(x: number): number {
  return INVERSE_SQRT_2PI * Math.exp(-0.5 * x * x)
}

/** Φ(−|x|), the smaller tail of the standard normal distribution, to full relative accuracy. */
export function normalTail(x: number): number {
  return 0.5 * erfc(Math.abs(x) * Math.SQRT1_2)
}

/** Φ(x), the standard normal distribution function, to full relative accuracy. */
export function normalDistribution(x: number): number {
  return 0.5 * erfc(-x * Math.SQRT1_2)
}

/**
 * (Φ(x + d) − Φ(x)) / d without cancellation; φ(x) at d = 0. Near, Φ's change is the integral of φ around the
 * middle c of the step, φ(c)·∫cosh(c·d·s)·exp(−d²s²/2) ds, whose terms are all positive; far, the two tails
 * differ enough to be subtracted.
 * @param tail Φ(−|x|)
 */
export function normalSecantSlope(x: number, tail: number, d: number): number {
  const centre = x + 0.5 * d
  if (Math.abs(d) <= SMALL_STEP && Math.abs(centre * d) <= SMALL_STEP) {
    return normalDensity(centre) * meanDensityRatio(centre, d)
  }
  if (Math.abs(d) <= 0.5 && Math.abs(centre * d) <= 0.5) {
    let mean = GAUSS_CENTRE_WEIGHT
    for (let k = 0; k < 3; k++) {
      const s = 0.5 * GAUSS_NODES[k]
      mean += 2 * GAUSS_WEIGHTS[k] * Math.cosh(centre * d * s) * Math.exp(-0.5 * (d * s) ** 2)
    }
    return normalDensity(centre) * mean
  }
  return slopeBetweenTails(x, tail, x + d, normalTail(x + d), d)
}

/** The mean of φ over a small step d around c, over φ(c): 1 + φ″(c)/φ(c)·d²/24 + φ⁗(c)/φ(c)·d⁴/1920. */
export function meanDensityRatio(centre: number, d: number): number {
  const squared = centre * centre
  const ofTwo = (squared - 1) * (1 / 24)
  const ofFour = (squared * (squared - 6) + 3) * (1 / 1920)
  return 1 + d * d * (ofTwo + d * d * ofFour)
}
