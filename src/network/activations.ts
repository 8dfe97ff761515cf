import { GradcheckError } from '../errors.js'
import { numberNames } from '../gpu/shader-codes.js'
import { gelu, geluSigmoid, geluTanh, silu } from '../operations/gated.js'
import { elu, leakyRelu, relu, selu } from '../operations/rectifiers.js'
import type { UnaryRule } from '../operations/scalar-rule.js'
import { sigmoid, softplus, softsign, tanh } from '../operations/sigmoids.js'
import { fromTail } from '../operations/tails.js'
import { ACTIVATION_WORDS, unknownName } from './vocabulary.js'

export const ACTIVATION_NAMES = [
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
] as const

export type ActivationName = (typeof ACTIVATION_NAMES)[number]

/** `package::activation_codes` of the shaders. */
export const ACTIVATION_CODES = numberNames(ACTIVATION_NAMES)

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
 * holds the changes for the GPU.
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

type Rules = Omit<Activation, 'name' | 'text' | 'constant' | 'code'>

/** What dense layers need of a rule of `src/operations`, and what makes it fast for them. */
function ofRule(
  rule: Omit<UnaryRule, 'shader'>,
  fast: Pick<Rules, 'constantSlope' | 'slopeSeries'> = {},
): Rules {
  const { value, secantSlope } = rule
  const tail = rule.tail ?? (() => 0)
  return {
    hasKink: rule.special?.kind === 'kink',
    value,
    derivative: (z) => secantSlope(z, tail(z), 0, 0),
    tail,
    secantSlope: (z, atBase, d) => secantSlope(z, atBase, d, 0),
    ...fast,
  }
}

const identity: Omit<UnaryRule, 'shader'> = { value: (z) => z, secantSlope: () => 1 }

/** Slope `above` from where z stays above 0, `below` from where it stays at or below. */
const piecewise =
  (above: number, below?: number) =>
  (z: number, reach: number): number | undefined =>
    z > reach ? above : z + reach <= 0 ? below : undefined

const ACTIVATIONS: Record<Exclude<ActivationName, ParametricName>, Rules> = {
  linear: ofRule(identity, { constantSlope: () => 1 }),
  relu: ofRule(relu, { constantSlope: piecewise(1, 0) }),
  selu: ofRule(selu, { constantSlope: piecewise(selu.secantSlope(1, 1, 0, 0)) }),
  sigmoid: ofRule(sigmoid, { slopeSeries: sigmoidSeries }),
  tanh: ofRule(tanh, {
    slopeSeries: (z, tail, coefficients) => {
      sigmoidSeries(2 * z, tail, coefficients)
      for (let k = 0; k < 4; k++) coefficients[k] *= 2 ** (k + 2)
    },
  }),
  softplus: ofRule(softplus, {
    slopeSeries: (z, tail, coefficients) => {
      sigmoidSeries(z, tail, coefficients)
      for (let k = 3; k > 0; k--) coefficients[k] = coefficients[k - 1] / (k + 1)
      coefficients[0] = fromTail(z, tail)
    },
  }),
  softsign: ofRule(softsign),
  silu: ofRule(silu),
  gelu: ofRule(gelu),
  'gelu-tanh': ofRule(geluTanh),
  'gelu-sigmoid': ofRule(geluSigmoid),
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
    create: (slope) => ofRule(leakyRelu(slope), { constantSlope: piecewise(1, slope) }),
  },
  elu: {
    usual: [1, 1.5, 0.5, 2, 0.1],
    create: (alpha) => ofRule(elu(alpha), { constantSlope: piecewise(1) }),
  },
}

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
    return remember(name, () => ({ name, text: name, code: ACTIVATION_CODES[name], ...ACTIVATIONS[name] }))
  }
  const value = constant ?? FAMILIES[name].usual[0]
  if (!(typeof value === 'number' && value >= 0 && value <= LARGEST_CONSTANT)) {
    throw new GradcheckError(
      'bad-network',
      `the ${CONSTANT_NAMES[name]} of ${name} must be a number from 0 to ${LARGEST_CONSTANT}, not ${value}`,
    )
  }
  const text = formatActivation(name, value)
  return remember(text, () => ({
    name,
    text,
    constant: value,
    code: ACTIVATION_CODES[name],
    ...FAMILIES[name].create(value),
  }))
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
