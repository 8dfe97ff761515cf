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

/** Perturbations of a value's elements, in groups: an element by itself, or all those along an axis. */
export interface Perturbations {
  /** Of the value. */
  readonly id: number
  /** The axis whose elements are moved together as long as they do not mix; each by itself where undefined. */
  readonly laneAxis: number | undefined
  /** How far to both sides. */
  readonly step: number
  /** The first group, and the one behind the last. */
  readonly from: number
  readonly to: number
}

/** What they do to the output: group by group, lane by lane. */
export interface PerturbedGroups {
  /** Central differences. */
  readonly slopes: Float64Array
  /** How often the two perturbations ran over a special point. */
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
  const { total, lanes } = countGroups(shape, laneAxis)
  const all = { id, laneAxis, step: carrier.roundStep(asked), from: 0, to: total }
  const found = await (carrier.carryGroups?.(shape, all, signal) ?? carryGroups(carrier, shape, all, signal))
  if (found === undefined || laneAxis === undefined) {
    return found && { gradient: found.slopes, crossings: found.crossings }
  }
  const gradient = new Float64Array(total * lanes)
  const crossings = new Uint32Array(total * lanes)
  const inner = elementCount(shape.slice(laneAxis + 1))
  for (let group = 0; group < total; group++) {
    const first = Math.floor(group / inner) * lanes * inner + (group % inner)
    for (let lane = 0; lane < lanes; lane++) {
      gradient[first + lane * inner] = found.slopes[group * lanes + lane]
      crossings[first + lane * inner] = found.crossings[group * lanes + lane]
    }
  }
  return { gradient, crossings }
}

/** How many groups a value's perturbations are, and how many elements each moves. */
export function countGroups(shape: Shape, laneAxis: number | undefined): { total: number; lanes: number } {
  const lanes = laneAxis === undefined ? 1 : shape[laneAxis]
  return { total: elementCount(laneAxis === undefined ? shape : shape.with(laneAxis, 1)), lanes }
}

/** How many groups of a value's perturbations a carrier carries at once. */
export function countAtOnce(
  carrier: ChangeCarrier,
  shape: Shape,
  { id, laneAxis }: Pick<Perturbations, 'id' | 'laneAxis'>,
): number {
  const { lanes } = countGroups(shape, laneAxis)
  return carrier.countAtOnce(id, (count) => ({
    seed: seedOf(shape, 0, count, laneAxis),
    block: { count, lanes },
  }))
}

/**
 * Carries groups of perturbations, as many at once as the carrier may.
 * @param shape of the value
 * @returns undefined where the signal aborts
 */
export async function carryGroups(
  carrier: ChangeCarrier,
  shape: Shape,
  { id, laneAxis, step, from, to }: Perturbations,
  signal?: AbortSignal,
): Promise<PerturbedGroups | undefined> {
  const { lanes } = countGroups(shape, laneAxis)
  const slopes = new Float64Array((to - from) * lanes)
  const crossings = new Uint32Array((to - from) * lanes)
  const slices = new WorkSlices()
  const most = countAtOnce(carrier, shape, { id, laneAxis })
  for (let first = from; first < to; first += most) {
    if (slices.isOver) await slices.pause()
    if (signal?.aborted) return undefined
    const count = Math.min(most, to - first)
    const seed = seedOf(shape, first, count, laneAxis)
    const at = (first - from) * lanes
    for (const sign of [1, -1]) {
      const carried = await carrier.carry(id, seed, { count, lanes }, sign * step, signal)
      if (carried === undefined) return undefined
      for (let k = 0; k < count * lanes; k++) {
        slopes[at + k] += carried.changes[k] / 2
        crossings[at + k] += carried.crossings[k]
      }
    }
  }
  return { slopes, crossings }
}

/**
 * The same for some elements of a value alone, each moved by itself.
 * @param elements their offsets
 */
export async function differentiateElements(
  carrier: ChangeCarrier,
  { id, shape }: Pick<Value, 'id' | 'shape'>,
  asked: number,
  elements: readonly number[],
  signal?: AbortSignal,
): Promise<NumericalGradient | undefined> {
  const step = carrier.roundStep(asked)
  const gradient = new Float64Array(elements.length)
  const crossings = new Uint32Array(elements.length)
  const slices = new WorkSlices()
  const most = countAtOnce(carrier, shape, { id, laneAxis: undefined })
  for (let first = 0; first < elements.length; first += most) {
    if (slices.isOver) await slices.pause()
    if (signal?.aborted) return undefined
    const own = elements.slice(first, first + most)
    const strides = stridesOf(shape)
    const box = shape.map((length, axis) =>
      Int32Array.from(own, (element) => Math.floor(element / strides[axis]) % length),
    )
    const block = { count: own.length, lanes: 1 }
    const seed = { box, laneAxis: undefined }
    for (const sign of [1, -1]) {
      const carried = await carrier.carry(id, seed, block, sign * step, signal)
      if (carried === undefined) return undefined
      for (let k = 0; k < own.length; k++) {
        gradient[first + k] += carried.changes[k] / 2
        crossings[first + k] += carried.crossings[k]
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
