import { WorkSlices } from '../differentiate/work-slices.js'
import type { Box, Form } from '../operations/change.js'
import { elementCount } from '../tensor.js'
import type { ChangeCarrier } from './carry-changes.js'
import type { Value } from './program.js'
import { type Shape, stridesOf } from './shapes.js'

/** Central differences of the loss by the elements of a value. */
export interface NumericalGradient {
  readonly gradient: Float64Array
  /** How often the two perturbations of each element ran over a special point. */
  readonly crossings: Uint32Array
}

/**
 * (J(u + t·e) − J(u − t·e))/2t for every element e of a value, by difference arithmetic.
 * @param laneAxis the axis whose elements are moved together as long as they do not mix; each by itself where undefined
 * @returns undefined where the signal aborts
 */
export async function differentiateValue(
  carrier: ChangeCarrier,
  { id, shape }: Pick<Value, 'id' | 'shape'>,
  asked: number,
  laneAxis: number | undefined,
  signal?: AbortSignal,
): Promise<NumericalGradient | undefined> {
  const step = carrier.roundStep(asked)
  const size = elementCount(shape)
  const gradient = new Float64Array(size)
  const crossings = new Uint32Array(size)
  const lanes = laneAxis === undefined ? 1 : shape[laneAxis]
  const groups = laneAxis === undefined ? shape : shape.with(laneAxis, 1)
  const total = size / lanes
  const slices = new WorkSlices()
  const most = carrier.countAtOnce(id, (count) => ({
    seed: seedOf(shape, 0, count, laneAxis),
    block: { count, lanes },
  }))
  for (let from = 0; from < total; from += most) {
    if (slices.isOver) await slices.pause()
    if (signal?.aborted) return undefined
    const count = Math.min(most, total - from)
    const seed = seedOf(shape, from, count, laneAxis)
    for (const sign of [1, -1]) {
      const carried = await carrier.carry(id, seed, { count, lanes }, sign * step, signal)
      if (carried === undefined) return undefined
      for (let p = 0; p < count; p++) {
        for (let lane = 0; lane < lanes; lane++) {
          const offset = offsetOf(groups, shape, from + p, lane, laneAxis)
          gradient[offset] += carried.changes[p * lanes + lane] / 2
          crossings[offset] += carried.crossings[p * lanes + lane]
        }
      }
    }
  }
  return { gradient, crossings }
}

/**
 * The form in which `count` perturbations, from number `from` on, move one element each, or one at each index of an axis.
 * @param laneAxis that axis
 */
export function seedOf(shape: Shape, from: number, count: number, laneAxis: number | undefined): Form {
  const groups = laneAxis === undefined ? shape : shape.with(laneAxis, 1)
  const strides = stridesOf(groups)
  const box: Box = shape.map((_, axis) =>
    axis === laneAxis
      ? undefined
      : Int32Array.from({ length: count }, (_, p) => Math.floor((from + p) / strides[axis]) % groups[axis]),
  )
  return { box, laneAxis }
}

/** Where the element stands that perturbation `group` moves at a lane. */
function offsetOf(
  groups: Shape,
  shape: Shape,
  group: number,
  lane: number,
  laneAxis: number | undefined,
): number {
  if (laneAxis === undefined) return group
  const inner = elementCount(groups.slice(laneAxis + 1))
  return (Math.floor(group / inner) * shape[laneAxis] + lane) * inner + (group % inner)
}
