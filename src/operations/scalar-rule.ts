/** What happens to a function where a change carries an operand over a special point of it. */
export type Crossing = 'kink' | 'jump' | 'pole' | 'edge'

/** What is at a special point, and where it is, as a sentence goes on. */
export interface SpecialPoint {
  readonly kind: Crossing
  readonly where: string
}

/** Which slope a function has on its kink: that of the left side, of the right side, or their mean. */
export type KinkConvention = 'left' | 'right' | 'mean'

export const KINK_CONVENTIONS: readonly KinkConvention[] = ['left', 'right', 'mean']

/**
 * A function of one to three numbers and its exact difference rule (Rall & Reps' divided-difference arithmetic, with
 * Kahan & Fateman's care for cancellation, 1999).
 */
export interface ScalarRule {
  readonly arity: 1 | 2 | 3
  value(a: number, b: number, c: number): number
  /** How many numbers of the base point the rule reads. */
  readonly constants: number
  /**
   * Writes them from `at` on: what the change needs and single precision could not recover from the operands. They are
   * computed in float64 and rounded once.
   */
  fill(constants: Float64Array, at: number, a: number, b: number, c: number, value: number): void
  /**
   * (f(a + h·s) − f(a))/h from the operands' own changes s, without cancellation but that of the terms themselves; the
   * derivative at h = 0.
   */
  change(constants: Float64Array, at: number, a: number, b: number, c: number, h: number): number
  /** Operands in which the function is linear while the others stay. */
  readonly linearIn: readonly number[]
  /** Its special point, if it has one. */
  readonly special?: SpecialPoint
  /** Whether a change runs over the special point, or starts from it. */
  crosses?(constants: Float64Array, at: number, a: number, b: number, c: number, h: number): boolean
  /** The operand that alone passes a change; undefined where all of them do, or the change crosses. */
  through?(
    constants: Float64Array,
    at: number,
    a: number,
    b: number,
    c: number,
    h: number,
  ): number | undefined
  /** What the terms of ∂/∂(operand) in a short form exceed it by; left out where it is one term. */
  terms?(operand: number, a: number, b: number, c: number, value: number): number
  /**
   * The rule of the shaders that carries the same change, which takes the constants in their own order, and the number
   * that it is told beside its operands: of shaders/rules.wesl, or of shaders/program/rule.wesl.
   */
  readonly shader: string
  readonly parameter?: number
  /** Derivatives that code has in the place of this one, of one operand's function: from z and f(z), and in words. */
  readonly mistakes?: readonly { readonly text: string; slope(z: number, value: number): number }[]
  /** Roundings of a change's terms: a few of plain arithmetic, more where series and divisions take part. */
  readonly roundings: number
}

export const FEW_ROUNDINGS = 3
export const MANY_ROUNDINGS = 8

/** Whether a number stops having its sign on its way along d, or is 0 and moves. */
export const leavesSign = (x: number, d: number) => d !== 0 && (x === 0 || (x > 0 ? x + d <= 0 : x + d >= 0))

/** A function of one number, by the slope of its secant. */
export interface UnaryRule extends Pick<ScalarRule, 'shader' | 'parameter' | 'mistakes'> {
  value(z: number): number
  /**
   * The one constant beside z that single precision could not recover from z: the smaller tail of σ or Φ, or e^z of a
   * negative z.
   */
  tail?(z: number): number
  /** Other constants of the base point than z and the tail: z alone where neither is said. */
  constants?(z: number, value: number): readonly number[]
  /** (f(z + d) − f(z))/d, f′(z) at d = 0, from the constants. */
  secantSlope(x: number, y: number, d: number, w: number): number
  readonly special?: SpecialPoint
  /** Whether a change d runs over the special point, or starts from it. */
  crosses?(x: number, d: number, y: number): boolean
  /** What the terms of the slope in a short form exceed it by, from z and f(z). */
  terms?(z: number, value: number): number
  /** Of a change. @default MANY_ROUNDINGS */
  readonly roundings?: number
}

/** A rule of one operand; up to three constants. */
export function unary({
  shader,
  parameter,
  mistakes,
  value,
  tail,
  constants = tail && ((z) => [z, tail(z)]),
  secantSlope,
  special,
  crosses,
  terms,
  roundings = MANY_ROUNDINGS,
}: UnaryRule): ScalarRule {
  const count = constants?.(0.5, value(0.5)).length ?? 1
  return {
    arity: 1,
    shader,
    ...(parameter === undefined ? {} : { parameter }),
    ...(mistakes === undefined ? {} : { mistakes }),
    value,
    constants: count,
    fill(k, at, z, _b, _c, v) {
      if (constants === undefined) k[at] = z
      else k.set(constants(z, v), at)
    },
    change: (k, at, a, _b, _c, h) =>
      a === 0 ? 0 : a * secantSlope(k[at], count > 1 ? k[at + 1] : 0, h * a, count > 2 ? k[at + 2] : 0),
    linearIn: [],
    roundings,
    ...(terms === undefined ? {} : { terms: (_operand, z, _b, _c, v) => terms(z, v) }),
    ...(special === undefined ? {} : { special }),
    ...(crosses === undefined
      ? {}
      : { crosses: (k, at, a, _b, _c, h) => crosses(k[at], h * a, count > 1 ? k[at + 1] : 0) }),
  }
}

/** A rule of two operands whose constants are the operands themselves. */
export function binary(
  rule: Pick<ScalarRule, 'shader' | 'value' | 'change'> & Partial<Omit<ScalarRule, 'arity'>>,
): ScalarRule {
  return {
    arity: 2,
    constants: 2,
    fill(k, at, a, b) {
      k[at] = a
      k[at + 1] = b
    },
    linearIn: [],
    roundings: FEW_ROUNDINGS,
    ...rule,
  }
}
