import type { Scheme } from '../differentiate/evaluator.js'
import { NO_CROSSING } from './changes-at-point.js'

/** Factors of the step asked for: difference arithmetic loses no digits where a smaller step is needed. */
const RUNGS = [1, 1e-3, 1e-6, 1e-9, 1e-12, 1e-20, 1e-40, 1e-80, 1e-160, 1e-250]
/** So many of them every format holds. */
const COARSE_RUNGS = 5
/** Evaluations of a rung: ±h and ±h/2. */
const SIDES = 4
/** Share of the tolerance that truncation may take before a smaller step is used. */
const TRUNCATION_SHARE = 0.25

/** Share of a slope that a settled step may be off by: one that is not small enough is off by all of it. */
const UNSETTLED = 1e-2

/**
 * The signed steps of one derivative, rung by rung: h, −h, h/2, −h/2. The first rung is enough where it settles, and
 * float64 knows some more than single precision does.
 */
export function listSteps(step: number, precision: 'any' | 'double' = 'any'): readonly number[][] {
  const rungs = precision === 'any' ? RUNGS.slice(0, COARSE_RUNGS) : RUNGS
  return rungs.map((factor) => [step * factor, -step * factor, (step * factor) / 2, (-step * factor) / 2])
}

/** A numerical derivative at one point. */
export interface NumericalDerivative {
  readonly value: number
  /** The step it was taken with. */
  readonly step: number
  /** Estimated truncation error, absolute, measured at half the step. */
  readonly truncation: number
  /** What curvature adds to the terms at that step, absolute: they round in proportion to it. */
  readonly curvature: number
  /** The same by the step asked for; undefined where that one runs over a special point. */
  readonly atStep: { readonly value: number; readonly curvature: number } | undefined
  /** The id of the value whose special point the step asked for runs over, or `NO_CROSSING`. */
  readonly near: number
  /** The id of the value on whose special point it sits, or `NO_CROSSING`. */
  readonly on: number
  /** The slopes to the left and to the right, where it sits on a kink and both are finite. */
  readonly oneSided: readonly [number, number] | undefined
}

/** What came out of the steps of one derivative, in the order of `listSteps`: of some rungs or of all. */
export interface StepChanges {
  /** (f(x + h) − f(x))/h */
  readonly slopes: Float64Array
  /** The id of the value that runs over its special point, or `NO_CROSSING`. */
  readonly crossings: Int32Array
}

function measureRungs({ slopes, crossings }: StepChanges, step: number, scheme: Scheme) {
  return Array.from({ length: slopes.length / SIDES }, (_, rung) => {
    const at = SIDES * rung
    const [right, left, halfRight, halfLeft] = slopes.subarray(at, at + SIDES)
    const isCentral = scheme === 'central'
    const value = isCentral ? (right + left) / 2 : right
    const half = isCentral ? (halfRight + halfLeft) / 2 : halfRight
    const truncation = (isCentral ? 4 / 3 : 2) * Math.abs(value - half)
    const curvature = Math.abs(right - left) + truncation
    const crossing = crossings.subarray(at, at + SIDES).find((k) => k !== NO_CROSSING) ?? NO_CROSSING
    return { right, left, value, truncation, curvature, crossing, step: step * RUNGS[rung] }
  })
}

type Rung = ReturnType<typeof measureRungs>[number]

const isClean = ({ crossing, value }: Rung) => crossing === NO_CROSSING && Number.isFinite(value)

/**
 * Whether truncation is small beside the tolerance, and the step no larger than all that the function does around the
 * point: beyond that the secants to both sides may be anything, alike and their halves, too.
 */
const isSmall = ({ truncation, value }: Rung, tolerance: number, slope: number) =>
  truncation <= TRUNCATION_SHARE * tolerance * Math.abs(value) &&
  !(Math.abs(value - slope) > UNSETTLED * (Math.abs(value) + Math.abs(slope)))

/**
 * Whether smaller steps would not be looked at.
 * @param slope the derivative by the rules' own limit, which guides the choice of a step and no more
 */
export function isSettled(
  changes: StepChanges,
  step: number,
  scheme: Scheme,
  tolerance: number,
  slope: number,
): boolean {
  return measureRungs(changes, step, scheme).some((rung) => isClean(rung) && isSmall(rung, tolerance, slope))
}

/**
 * Makes a derivative of the changes by `listSteps`: of the largest step that runs over no special point and whose
 * truncation, measured at half of it, is small beside the tolerance.
 * @param slope as `isSettled` takes it; nothing where it is not known
 */
export function deriveFromChanges(
  changes: StepChanges,
  step: number,
  scheme: Scheme,
  tolerance: number,
  slope = Number.NaN,
): NumericalDerivative {
  const rungs = measureRungs(changes, step, scheme)
  const clean = rungs.filter(isClean)
  const near = rungs[0].crossing
  const atStep = near === NO_CROSSING ? rungs[0] : undefined
  const good = clean.find((rung) => isSmall(rung, tolerance, slope))
  const best = good ?? clean.toSorted((a, b) => a.truncation - b.truncation)[0]
  if (best !== undefined) {
    return { ...pick(best), atStep, near, on: NO_CROSSING, oneSided: undefined }
  }
  const last = rungs[rungs.length - 1]
  const before = rungs[rungs.length - 2]
  const size = Math.abs(last.left) + Math.abs(last.right)
  const hasSettled = (side: 'left' | 'right') => Math.abs(last[side] - before[side]) <= tolerance * size
  return {
    ...pick(last),
    atStep,
    near,
    on: last.crossing,
    oneSided: hasSettled('left') && hasSettled('right') ? [last.left, last.right] : undefined,
  }
}

type Picked = Pick<NumericalDerivative, 'value' | 'step' | 'truncation' | 'curvature'>

const pick = ({ value, step, truncation, curvature }: Picked): Picked => ({
  value,
  step,
  truncation,
  curvature,
})
