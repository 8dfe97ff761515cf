import { GradcheckError } from '../errors.js'
import {
  normalDensity,
  normalDistribution,
  normalSecantSlope,
  normalTail,
  slopeBetweenTails,
} from '../operations/normal-distribution.js'
import { ACTIVATION_WORDS, unknownName } from './vocabulary.js'

export type ActivationName =
  | 'relu'
  | 'leaky-relu'
  | 'elu'
  | 'selu'
  | 'sigmoid'
  | 'tanh'
  | 'softplus'
  | 'softsign'
  | 'silu'
  | 'gelu'
  | 'gelu-tanh'
  | 'gelu-sigmoid'
  | 'linear'

/** Those that have a constant, and what it is called. */
const CONSTANT_NAMES = { 'leaky-relu': 'slope', elu: 'alpha' } as const
type ParametricName = keyof typeof CONSTANT_NAMES

/**
 * An activation as it is declared: its name, and its constant where that is not the usual one: the slope below 0 of
 * `leaky-relu(0.2)`, α of `elu(1.5)`.
 */
export type ActivationText = ActivationName | `${ParametricName}(${number})`

/** The constant of an activation that has one, where it is not the usual one. */
export interface ActivationConstants {
  /** Of `leaky-relu`: its slope below 0. @default 0.01 */
  readonly slope?: number | undefined
  /** Of `elu`: α of α·(e^z − 1) below 0. @default 1 */
  readonly alpha?: number | undefined
}

/**
 * An element-wise function a = f(z), its derivative, and how a change of z changes a. `shaders/activations.wesl`
 * holds the same for the GPU.
 */
export interface Activation {
  readonly name: ActivationName
  /** As it is declared. */
  readonly text: ActivationText
  /** Leaky ReLU's slope below 0, ELU's α; absent from what has none. */
  readonly constant?: number
  /** The number by which `shaders/activations.wesl` knows it. */
  readonly code: number
  /** True where the derivative jumps at z = 0, so that a perturbation may cross a kink. */
  readonly hasKink: boolean
  /** f(z) */
  value(z: number): number
  /** f′(z); at a kink the value of the left side, as NumPy's `Z > 0` and PyTorch give it. */
  derivative(z: number): number
  /**
   * The constant of the base point that its secant slope needs beside z and that single precision could not
   * recover from z: the smaller tail of σ or Φ, or e^z of a negative z. 0 where none is needed.
   */
  tail(z: number): number
  /**
   * (f(z + d) − f(z)) / d, computed without subtracting the two: exact identities of divided-difference
   * arithmetic (Rall & Reps; Kahan & Fateman 1999), so it keeps full relative accuracy however small or large d
   * is, and equals f′(z) at d = 0.
   * @param tail this activation's `tail(z)`
   */
  secantSlope(z: number, tail: number, d: number): number
  /**
   * The secant slope at z where it is the same for every |d| ≤ reach: z stays on one linear piece. Left out where
   * the activation has no linear piece.
   */
  constantSlope?(z: number, reach: number): number | undefined
  /**
   * Writes the first four coefficients of the secant slope's Taylor series in d at z, f^(k)(z)/k! for k = 1 … 4.
   * Up to |d| = `SLOPE_SERIES_REACH` they give the slope to float64's last digits. Left out where nobody derived
   * them.
   */
  slopeSeries?(z: number, tail: number, coefficients: Float64Array): void
}

/** Where four terms of a secant slope's series are enough: the fifth is below 2^−53. */
export const SLOPE_SERIES_REACH = 2 ** -12

// Klambauer et al. 2017, "Self-Normalizing Neural Networks"
const SELU_SCALE = 1.0507009873554805
const SELU_ALPHA = 1.6732632423543772
// Hendrycks & Gimpel 2016, "Gaussian Error Linear Units": gelu(z) ≈ z·σ(2·√(2/π)·(z + 0.044715 z³))
const GELU_TANH_SCALE = 2 * Math.sqrt(2 / Math.PI)
const GELU_TANH_CUBIC = 0.044715
// the same paper: gelu(z) ≈ z·σ(1.702 z)
const GELU_SIGMOID_SCALE = 1.702
/** Beyond this change of z the two ends of σ and of softplus differ enough to be subtracted. */
const FAR = 1
/** A tail below this has lost digits: 2^−1022, the smallest normal float64. */
const SMALLEST_NORMAL = 2.2250738585072014e-308

