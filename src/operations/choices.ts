import { ofRule, ofRules } from './definition.js'
import { binary, FEW_ROUNDINGS, leavesSign, type ScalarRule, unary } from './scalar-rule.js'

// the constant is b − a
function pick(
  shader: string,
  value: (a: number, b: number) => number,
  takesSecond: (difference: number) => boolean,
): ScalarRule {
  const ends = (distance: number, a: number, b: number, h: number) => {
    const end = takesSecond(distance + h * (b - a))
    return { start: distance === 0 ? end : takesSecond(distance), end }
  }
  return binary({
    shader,
    value,
    constants: 1,
    fill(k, at, a, b) {
      k[at] = b - a
    },
    change(k, at, a, b, _c, h) {
      const { start, end } = ends(k[at], a, b, h)
      if (start === end) return end ? b : a
      return end ? k[at] / h + b : a - k[at] / h
    },
    special: { kind: 'kink', where: 'its arguments are equal' },
    crosses(k, at, a, b, _c, h) {
      const { start, end } = ends(k[at], a, b, h)
      return start !== end || (k[at] === 0 && a !== b)
    },
    through(k, at, a, b, _c, h) {
      const { start, end } = ends(k[at], a, b, h)
      return k[at] === 0 || start !== end ? undefined : end ? 1 : 0
    },
  })
}

export const minimum = pick(
  'min',
  (a, b) => Math.min(a, b),
  (difference) => difference < 0,
)
export const maximum = pick(
  'max',
  (a, b) => Math.max(a, b),
  (difference) => difference > 0,
)

/** The second operand where the first is above 0 (inclusive: or is 0), else the third; the constants are a and b − c. */
export function select(inclusive: boolean): ScalarRule {
  const holds = (x: number) => x > 0 || (x === 0 && inclusive)
  // no step leads from a pole to the other side, nor does one of which nothing is known
  const sides = (x: number, d: number) => [holds(x), holds(Number.isFinite(x + d) ? x + d : x)] as const
  return {
    arity: 3,
    shader: 'select',
    parameter: Number(inclusive),
    value: (a, b, c) => (holds(a) ? b : c),
    constants: 2,
    fill(k, at, a, b, c) {
      k[at] = a
      k[at + 1] = b - c
    },
    change(k, at, a, b, c, h) {
      const [start, end] = sides(k[at], h * a)
      if (start === end) return end ? b : c
      return start ? c - k[at + 1] / h : b + k[at + 1] / h
    },
    linearIn: [1, 2],
    roundings: FEW_ROUNDINGS,
    special: { kind: 'jump', where: 'its condition changes' },
    crosses(k, at, a, _b, _c, h) {
      const [start, end] = sides(k[at], h * a)
      return start !== end || leavesSign(k[at], h * a)
    },
    through(k, at, a, _b, _c, h) {
      const [start, end] = sides(k[at], h * a)
      return start === end ? (end ? 1 : 2) : undefined
    },
  }
}

/** A step function: 0 but where it jumps. */
function jump(shader: string, value: (z: number) => number): ScalarRule {
  return unary({
    shader,
    value,
    constants: (z, v) => [z, v],
    secantSlope: (z, v, d) => (leavesSign(z, d) ? (value(z + d) - v) / d : 0),
    special: { kind: 'jump', where: 'its argument is 0' },
    crosses: leavesSign,
    roundings: 0,
  })
}

export const sign = jump('sign', Math.sign)
/** 1 above 0, else 0. */
export const step = jump('step', (z) => (z > 0 ? 1 : 0))

/** The greatest whole number that is not above; the constant is how far its argument is above it. */
const floor = unary({
  shader: 'floor',
  value: Math.floor,
  constants: (z) => [z - Math.floor(z)],
  secantSlope: (above, _y, d) => (d === 0 ? 0 : Math.floor(above + d) / d),
  special: { kind: 'jump', where: 'its argument is a whole number' },
  roundings: 0,
  crosses: (above, d) => d !== 0 && (above === 0 || Math.floor(above + d) !== 0),
})

export const CHOICES = {
  floor: ofRule(1, floor),
  minimum: ofRule(2, minimum),
  maximum: ofRule(2, maximum),
  /** The second operand where the first is above 0 (inclusive: or is 0), else the third. */
  select: ofRules(
    3,
    { inclusive: { rule: 'true or false' } },
    [{}, { attributes: { inclusive: true } }],
    ({ inclusive = false }: { readonly inclusive?: boolean }) => select(inclusive),
  ),
  sign: ofRule(1, sign),
  step: ofRule(1, step),
}
