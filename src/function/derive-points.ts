import { type Cotangents, reversePass } from '../backward/reverse-pass.js'
import { errorsIn, estimateRounding } from '../check/program/program-estimate.js'
import { type Evaluator, unitRoundoffOf } from '../differentiate/evaluator.js'
import { constantsOf, type Elementwise } from '../operations/elementwise.js'
import { MANY_ROUNDINGS } from '../operations/scalar-rule.js'
import { createCpuCarrier } from '../program/carry-changes.js'
import { applicationOf } from '../program/evaluate.js'
import { carryToPoints, type PointChanges } from './carry-to-points.js'
import { ChangesAtPoint, type FormulaChange, findOnSeams, NO_CROSSING } from './changes-at-point.js'
import type { FunctionSettings } from './check-function.js'
import type { BoundFormula } from './lower-formula.js'
import {
  deriveFromChanges,
  isSettled,
  listSteps,
  type NumericalDerivative,
  type StepChanges,
} from './numerical-derivative.js'

/** Numbers outside these are lost in single precision. */
const SMALLEST_SINGLE = 2 ** -126
const LARGEST_SINGLE = 2 ** 127

/** Derivatives below this may have lost digits to underflow in single precision: 2^24 of its smallest normal numbers. */
const SMALLEST_EXACT = 2 ** -102

/** Tolerances that rounding may be estimated to take of a derivative in single precision. */
const MOST_ROUNDING = 1

/** A formula at points, and how it is to be derived there. */
export interface PointsToDerive {
  readonly formula: BoundFormula
  /** Bounds on the errors of every value, in unit roundoffs of float64. */
  readonly errors: readonly Float64Array[]
  /** The ids of the variables to derive by. */
  readonly moved: readonly number[]
  readonly settings: Pick<FunctionSettings, 'step' | 'scheme'> & { readonly tolerance: number }
  readonly evaluator: Evaluator
}

/** A numerical derivative at one point, and what rounding does to it. */
export interface DerivedPoint {
  readonly numerical: NumericalDerivative
  /** Bound on the rounding of the derivative by a step, absolute, from what that step's curvature is. */
  ofRounding(at: { readonly curvature: number }): number
  /** True where single precision does not do, and float64 was asked. */
  readonly isRepeated: boolean
  /** The changes at the point in float64. */
  exactly(): ChangesAtPoint
}

/** The numerical derivatives of a formula at points: those of an evaluator, and of float64 where it takes a closer look. */
export class PointDerivatives {
  readonly #points: PointsToDerive
  readonly #changes: readonly PointChanges[]
  readonly #onSeams: Uint8Array
  /** Slopes at the points by the rules' limits: steps are chosen by them. */
  readonly #cotangents: Cotangents
  /** Points with a number that is none of single precision; none in float64. */
  readonly #beyond: Uint8Array | undefined
  /** Errors of the derivatives by each variable, in the evaluator's precision and in float64. */
  readonly #errors: readonly Float64Array[]
  readonly #errorsInDouble: readonly Float64Array[]
  readonly #walks: (ChangesAtPoint | undefined)[] = []

  private constructor(
    points: PointsToDerive,
    cotangents: Cotangents,
    changes: readonly PointChanges[],
    onSeams: Uint8Array,
  ) {
    const { formula, moved, evaluator } = points
    const { precision } = evaluator
    this.#points = points
    this.#changes = changes
    this.#onSeams = onSeams
    this.#beyond = precision === 'double' ? undefined : findBeyondSingle(formula)
    this.#cotangents = cotangents
    const rounding = estimateRounding(formula, cotangents, moved)
    this.#errors = rounding.map((ofValue) => errorsIn(precision, ofValue))
    this.#errorsInDouble = rounding.map((ofValue) => errorsIn('double', ofValue))
  }

  /** @throws the signal's reason where it aborts; GradcheckError `device-lost` where a device stays lost */
  static async carry(points: PointsToDerive, signal?: AbortSignal): Promise<PointDerivatives> {
    const onSeams = findOnSeams(points.formula, points.errors)
    const cotangents = reversePass(points.formula, { wanted: points.moved })
    const changes = await carryAll(points, cotangents, onSeams, signal)
    return new PointDerivatives(points, cotangents, changes, onSeams)
  }

  /** Changes that were carried. */
  get perturbations(): number {
    const { points } = this.#points.formula
    return this.#changes.reduce((sum, { slopes }) => sum + slopes.length * points.length, 0)
  }