/** σ(z) */
export const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const softplus = (z: number) => Math.max(z, 0) + softplusExcess(z)
const geluTanhLogit = (z: number) => GELU_TANH_SCALE * (z + GELU_TANH_CUBIC * z * z * z)

/** Up to here the Taylor series below are exact to float64's last digit, and several times faster than Math's. */
const SERIES_REACH = 0.004

/** (e^x − 1) / x */
export function expm1Ratio(x: number): number {
  if (Math.abs(x) > SERIES_REACH) return Math.expm1(x) / x
  return 1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720)))))
}

/** ln(1 + x) / x */
export function log1pRatio(x: number): number {
  if (Math.abs(x) > SERIES_REACH) return Math.log1p(x) / x
  return 1 - x * (1 / 2 - x * (1 / 3 - x * (1 / 4 - x * (1 / 5 - x * (1 / 6 - x * (1 / 7))))))
}

/** σ or Φ at z from its smaller tail there. */
const fromTail = (z: number, tail: number) => (z >= 0 ? 1 - tail : tail)

/**
 * Secant slope of σ at z: t·(1 − e^(−|d|))/|d| times s/(s + t·e^(−|d|)), where (s, t) is (σ(z), σ(−z)) for a
 * growing z and the reverse for a falling one. Every term is positive. Where the tail has underflowed, far
 * changes are taken from the tails of the two ends.
 */
function sigmoidSecantSlope(z: number, tail: number, d: number): number {
  if (Math.abs(d) > FAR && tail < SMALLEST_NORMAL) {
    return slopeBetweenTails(z, tail, z + d, sigmoidTail(z + d), d)
  }
  const s = fromTail(d > 0 ? z : -z, tail)
  const t = fromTail(d > 0 ? -z : z, tail)
  const ratio = expm1Ratio(-Math.abs(d))
  const decay = d < SERIES_REACH && d > -SERIES_REACH ? 1 - Math.abs(d) * ratio : Math.exp(-Math.abs(d))
  return t * ratio * (s / (s + t * decay))
}

/**
 * Secant slope of z·v(z), v being σ or Φ: v at the lower end plus the higher end times v's slope, which cancels
 * nowhere but where the change itself passes through zero. A small fall is taken from its start as well.
 */
function gatedSlope(
  z: number,
  tail: number,
  d: number,
  gateSlope: number,
  gate: (end: number) => number,
): number {
  return d > -0.5 ? fromTail(z, tail) + (z + d) * gateSlope : gate(z + d) + z * gateSlope
}

/** ln(1 + e^(−|z|)) */
const softplusExcess = (z: number) => Math.log1p(Math.exp(-Math.abs(z)))

/**
 * Secant slope of softplus at z. With m = σ(−|z|) ≤ ½ the change is ln(1 + m·(e^d − 1)) for z ≤ 0 and
 * d + ln(1 + m·(e^(−d) − 1)) for z > 0; neither cancels by more than a factor of 3 while d is not far. Far, it
 * is the change of max(z, 0) plus that of ln(1 + e^(−|z|)).
 */
export function softplusSecantSlope(z: number, tail: number, d: number): number {
  const end = z + d
  if (Math.abs(d) > FAR && (z > 0 || end > 0 || tail < SMALLEST_NORMAL)) {
    const rise = z > 0 && end > 0 ? d : Math.max(end, 0) - Math.max(z, 0)
    return (rise + (softplusExcess(end) - softplusExcess(z))) / d
  }
  const away = z > 0 ? -d : d
  const rise = expm1Ratio(away) * tail
  const slope = rise * log1pRatio(rise * away)
  return z > 0 ? 1 - slope : slope
}

/** The tail of σ: σ(−|z|), at most ½. */
export const sigmoidTail = (z: number) => sigmoid(-Math.abs(z))

/** σ^(k)(z)/k! for k = 1 … 4, from σ′ = pq and σ″ = pq(q − p). */
function sigmoidSeries(z: number, tail: number, coefficients: Float64Array): void {
  const p = fromTail(z, tail)
  const q = fromTail(-z, tail)
  const slope = p * q
  coefficients[0] = slope
  coefficients[1] = (slope * (q - p)) / 2
  coefficients[2] = (slope * (1 - 6 * slope)) / 6
  coefficients[3] = (slope * (q - p) * (1 - 12 * slope)) / 24
}

