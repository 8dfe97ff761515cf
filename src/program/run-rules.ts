import { isArithmetic } from '../operations/contraction.js'
import { expm1Ratio } from '../operations/exponential.js'
import { gelu, geluTanh, silu } from '../operations/gated.js'
import type { ReadChange, RuleKernel } from '../operations/kernels.js'
import { meanDensityRatio, normalDensity, SMALL_STEP } from '../operations/normal-distribution.js'
import type { ScalarRule } from '../operations/scalar-rule.js'
import { sigmoidSecantSlope } from '../operations/sigmoids.js'
import type { Run } from './run-kernels.js'

/** The numbers of an operand's change. */
interface Change {
  readonly data: Float64Array
  /** For each perturbation. */
  readonly size: number
  /** Which of them stands behind each element. */
  readonly order: Int32Array
}

/** A rule that is run: element e of perturbation p has its constants at `starts[p] + inner[e]`. */
interface RuleRun {
  readonly count: number
  readonly constants: Float64Array
  /** Constants of an element. */
  readonly width: number
  readonly starts: Int32Array
  readonly inner: Int32Array
  readonly a: Change
  readonly b: Change
  readonly step: number
  readonly result: Float64Array
}

const NOTHING = new Float64Array(1)

/** Runs a scalar rule at every element of a box, for every perturbation. */
export function runRule(
  { launch, step, read, crossings }: Run,
  kernel: RuleKernel,
  result: Float64Array,
): void {
  const { rule, constants, place, operands, lanes } = kernel
  const { count } = launch.block
  const size = place.inner.length
  const none = new Int32Array(size)
  const take = (change: ReadChange | undefined): Change =>
    change === undefined
      ? { data: NOTHING, size: 0, order: none }
      : { data: read(change.from), size: change.size, order: change.order }
  const moving = operands.flatMap((change, k) => (change === undefined ? [] : [k]))
  if (moving.length === 1 && rule.linearIn.includes(moving[0])) {
    runLinear(kernel, moving[0], take(operands[moving[0]]), count, result)
    return
  }
  const [a, b, c] = [0, 1, 2].map((k) => take(operands[k]))
  const { starts, inner } = place
  const loop = moving.length === rule.arity ? loopOf(rule) : undefined
  if (loop !== undefined) {
    loop({ count, constants, width: rule.constants, starts, inner, a, b, step, result })
    return
  }
  const change = (p: number, e: number) => {
    const at = rule.constants * (starts[p] + inner[e])
    const sa = a.data[p * a.size + a.order[e]]
    const sb = b.data[p * b.size + b.order[e]]
    const sc = c.data[p * c.size + c.order[e]]
    result[p * size + e] = rule.change(constants, at, sa, sb, sc, step)
    if (rule.crosses?.(constants, at, sa, sb, sc, step)) {
      crossings[p * lanes.count + (Math.floor(e / lanes.apart) % lanes.count)]++
    }
  }
  if (rule.shader === 'relu') {
    carryRelu({ count, constants, width: rule.constants, starts, inner, a, b, step, result }, change)
    return
  }
  for (let p = 0; p < count; p++) for (let e = 0; e < size; e++) change(p, e)
}

/** What stays on its side of 0 passes, or does not. */
function carryRelu(
  { count, constants, starts, inner, a, step, result }: RuleRun,
  change: (p: number, e: number) => void,
): void {
  const { data, order } = a
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      const before = constants[start + inner[e]]
      const after = before + step * s
      if (before > 0 && after > 0) result[to + e] = s
      else if (before < 0 && after < 0) result[to + e] = 0
      else change(p, e)
    }
  }
}

/** Of one operand that a rule is linear in, the others as they are: a factor for each element. */
function runLinear(
  { rule, constants, values, place }: RuleKernel,
  operand: number,
  { data, size, order }: Change,
  count: number,
  result: Float64Array,
): void {
  const { starts, inner } = place
  const [a, b, c] = [0, 1, 2].map((k) => (k === operand ? 1 : 0))
  const known = FACTORS.get(values) ?? []
  FACTORS.set(values, known)
  if (known[operand] === undefined) {
    const factors = values.map((_, k) => rule.change(constants, rule.constants * k, a, b, c, 0))
    known[operand] = factors.every((factor) => factor === 1) ? null : factors
  }
  const factors = known[operand]
  const length = order.length
  const isPlain = size === length && isArithmetic(order, 1)
  if (factors === null) {
    if (isPlain) result.set(data)
    else {
      for (let p = 0; p < count; p++) {
        const [from, to] = [p * size, p * length]
        for (let e = 0; e < length; e++) result[to + e] = data[from + order[e]]
      }
    }
    return
  }
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * size, p * length, starts[p]]
    if (isPlain) {
      for (let e = 0; e < length; e++) result[to + e] = data[from + e] * factors[start + inner[e]]
    } else {
      for (let e = 0; e < length; e++) result[to + e] = data[from + order[e]] * factors[start + inner[e]]
    }
  }
}

/** Of each value's rule by its operands: made once; null where all of them are 1. */
const FACTORS = new WeakMap<Float64Array, (Float64Array | null | undefined)[]>()

/**
 * The loop of a rule that many programs spend their time in; undefined of others, whose rules are called. Each is a
 * loop of its own, so that the rule becomes part of it: calling one of many functions for each element costs several
 * times what most of them do, and hands every number over in an object.
 */
