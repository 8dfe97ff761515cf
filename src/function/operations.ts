import { findActivation } from '../network/activations.js'
import { expm1Ratio, log1pRatio } from '../operations/exponential.js'

/** What happens to an operation where a change carries its operand over a special point. */
export type Crossing = 'kink' | 'jump' | 'pole' | 'edge'

/** What an operation needs to know of the base point; shaders/function.wesl gets them rounded once to float32. */
export interface Constants {
  readonly x: number
  readonly y: number
  readonly z: number
  /** The operation's value. */
  readonly v: number
}

/** How an operation's value changes, divided by the step that made the change. */
export interface Change {
  readonly slope: number
  /** True when the change runs over the operation's special point, or starts from it. */
  readonly crosses: boolean
  /** The operand that alone passes a change; undefined where all of them do. */
  readonly through?: number
}

/** An operation of formulas: its value, and its exact difference rule. */
export interface Operation {
  /** Its number in shaders/function.wesl. */
  readonly code: number
  /** What is at its special point, if it has one. */
  readonly crossing?: Crossing
  /** Where its special point is, as a sentence goes on. */
  readonly where?: string
  /** The value at operands a, b, c. */
  value(a: number, b: number, c: number, parameter: number): number
  /** x, y, z of {@link Constants}. */
  constants(a: number, b: number, c: number, v: number, parameter: number): [number, number, number]
  /**
   * The change divided by the step h, from the operands' own changes divided by h: no cancellation but that of the
   * terms themselves, and f′ at h = 0.
   */
  change(k: Constants, a: number, b: number, c: number, h: number, parameter: number): Change
}

export type OperationName =
  | 'add'
  | 'subtract'
  | 'negate'
  | 'multiply'
  | 'divide'
  | 'integer-power'
  | 'real-power'
  | 'cube-root'
  | 'power'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sqrt'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'relu'
  | 'abs'
  | 'sign'
  | 'step'
  | 'min'
  | 'max'
  | 'select'

/** Operations that take one of two slopes: which one is decided where their first constant is 0. */
export const SWITCHES: ReadonlySet<OperationName> = new Set(['relu', 'abs', 'min', 'max', 'select'])

const sigmoid = findActivation('sigmoid')
const tanh = findActivation('tanh')
const softplus = findActivation('softplus')

/** Exponents up to this are multiplied out where the base may change its sign. */
export const HIGHEST_INTEGER_POWER = 1024
/** Up to this they always are. */
const LOW_POWER = 16
/** Changes beyond this are taken from the two ends. */
const FAR = 1

const none: [number, number, number] = [0, 0, 0]
const smooth = (slope: number): Change => ({ slope, crosses: false })
const heaviside = (x: number) => (x > 0 ? 1 : 0)

/** sin(x)/x */
const sineRatio = (x: number) => (x === 0 ? 1 : Math.sin(x) / x)
/** sinh(x)/x */
const hyperbolicSineRatio = (x: number) => (x === 0 ? 1 : Math.sinh(x) / x)
const atanRatio = (x: number) => (x === 0 ? 1 : Math.atan(x) / x)

/** Δ ln of a base that changes at rate a, divided by h. */
const logChange = (base: number, a: number, h: number) => (log1pRatio((h * a) / base) * a) / base

/** Δe^w, divided by h, where w changes at rate w and e^w is `scale` at the base point. */
const expChange = (scale: number, w: number, h: number) => (w === 0 ? 0 : scale * expm1Ratio(h * w) * w)

/** Whether a positive number stops being so on its way along d, or is 0 and moves. */
const leavesSign = (x: number, d: number) => d !== 0 && (x === 0 || (x > 0 ? x + d <= 0 : x + d >= 0))

/** (|n|-th power's change)/(its base's): Σ base^k·end^(n−1−k). */
function powerSum(base: number, end: number, n: number): number {
  let sum = 1
  let power = 1
  for (let k = 1; k < n; k++) {
    power *= base
    sum = sum * end + power
  }
  return sum
}