/** Secant slope of scale·α·(e^z − 1) below 0 and scale·z above. */
function exponentialLinearSlope(scale: number, alpha: number, z: number, tail: number, d: number): number {
  const end = z + d
  if (z > 0 && end > 0) return scale
  if (z > 0) return (scale * (z - alpha * Math.expm1(end))) / (z - end)
  if (end > 0) return (scale * (end - alpha * Math.expm1(z))) / (end - z)
  // far up from where e^z has underflowed, e^end has not
  const rises = d > 1 && tail < SMALLEST_NORMAL
  return scale * alpha * (rises ? Math.exp(end) * expm1Ratio(-d) : tail * expm1Ratio(d))
}

/** Secant slope of a function that is `below`·z for z ≤ 0 and z above. */
function piecewiseLinearSlope(below: number, z: number, d: number): number {
  const end = z + d
  if (z > 0) return end > 0 ? 1 : (z - below * end) / (z - end)
  return end > 0 ? (end - below * z) / (end - z) : below
}

const noTail = () => 0
const negativeExponential = (z: number) => (z > 0 ? 1 : Math.exp(z))

type Rules = Omit<Activation, 'name' | 'text' | 'constant'>

const ACTIVATIONS: Record<Exclude<ActivationName, ParametricName>, Rules> = {
  linear: {
    code: 0,
    hasKink: false,
    value: (z) => z,
    derivative: () => 1,
    tail: noTail,
    constantSlope: () => 1,
    secantSlope: () => 1,
  },
  relu: {
    code: 1,
    hasKink: true,
    value: (z) => Math.max(z, 0),
    derivative: (z) => (z > 0 ? 1 : 0),
    tail: noTail,
    constantSlope: (z, reach) => (z > reach ? 1 : z + reach <= 0 ? 0 : undefined),
    secantSlope: (z, _tail, d) => piecewiseLinearSlope(0, z, d),
  },
  selu: {
    code: 4,
    hasKink: true,
    value: (z) => SELU_SCALE * (z > 0 ? z : SELU_ALPHA * Math.expm1(z)),
    derivative: (z) => SELU_SCALE * (z > 0 ? 1 : SELU_ALPHA * Math.exp(z)),
    tail: negativeExponential,
    constantSlope: (z, reach) => (z > reach ? SELU_SCALE : undefined),
    secantSlope: (z, tail, d) => exponentialLinearSlope(SELU_SCALE, SELU_ALPHA, z, tail, d),
  },
  sigmoid: {
    code: 5,
    hasKink: false,
    value: sigmoid,
    derivative: (z) => sigmoid(z) * sigmoid(-z),
    tail: sigmoidTail,
    slopeSeries: sigmoidSeries,
    secantSlope: sigmoidSecantSlope,
  },
  tanh: {
    code: 6,
    hasKink: false,
    value: Math.tanh,
    // 1 − tanh² loses its digits where tanh saturates; 4·σ(2z)·σ(−2z) is the same
    derivative: (z) => 4 * sigmoid(2 * z) * sigmoid(-2 * z),
    tail: (z) => sigmoidTail(2 * z),
    slopeSeries: (z, tail, coefficients) => {
      sigmoidSeries(2 * z, tail, coefficients)
      for (let k = 0; k < 4; k++) coefficients[k] *= 2 ** (k + 2)
    },
    // tanh z = 2·σ(2z) − 1
    secantSlope: (z, tail, d) => 4 * sigmoidSecantSlope(2 * z, tail, 2 * d),
  },
  softplus: {
    code: 7,
    hasKink: false,
    value: softplus,
    derivative: sigmoid,
    tail: sigmoidTail,
    slopeSeries: (z, tail, coefficients) => {
      sigmoidSeries(z, tail, coefficients)
      for (let k = 3; k > 0; k--) coefficients[k] = coefficients[k - 1] / (k + 1)
      coefficients[0] = fromTail(z, tail)
    },
    secantSlope: softplusSecantSlope,
  },
  softsign: {
    code: 8,
    hasKink: false,
    value: (z) => z / (1 + Math.abs(z)),
    derivative: (z) => 1 / (1 + Math.abs(z)) ** 2,
    tail: noTail,
    secantSlope: (z, _tail, d) => {
      const end = z + d
      const from = 1 + Math.abs(z)
      const to = 1 + Math.abs(end)
      if (z >= 0 === end >= 0) return 1 / (from * to)
      return (Math.abs(z) / from + Math.abs(end) / to) / (Math.abs(z) + Math.abs(end))
    },
  },
  silu: {
    code: 9,
    hasKink: false,
    value: (z) => z * sigmoid(z),
    derivative: (z) => sigmoid(z) * (1 + z * sigmoid(-z)),
    tail: sigmoidTail,
    secantSlope: (z, tail, d) => gatedSlope(z, tail, d, sigmoidSecantSlope(z, tail, d), sigmoid),
  },
  gelu: {
    code: 10,
    hasKink: false,
    value: (z) => z * normalDistribution(z),
    derivative: (z) => normalDistribution(z) + z * normalDensity(z),
    tail: normalTail,
    secantSlope: (z, tail, d) => gatedSlope(z, tail, d, normalSecantSlope(z, tail, d), normalDistribution),
  },
  'gelu-tanh': {
    code: 11,
    hasKink: false,
    value: (z) => z * sigmoid(geluTanhLogit(z)),
    derivative: (z) => {
      const u = geluTanhLogit(z)
      return sigmoid(u) * (1 + z * sigmoid(-u) * GELU_TANH_SCALE * (1 + 3 * GELU_TANH_CUBIC * z * z))
    },
    tail: (z) => sigmoidTail(geluTanhLogit(z)),
    // of σ(u), with Δu = scale·d·(1 + cubic·(3z² + 3zd + d²)); far, where the rounding of Δu would be amplified,
    // from u at the end
    secantSlope: (z, tail, d) => {
      const end = z + d
      const logitSlope = GELU_TANH_SCALE * (1 + GELU_TANH_CUBIC * (3 * z * end + d * d))
      if (Math.abs(logitSlope * d) <= FAR) {
        return fromTail(z, tail) + end * logitSlope * sigmoidSecantSlope(z, tail, logitSlope * d)
      }
      const endTail = sigmoidTail(geluTanhLogit(end))
      const gateSlope = slopeBetweenTails(z, tail, end, endTail, d)
      return gatedSlope(z, tail, d, gateSlope, () => fromTail(end, endTail))
    },
  },
  'gelu-sigmoid': {
    code: 12,
    hasKink: false,
    value: (z) => z * sigmoid(GELU_SIGMOID_SCALE * z),
    derivative: (z) => {
      const u = GELU_SIGMOID_SCALE * z
      return sigmoid(u) * (1 + u * sigmoid(-u))
    },
    tail: (z) => sigmoidTail(GELU_SIGMOID_SCALE * z),
    // of σ(βz); far, where βz + βd would cancel, from the end
    secantSlope: (z, tail, d) => {
      const end = z + d
      const change = GELU_SIGMOID_SCALE * d
      if (Math.abs(change) <= FAR) {
        return fromTail(z, tail) + end * GELU_SIGMOID_SCALE * sigmoidSecantSlope(z, tail, change)
      }
      const endTail = sigmoidTail(GELU_SIGMOID_SCALE * end)
      return gatedSlope(z, tail, d, slopeBetweenTails(z, tail, end, endTail, d), () => fromTail(end, endTail))
    },
  },
}