export function loopOf({ shader, parameter }: ScalarRule): ((run: RuleRun) => void) | undefined {
  switch (shader) {
    case 'add':
      return carryAdd
    case 'subtract':
      return carrySubtract
    case 'multiply':
      return carryMultiply
    case 'sigmoid':
      return carrySigmoid
    case 'tanh':
      return carryTanh
    case 'silu':
      return carrySilu
    case 'gelu':
      return carryGelu
    case 'gelu-tanh':
      return carryGeluTanh
    case 'exp':
      return carryExp
    case 'integer-power':
      return parameter === 2 ? carrySquare : undefined
    default:
      return undefined
  }
}

function carryAdd({ count, inner, a, b, result }: RuleRun): void {
  const size = inner.length
  for (let p = 0; p < count; p++) {
    const [fromA, fromB, to] = [p * a.size, p * b.size, p * size]
    for (let e = 0; e < size; e++) {
      result[to + e] = a.data[fromA + a.order[e]] + b.data[fromB + b.order[e]]
    }
  }
}

function carrySubtract({ count, inner, a, b, result }: RuleRun): void {
  const size = inner.length
  for (let p = 0; p < count; p++) {
    const [fromA, fromB, to] = [p * a.size, p * b.size, p * size]
    for (let e = 0; e < size; e++) {
      result[to + e] = a.data[fromA + a.order[e]] - b.data[fromB + b.order[e]]
    }
  }
}

function carryMultiply({ count, constants, starts, inner, a, b, step, result }: RuleRun): void {
  const size = inner.length
  for (let p = 0; p < count; p++) {
    const [fromA, fromB, to, start] = [p * a.size, p * b.size, p * size, starts[p]]
    for (let e = 0; e < size; e++) {
      const [sa, sb] = [a.data[fromA + a.order[e]], b.data[fromB + b.order[e]]]
      const at = 2 * (start + inner[e])
      result[to + e] = sa * (constants[at + 1] + step * sb) + constants[at] * sb
    }
  }
}

function carrySigmoid({ count, constants, width, starts, inner, a, step, result }: RuleRun): void {
  const { data, order } = a
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      const at = width * (start + inner[e])
      result[to + e] = s === 0 ? 0 : s * sigmoidSecantSlope(constants[at], constants[at + 1], step * s)
    }
  }
}

function carryTanh({ count, constants, width, starts, inner, a, step, result }: RuleRun): void {
  const { data, order } = a
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      const at = width * (start + inner[e])
      result[to + e] =
        s === 0 ? 0 : 4 * s * sigmoidSecantSlope(2 * constants[at], constants[at + 1], 2 * step * s)
    }
  }
}

function carrySilu({ count, constants, width, starts, inner, a, step, result }: RuleRun): void {
  const { data, order } = a
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      const at = width * (start + inner[e])
      result[to + e] = s === 0 ? 0 : s * silu.secantSlope(constants[at], constants[at + 1], step * s, 0)
    }
  }
}

/** The slope of Φ is that at the base point, e^(−z·d/2 − d²/8) times that, and a little more. */
function carryGelu({ count, constants, starts, inner, a, step, result }: RuleRun): void {
  const { data, order } = a
  const densities = densitiesOf(constants)
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      if (s === 0) {
        result[to + e] = 0
        continue
      }
      const k = start + inner[e]
      const z = constants[2 * k]
      const tail = constants[2 * k + 1]
      const d = step * s
      if (d > SMALL_STEP || d < -SMALL_STEP || z * d > SMALL_STEP || z * d < -SMALL_STEP) {
        result[to + e] = s * gelu.secantSlope(z, tail, d, 0)
        continue
      }
      const x = -d * (z / 2 + d / 8)
      const ratio = 1 + x * (1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120)))))
      const slope = densities[k] * ratio * meanDensityRatio(z + d / 2, d)
      result[to + e] = s * ((z >= 0 ? 1 - tail : tail) + (z + d) * slope)
    }
  }
}

/** φ(z) of each element of a normal distribution's constants, made once. */
function densitiesOf(constants: Float64Array): Float64Array {
  const known = DENSITIES.get(constants)
  if (known !== undefined) return known
  const densities = new Float64Array(constants.length / 2)
  for (let k = 0; k < densities.length; k++) densities[k] = normalDensity(constants[2 * k])
  DENSITIES.set(constants, densities)
  return densities
}

const DENSITIES = new WeakMap<Float64Array, Float64Array>()

function carryGeluTanh({ count, constants, width, starts, inner, a, step, result }: RuleRun): void {
  const { data, order } = a
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      const at = width * (start + inner[e])
      result[to + e] = s === 0 ? 0 : s * geluTanh.secantSlope(constants[at], constants[at + 1], step * s, 0)
    }
  }
}

function carryExp({ count, constants, width, starts, inner, a, step, result }: RuleRun): void {
  const { data, order } = a
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      const at = width * (start + inner[e])
      result[to + e] = s === 0 ? 0 : s * (constants[at] * expm1Ratio(step * s))
    }
  }
}

function carrySquare({ count, constants, width, starts, inner, a, step, result }: RuleRun): void {
  const { data, order } = a
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * a.size, p * order.length, starts[p]]
    for (let e = 0; e < order.length; e++) {
      const s = data[from + order[e]]
      const at = width * (start + inner[e])
      result[to + e] = s === 0 ? 0 : s * (2 * constants[at] + step * s)
    }
  }
}
