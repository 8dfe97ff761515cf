import { type Derivative, UNSETTLED } from './derivative.js'
import type { Noise } from './noise.js'
import type { Along } from './step-ladder.js'

/** By what the difference between a step's slope and its half's is less than the whole error: 4/3, and room. */
const HALVED = 2

/** The central derivative by one step that was asked for; what it leaves out is measured at half of it. */
export async function deriveAt(
  along: Along,
  x: number,
  base: number,
  noise: Noise,
  step: number,
): Promise<Derivative> {
  const bound = (...values: number[]) =>
    Math.max(noise.bound, ...values.map((value) => noise.relative * Math.abs(value)))
  const sides = async (h: number) => {
    const [above, below] = [x + h, x - h]
    if (!(above > x && below < x)) return undefined
    const [right, left] = [await along(above), await along(below)]
    const half = (above - below) / 2
    return {
      forward: (right - base) / (above - x),
      backward: (base - left) / (x - below),
      central: (right - left) / (2 * half),
      noise: bound(right, left, base) / half,
    }
  }
  const [whole, half] = [await sides(step), await sides(step / 2)]
  const common = { ...UNSETTLED, step }
  if (whole === undefined || half === undefined || !Number.isFinite(whole.central + half.central)) {
    return common
  }
  const value = whole.central
  const error = whole.noise + half.noise + HALVED * Math.abs(whole.central - half.central)
  // what is left of the gap between the one-sided slopes at a step of 0
  const [gap, gapAtHalf] = [whole.forward - whole.backward, half.forward - half.backward]
  const left = Math.abs(2 * gapAtHalf - gap)
  const hidden = 4 * (whole.noise + 2 * half.noise) + 2 * Math.abs(gap - gapAtHalf)
  if (!(left > hidden))
    return { ...common, value, error, witnesses: [[{ value, error }]], noise: whole.noise }
  const toSide = (side: 'forward' | 'backward') => ({
    value: 2 * half[side] - whole[side],
    error: 2 * (whole.noise + 2 * half.noise) + Math.abs(half[side] - whole[side]),
  })
  const [right, leftSide] = [toSide('forward'), toSide('backward')]
  const oneSided = {
    left: leftSide.value,
    right: right.value,
    leftError: leftSide.error,
    rightError: right.error,
  }
  const ofSides = Math.max(leftSide.error, right.error)
  return {
    ...common,
    value,
    error: ofSides,
    witnesses: [[{ value, error: ofSides }]],
    noise: whole.noise,
    oneSided,
  }
}