/** Picks the operand that the least (or greatest) value comes from, before and after the change. */
function pickChange(isMax: boolean, distance: number, a: number, b: number, h: number): Change {
  const takesSecond = (difference: number) => (isMax ? difference > 0 : difference < 0)
  const isTie = distance === 0
  const after = distance + h * (b - a)
  const end = takesSecond(after)
  const start = isTie ? end : takesSecond(distance)
  const slope = start === end ? (end ? b : a) : end ? distance / h + b : a - distance / h
  return {
    slope,
    crosses: start !== end || (isTie && a !== b),
    ...(isTie || start !== end ? {} : { through: end ? 1 : 0 }),
  }
}

/**
 * Every operation that a formula is made of. The difference rules are Rall & Reps' divided-difference arithmetic
 * with Kahan & Fateman's care for cancellation (1999); shaders/function_rules.wesl holds the same.
 */
export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  add: {
    code: 2,
    value: (a, b) => a + b,
    constants: () => none,
    change: (_, a, b) => smooth(a + b),
  },
  subtract: {
    code: 3,
    value: (a, b) => a - b,
    constants: () => none,
    change: (_, a, b) => smooth(a - b),
  },
  negate: {
    code: 4,
    value: (a) => -a,
    constants: () => none,
    change: (_, a) => smooth(-a),
  },
  // Δ(ab) = Δa·b′ + a·Δb
  multiply: {
    code: 5,
    value: (a, b) => a * b,
    constants: (a, b) => [a, b, 0],
    change: (k, a, b, _c, h) => smooth(a * (k.y + h * b) + k.x * b),
  },
  // Δ(a/b) = (Δa − (a/b)·Δb)/b′
  divide: {
    code: 6,
    crossing: 'pole',
    where: 'its divisor is 0',
    value: (a, b) => a / b,
    constants: (_a, b) => [b, 0, 0],
    change: (k, a, b, _c, h) => ({
      slope: (a - k.v * b) / (k.x + h * b),
      crosses: leavesSign(k.x, h * b),
    }),
  },
  // Δaⁿ = Δa·Σ aᵏ·a′ⁿ⁻¹⁻ᵏ; high powers of a base that changes little go by logarithms
  'integer-power': {
    code: 7,
    value: (a, _b, _c, n) => (n === 2 ? a * a : a ** n),
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h, n) => {
      const ratio = (h * a) / k.x
      if (n > LOW_POWER && ratio > -0.5 && ratio < 1) {
        return smooth(expChange(k.v, n * logChange(k.x, a, h), h))
      }
      return smooth(a * powerSum(k.x, k.x + h * a, n))
    },
  },
  // Δaᵖ = aᵖ·expm1(p·log1p(Δa/a))
  'real-power': {
    code: 8,
    crossing: 'edge',
    where: 'its base is 0',
    value: (a, _b, _c, p) => a ** p,
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h, p) => ({
      slope: expChange(k.v, p * logChange(k.x, a, h), h),
      crosses: leavesSign(k.x, h * a),
    }),
  },
  'cube-root': {
    code: 8,
    crossing: 'edge',
    where: 'its argument is 0 and its slope infinite',
    value: (a) => Math.cbrt(a),
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => ({
      slope: expChange(k.v, logChange(k.x, a, h) / 3, h),
      crosses: leavesSign(k.x, h * a),
    }),
  },
  // aᵇ = e^(b·ln a)
  power: {
    code: 9,
    crossing: 'edge',
    where: 'its base is 0',
    value: (a, b) => a ** b,
    constants: (a, b) => [a, b, a > 0 ? Math.log(a) : 0],
    change: (k, a, b, _c, h) => {
      const ofLog = a === 0 ? 0 : logChange(k.x, a, h)
      return {
        slope: expChange(k.v, b * k.z + (k.y + h * b) * ofLog, h),
        crosses: leavesSign(k.x, h * a) || (b !== 0 && k.x <= 0),
      }
    },
  },
  exp: {
    code: 10,
    value: Math.exp,
    constants: (_a, _b, _c, v) => [v, 0, 0],
    change: (k, a, _b, _c, h) => smooth(expChange(k.x, a, h)),
  },
  expm1: {
    code: 10,
    value: Math.expm1,
    constants: (a) => [Math.exp(a), 0, 0],
    change: (k, a, _b, _c, h) => smooth(expChange(k.x, a, h)),
  },
  log: {
    code: 11,
    crossing: 'edge',
    where: 'its argument is 0',
    value: Math.log,
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => ({
      slope: a === 0 ? 0 : logChange(k.x, a, h),
      crosses: leavesSign(k.x, h * a),
    }),
  },
  log1p: {
    code: 11,
    crossing: 'edge',
    where: 'its argument is −1',
    value: Math.log1p,
    constants: (a) => [1 + a, 0, 0],
    change: (k, a, _b, _c, h) => ({
      slope: a === 0 ? 0 : logChange(k.x, a, h),
      crosses: leavesSign(k.x, h * a),
    }),
  },
  // Δ√a = Δa/(√a + √a′)
  sqrt: {
    code: 12,
    crossing: 'edge',
    where: 'its argument is 0 and its slope infinite',
    value: Math.sqrt,
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => ({
      slope: a === 0 ? 0 : a / (k.v + Math.sqrt(k.x + h * a)),
      crosses: leavesSign(k.x, h * a),
    }),
  },
  // Δsin a = 2·cos(a + Δa/2)·sin(Δa/2)
  sin: {
    code: 13,
    value: Math.sin,
    constants: (a) => [Math.cos(a), 0, 0],
    change: (k, a, _b, _c, h) => {
      const half = (h * a) / 2
      return smooth(a * sineRatio(half) * (k.x * Math.cos(half) - k.v * Math.sin(half)))
    },
  },
  // −sin(a + Δa/2) for cos(a + Δa/2): the same with −sin a for cos a
  cos: {
    code: 13,
    value: Math.cos,
    constants: (a) => [-Math.sin(a), 0, 0],
    change: (k, a, _b, _c, h) => {
      const half = (h * a) / 2
      return smooth(a * sineRatio(half) * (k.x * Math.cos(half) - k.v * Math.sin(half)))
    },
  },
  // Δtan a = sin(Δa)/(cos a·cos a′)
  tan: {
    code: 14,
    crossing: 'pole',
    where: 'the cosine of its argument is 0',
    value: Math.tan,
    constants: (a) => [Math.cos(a), Math.sin(a), 0],
    change: (k, a, _b, _c, h) => {
      const d = h * a
      const end = k.x * Math.cos(d) - k.y * Math.sin(d)
      return {
        slope: (a * sineRatio(d)) / (k.x * end),
        crosses: d !== 0 && (k.x > 0 !== end > 0 || Math.abs(d) >= Math.PI),
      }
    },
  },
  // Δatan a = atan(Δa/(1 + a·a′)), and π more where a·a′ ≤ −1
  atan: {
    code: 15,
    value: Math.atan,
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => {
      const d = h * a
      const divisor = 1 + k.x * (k.x + d)
      if (divisor > 0) return smooth((a * atanRatio(d / divisor)) / divisor)
      return smooth((Math.sign(d) * Math.PI + Math.atan(d / divisor)) / h)
    },
  },
  // 2·cosh(a + Δa/2)·sinh(Δa/2); far, the two ends
  sinh: {
    code: 16,
    value: Math.sinh,
    constants: (a) => [Math.cosh(a), a, 0],
    change: (k, a, _b, _c, h) => {
      const d = h * a
      if (Math.abs(d) > FAR) return smooth((Math.sinh(k.y + d) - k.v) / h)
      return smooth(a * hyperbolicSineRatio(d / 2) * (k.x * Math.cosh(d / 2) + k.v * Math.sinh(d / 2)))
    },
  },
  cosh: {
    code: 17,
    value: Math.cosh,
    constants: (a) => [Math.sinh(a), a, 0],
    change: (k, a, _b, _c, h) => {
      const d = h * a
      if (Math.abs(d) > FAR) return smooth((Math.cosh(k.y + d) - k.v) / h)
      return smooth(a * hyperbolicSineRatio(d / 2) * (k.x * Math.cosh(d / 2) + k.v * Math.sinh(d / 2)))
    },
  },
  tanh: {
    code: 18,
    value: tanh.value,
    constants: (a) => [a, tanh.tail(a), 0],
    change: (k, a, _b, _c, h) => smooth(a * tanh.secantSlope(k.x, k.y, h * a)),
  },
  sigmoid: {
    code: 19,
    value: sigmoid.value,
    constants: (a) => [a, sigmoid.tail(a), 0],
    change: (k, a, _b, _c, h) => smooth(a * sigmoid.secantSlope(k.x, k.y, h * a)),
  },
  softplus: {
    code: 20,
    value: softplus.value,
    constants: (a) => [a, softplus.tail(a), 0],
    change: (k, a, _b, _c, h) => smooth(a * softplus.secantSlope(k.x, k.y, h * a)),
  },
  relu: {
    code: 21,
    crossing: 'kink',
    where: 'its argument is 0',
    value: (a) => Math.max(a, 0),
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => {
      const end = k.x + h * a
      const crosses = leavesSign(k.x, h * a)
      if (!crosses) return smooth(k.x > 0 ? a : 0)
      return { slope: k.x > 0 ? -k.x / h : end > 0 ? k.x / h + a : 0, crosses }
    },
  },
  abs: {
    code: 22,
    crossing: 'kink',
    where: 'its argument is 0',
    value: Math.abs,
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => {
      const crosses = leavesSign(k.x, h * a)
      if (!crosses) return smooth(k.x < 0 ? -a : a)
      return { slope: (Math.abs(k.x + h * a) - k.v) / h, crosses }
    },
  },
  sign: {
    code: 23,
    crossing: 'jump',
    where: 'its argument is 0',
    value: Math.sign,
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => {
      const crosses = leavesSign(k.x, h * a)
      return { slope: crosses ? (Math.sign(k.x + h * a) - k.v) / h : 0, crosses }
    },
  },
  step: {
    code: 24,
    crossing: 'jump',
    where: 'its argument is 0',
    value: heaviside,
    constants: (a) => [a, 0, 0],
    change: (k, a, _b, _c, h) => {
      const crosses = leavesSign(k.x, h * a)
      return { slope: crosses ? (heaviside(k.x + h * a) - k.v) / h : 0, crosses }
    },
  },
  min: {
    code: 25,
    crossing: 'kink',
    where: 'its arguments are equal',
    value: (a, b) => Math.min(a, b),
    constants: (a, b) => [b - a, 0, 0],
    change: (k, a, b, _c, h) => pickChange(false, k.x, a, b, h),
  },
  max: {
    code: 26,
    crossing: 'kink',
    where: 'its arguments are equal',
    value: (a, b) => Math.max(a, b),
    constants: (a, b) => [b - a, 0, 0],
    change: (k, a, b, _c, h) => pickChange(true, k.x, a, b, h),
  },
  // the second operand where the first is above 0 (with parameter 1: or is 0), else the third
  select: {
    code: 27,
    crossing: 'jump',
    where: 'its condition changes',
    value: (a, b, c, inclusive) => (a > 0 || (a === 0 && inclusive === 1) ? b : c),
    constants: (a, b, c) => [a, b - c, 0],
    change: (k, a, b, c, h, inclusive) => {
      const holds = (x: number) => x > 0 || (x === 0 && inclusive === 1)
      const start = holds(k.x)
      const end = holds(k.x + h * a)
      if (start === end) {
        return { slope: end ? b : c, crosses: leavesSign(k.x, h * a), through: end ? 1 : 2 }
      }
      return { slope: start ? c - k.y / h : b + k.y / h, crosses: true }
    },
  },
}