  /**
   * @param d which of the variables
   * @param k which of the points
   */
  derive(d: number, k: number): DerivedPoint {
    const { formula, errors, moved, settings, evaluator } = this.#points
    const { step, scheme, tolerance } = settings
    const exactly = () => {
      this.#walks[k] ??= new ChangesAtPoint(formula, k, errors)
      return this.#walks[k]
    }
    const isSpecial = this.#onSeams[k] !== 0 || this.#changes[d].crossed[k] !== 0
    const limit = slopeAt(this.#cotangents, moved[d], k)
    const inDouble = () =>
      deriveFromChanges(walkSteps(exactly(), moved[d], step), step, scheme, tolerance, limit)
    const carried = pickChanges(this.#changes[d], k)
    const isLost = this.#beyond?.[k] === 1
    let isExact = isSpecial || isLost || !isSettled(carried, step, scheme, tolerance, limit)
    let numerical = isExact ? inDouble() : deriveFromChanges(carried, step, scheme, tolerance, limit)
    if (!isExact && evaluator.precision !== 'double') {
      const slope = () => exactly().carry(moved[d], 0).slope
      isExact = isBeyondSingle(numerical, this.#errors[d][k], tolerance, slope)
      if (isExact) numerical = inDouble()
    }
    const error = (isExact ? this.#errorsInDouble : this.#errors)[d][k]
    const u = unitRoundoffOf(isExact ? 'double' : evaluator.precision)
    return {
      numerical,
      // where a slope is infinite nothing is known of its error
      ofRounding: ({ curvature }) =>
        (Number.isNaN(error) ? Number.POSITIVE_INFINITY : error) + MANY_ROUNDINGS * u * curvature,
      isRepeated: isExact && !isSpecial && evaluator.precision !== 'double',
      exactly,
    }
  }
}

/** The changes by every variable that is derived by: at the first rung of steps, and at all where that does not settle. */
async function carryAll(
  { formula, moved, settings, evaluator }: PointsToDerive,
  cotangents: Cotangents,
  onSeams: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<PointChanges[]> {
  const { step, scheme, tolerance } = settings
  const carrier = evaluator.createCarrier?.(formula) ?? createCpuCarrier(formula)
  const [first, ...others] = listSteps(step)
  try {
    const all: PointChanges[] = []
    for (const variable of moved) {
      const changes = await carryToPoints(carrier, formula, variable, first, signal)
      const isOpen = formula.points.some(
        (_, k) =>
          changes.crossed[k] === 0 &&
          onSeams[k] === 0 &&
          !isSettled(pickChanges(changes, k), step, scheme, tolerance, slopeAt(cotangents, variable, k)),
      )
      if (!isOpen) {
        all.push(changes)
        continue
      }
      const smaller = await carryToPoints(carrier, formula, variable, others.flat(), signal)
      all.push({
        slopes: [...changes.slopes, ...smaller.slopes],
        crossed: changes.crossed.map((mark, k) => mark | smaller.crossed[k]),
      })
    }
    return all
  } finally {
    carrier.dispose()
  }
}

/** The slope by a variable at a point, by the rules' limits; not a number where it is not known. */
const slopeAt = (cotangents: Cotangents, moved: number, k: number) => cotangents[moved]?.[k] ?? Number.NaN

const pickChanges = ({ slopes }: PointChanges, k: number): StepChanges => ({
  slopes: Float64Array.from(slopes, (ofStep) => ofStep[k]),
  crossings: new Int32Array(slopes.length).fill(NO_CROSSING),
})

/** Changes by steps in float64, as far down as steps are no less than its smallest numbers where that matters. */
function walkSteps(exact: ChangesAtPoint, moved: number, step: number): StepChanges {
  const changes: FormulaChange[] = []
  for (const [rung, steps] of listSteps(step, 'double').entries()) {
    const ofRung = steps.map((h) => exact.carry(moved, h))
    // two tell whether a one-sided slope is settled
    if (rung > 1 && ofRung.some(({ isLost }) => isLost)) break
    changes.push(...ofRung)
  }
  return {
    slopes: Float64Array.from(changes, ({ slope }) => slope),
    crossings: Int32Array.from(changes, ({ crossing }) => crossing),
  }
}

/** For each point whether a number that difference arithmetic takes of it is none of single precision. */
function findBeyondSingle(formula: BoundFormula): Uint8Array {
  const found = new Uint8Array(formula.points.length)
  const isLost = (value: number) =>
    Number.isFinite(value) &&
    value !== 0 &&
    (Math.abs(value) < SMALLEST_SINGLE || Math.abs(value) > LARGEST_SINGLE)
  for (const value of formula.program.values) {
    if (value.kind !== 'computed') continue
    const { rule } = value.operation as Elementwise
    const constants = constantsOf(rule, applicationOf(formula, value))
    const values = formula.base[value.id]
    // what depends on no variable is the same at all points
    if (values.length < found.length) continue
    for (const [k, number] of values.entries()) {
      const own = constants.subarray(rule.constants * k, rule.constants * (k + 1))
      if (isLost(number) || own.some(isLost)) found[k] = 1
    }
  }
  return found
}

/**
 * Whether a derivative is beyond single precision: it has overflowed, digits of it have underflowed, or its terms
 * cancel so far that their rounding hides it.
 */
function isBeyondSingle(
  { value, on }: NumericalDerivative,
  rounding: number,
  tolerance: number,
  exact: () => number,
): boolean {
  if (on !== NO_CROSSING) return false
  if (!Number.isFinite(value)) return true
  const isHidden = rounding > MOST_ROUNDING * tolerance * Math.abs(value)
  return (Math.abs(value) < SMALLEST_EXACT || isHidden) && exact() !== 0
}
