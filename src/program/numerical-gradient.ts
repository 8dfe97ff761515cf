import type { Block, Box, Change } from '../operations/change.js'
import { elementCount } from '../tensor.js'
import type { ChangeCarrier } from './carry-changes.js'
import type { Value } from './program.js'
import { type Shape, stridesOf } from './shapes.js'

/** Perturbations of one sign that are carried at once, by how many numbers hold the changes of one value. */
const BLOCK_NUMBERS = 2 ** 16

/** Central differences of the loss by the elements of a value. */
export interface NumericalGradient {
  readonly gradient: Float64Array
  /** How often the two perturbations of each element ran over a special point. */
  readonly crossings: Uint32Array
}

/**
 * (J(u + t·e) − J(u − t·e))/2t for every element e of a value, by difference arithmetic.
 * @param laneAxis the axis whose elements are moved together as long as they do not mix; each by itself where undefined
 */
export function differentiateValue(
  carrier: ChangeCarrier,
  { id, shape }: Pick<Value, 'id' | 'shape'>,
  step: number,
  laneAxis: number | undefined,
): NumericalGradient {
  const size = elementCount(shape)
  const gradient = new Float64Array(size)
  const crossings = new Uint32Array(size)
  const lanes = laneAxis === undefined ? 1 : shape[laneAxis]
  const groups = laneAxis === undefined ? shape : shape.with(laneAxis, 1)
  const count = size / lanes
  const most = Math.max(1, Math.floor(BLOCK_NUMBERS / size))
  for (let from = 0; from < count; from += most) {
    const part = Math.min(most, count - from)
    for (const sign of [1, -1]) {
      const block: Block = {
        count: part,
        lanes,
        steps: new Float64Array(part).fill(sign * step),
        crossings: new Uint32Array(part * lanes),
      }
      const seed = seedOf(groups, shape, from, part, lanes, laneAxis)
      const changes = carrier.carry(id, seed, block)
      for (let p = 0; p < part; p++) {
        for (let lane = 0; lane < lanes; lane++) {
          const offset = offsetOf(groups, shape, from + p, lane, laneAxis)
          gradient[offset] += changes[p * lanes + lane] / 2
          crossings[offset] += block.crossings[p * lanes + lane]
        }
      }
    }
  }
  return { gradient, crossings }
}

function seedOf(
  groups: Shape,
  shape: Shape,
  from: number,
  count: number,
  lanes: number,
  laneAxis: number | undefined,
): Change {
  const strides = stridesOf(groups)
  const box: Box = shape.map((_, axis) =>
    axis === laneAxis
      ? undefined
      : Int32Array.from({ length: count }, (_, p) => Math.floor((from + p) / strides[axis]) % groups[axis]),
  )
  return { box, data: new Float64Array(count * lanes).fill(1), laneAxis }
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