/** An activation with a constant. */
interface Family {
  /** The constant where none is declared, then others in use. */
  readonly usual: readonly [number, ...number[]]
  create(constant: number): Rules
}

const FAMILIES: Record<ParametricName, Family> = {
  'leaky-relu': {
    usual: [0.01, 0.1, 0.2, 0.3, 0.25, 0.05, 0.02, 0.001],
    create: (slope) => ({
      code: 2,
      hasKink: slope !== 1,
      value: (z) => (z > 0 ? z : slope * z),
      derivative: (z) => (z > 0 ? 1 : slope),
      tail: noTail,
      constantSlope: (z, reach) => (z > reach ? 1 : z + reach <= 0 ? slope : undefined),
      secantSlope: (z, _tail, d) => piecewiseLinearSlope(slope, z, d),
    }),
  },
  elu: {
    usual: [1, 1.5, 0.5, 2, 0.1],
    create: (alpha) => ({
      code: 3,
      hasKink: alpha !== 1,
      value: (z) => (z > 0 ? z : alpha * Math.expm1(z)),
      derivative: (z) => (z > 0 ? 1 : alpha * Math.exp(z)),
      tail: negativeExponential,
      constantSlope: (z, reach) => (z > reach ? 1 : undefined),
      secantSlope: (z, tail, d) => exponentialLinearSlope(1, alpha, z, tail, d),
    }),
  },
}

export const ACTIVATION_NAMES: readonly ActivationName[] = [
  'relu',
  'leaky-relu',
  'elu',
  'selu',
  'sigmoid',
  'tanh',
  'softplus',
  'softsign',
  'silu',
  'gelu',
  'gelu-tanh',
  'gelu-sigmoid',
  'linear',
]

/** Every activation, and those with a constant with each that is in use. */
export const USUAL_ACTIVATIONS: readonly ActivationText[] = ACTIVATION_NAMES.flatMap((name) =>
  isParametric(name) ? FAMILIES[name].usual.map((constant) => formatActivation(name, constant)) : [name],
)

/** Constants beyond this are a slip, and may overflow float32 with what they multiply. */
const LARGEST_CONSTANT = 1e6

const found = new Map<ActivationText, Activation>()

/**
 * An activation by its name, or by its name and constant: `leaky-relu(0.2)`. Equal ones are the same object.
 * @throws GradcheckError `unknown-name` with the name that is meant, or the nearest; `bad-network` for a constant that it cannot have
 */
export function findActivation(text: string): Activation {
  const [, stem, argument] = /^([^()]*)(?:\(([^()]*)\))?$/.exec(text) ?? [text, text]
  const name = ACTIVATION_NAMES.find((candidate) => candidate === stem.trim())
  if (name === undefined) {
    // nn.LeakyReLU(negative_slope=0.2)
    const constant = argument?.replace(/^.*=/, '').trim()
    const keep = (meant: string) =>
      meant in CONSTANT_NAMES && constant !== undefined && constant !== '' ? `${meant}(${constant})` : meant
    throw unknownName('activation', text, ACTIVATION_NAMES, ACTIVATION_WORDS, keep)
  }
  return createActivation(name, argument === undefined ? undefined : readConstant(text, argument))
}

/** An activation by its name and constants by name: `leaky-relu` with `{ slope: 0.2 }`. */
export function findActivationWith(name: string, constants: ActivationConstants): Activation {
  const plain = findActivation(name)
  const given = Object.entries(constants).filter(([, value]) => value !== undefined)
  if (given.length === 0) return plain
  const own = isParametric(plain.name) ? CONSTANT_NAMES[plain.name] : undefined
  const stranger = given.find(([key]) => key !== own)
  if (stranger !== undefined) throw noSuchConstant(plain.name, stranger[0])
  return createActivation(plain.name, given[0][1])
}

function createActivation(name: ActivationName, constant: number | undefined): Activation {
  if (!isParametric(name)) {
    if (constant !== undefined) throw noSuchConstant(name, `(${constant})`)
    return remember(name, () => ({ name, text: name, ...ACTIVATIONS[name] }))
  }
  const value = constant ?? FAMILIES[name].usual[0]
  if (!(typeof value === 'number' && value >= 0 && value <= LARGEST_CONSTANT)) {
    throw new GradcheckError(
      'bad-network',
      `the ${CONSTANT_NAMES[name]} of ${name} must be a number from 0 to ${LARGEST_CONSTANT}, not ${value}`,
    )
  }
  const text = formatActivation(name, value)
  return remember(text, () => ({ name, text, constant: value, ...FAMILIES[name].create(value) }))
}

function remember(text: ActivationText, create: () => Activation): Activation {
  const known = found.get(text) ?? create()
  found.set(text, known)
  return known
}

function readConstant(text: string, argument: string): number {
  const value = argument.trim() === '' ? Number.NaN : Number(argument)
  if (Number.isFinite(value)) return value
  throw new GradcheckError('bad-network', `"${argument}" in "${text}" is no number`, {
    fix: 'write the constant as in leaky-relu(0.2)',
  })
}

function noSuchConstant(name: ActivationName, given: string): GradcheckError {
  const takes = isParametric(name) ? `its constant is ${CONSTANT_NAMES[name]}` : 'it has no constant'
  return new GradcheckError('bad-network', `${name} does not take ${given}: ${takes}`, {
    fix: 'leaky-relu has a slope, as in leaky-relu(0.2), and elu an alpha, as in elu(1.5)',
  })
}

function isParametric(name: ActivationName): name is ParametricName {
  return name in CONSTANT_NAMES
}

function formatActivation(name: ParametricName, constant: number): ActivationText {
  return constant === FAMILIES[name].usual[0] ? name : `${name}(${constant})`
}

/** True when a change d of z carries z across the kink at 0. */
export function crossesKink(z: number, d: number): boolean {
  return z > 0 !== z + d > 0
}
