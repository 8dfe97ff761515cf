import type { Edge } from '../backward/reverse-pass.js'
import { elementCount } from '../tensor.js'
import { ancestorsOf, type ComputedValue, coneOf, type InputValue, type Program } from './program.js'

/** How one parameter tensor is perturbed. */
export type ParameterPlan =
  /** Its elements, one by one. */
  | { readonly perturbed: 'parameters' }
  /** Values that linear operations make of it. */
  | {
      readonly perturbed: 'outputs'
      readonly moved: readonly MovedValue[]
      /** The ids of those values and of the ones between, from the last to the first. */
      readonly linear: readonly number[]
    }

/** A value whose elements are moved in place of a parameter's. */
export interface MovedValue {
  readonly id: number
  /** Its axis whose elements are moved together as long as they do not mix. */
  readonly laneAxis: number | undefined
}

/** Plans the perturbation of a parameter by counted work. */
export function planParameter(
  program: Program,
  parameter: InputValue,
  choice: 'auto' | 'parameters' | 'outputs',
): ParameterPlan {
  const byParameters: ParameterPlan = { perturbed: 'parameters' }
  if (choice === 'parameters') return byParameters
  const behind = moveBehind(program, parameter.id, new Map())
  if (behind === undefined) return byParameters
  const isCheaper = behind.work <= elementCount(parameter.shape) * workFrom(program, parameter.id)
  if (choice === 'auto' && !isCheaper) return byParameters
  const moved = [...behind.moved].sort((one, other) => one - other)
  return {
    perturbed: 'outputs',
    moved: moved.map((id) => ({ id, laneAxis: chooseLaneAxis(program, id) })),
    linear: [...behind.linear].sort((one, other) => other - one),
  }
}

/** Values that may be moved in place of another, and what that costs. */
interface Substitute {
  readonly work: number
  readonly moved: ReadonlySet<number>
  /** What lies between, the values moved included. */
  readonly linear: ReadonlySet<number>
}

/**
 * The values that take the place of one that is moved: what all the operations make that it enters, as long as each is
 * linear in it; or what takes the place of those.
 * @param known of values that were asked for before
 * @returns undefined where some operation is not
 */
function moveBehind(
  program: Program,
  id: number,
  known: Map<number, Substitute | undefined>,
): Substitute | undefined {
  if (!known.has(id)) known.set(id, findBehind(program, id, known))
  return known.get(id)
}

function findBehind(
  program: Program,
  id: number,
  known: Map<number, Substitute | undefined>,
): Substitute | undefined {
  const edges = listEdges(program, id)
  const isLinear = edges.every(({ user, operand }) => computed(program, user).operation.isLinearIn(operand))
  if (edges.length === 0 || !isLinear) return undefined
  const users = [...new Set(edges.map(({ user }) => user))].map((user): Substitute => {
    const work = workOfMoving(program, user)
    const behind = moveBehind(program, user, known)
    // what several parameters lead to is moved once for all of them, so the last of equal ones
    if (behind === undefined || behind.work > work)
      return { work, moved: new Set([user]), linear: new Set([user]) }
    return { ...behind, linear: new Set([user, ...behind.linear]) }
  })
  return {
    work: users.reduce((sum, user) => sum + user.work, 0),
    moved: new Set(users.flatMap((user) => [...user.moved])),
    linear: new Set(users.flatMap((user) => [...user.linear])),
  }
}

/** Multiply-adds, roughly, of moving all of a value's elements. */
function workOfMoving(program: Program, id: number): number {
  const { shape } = program.values[id]
  const laneAxis = chooseLaneAxis(program, id)
  return (elementCount(shape) / (laneAxis === undefined ? 1 : shape[laneAxis])) * workFrom(program, id)
}

/** The edges by which a value enters operations that the output needs. */
function listEdges(program: Program, id: number): Edge[] {
  const needed = ancestorsOf(program)
  return program.values.flatMap((value) => {
    if (value.kind !== 'computed' || needed[value.id] === 0) return []
    return value.operands.flatMap((from, operand) => (from === id ? [{ user: value.id, operand }] : []))
  })
}

const computed = (program: Program, id: number) => program.values[id] as ComputedValue

/** Multiply-adds, roughly, of carrying one change of a value to the output. */
export function workFrom(program: Program, id: number): number {
  const cone = coneOf(program, [id])
  const needed = ancestorsOf(program)
  let work = 0
  for (const value of program.values) {
    if (value.kind !== 'computed' || value.id === id || cone[value.id] === 0 || needed[value.id] === 0)
      continue
    work += value.operation.work(value.operands.map((operand) => program.values[operand].shape))
  }
  return work
}

/** The axis of a value along which elements stay apart the longest on their way to the output; of several the longest. */
export function chooseLaneAxis(program: Program, id: number): number | undefined {
  const { shape } = program.values[id]
  let best: { axis: number; apart: number } | undefined
  for (const axis of shape.keys()) {
    if (shape[axis] === 1) continue
    const apart = countApart(program, id, axis)
    if (apart === 0) continue
    const isBetter =
      best === undefined || apart > best.apart || (apart === best.apart && shape[axis] > shape[best.axis])
    if (isBetter) best = { axis, apart }
  }
  return best?.axis
}

/** How many operations the lanes along an axis of a value pass before they mix. */
function countApart(program: Program, id: number, axis: number): number {
  const cone = coneOf(program, [id])
  const needed = ancestorsOf(program)
  const lanes = new Map([[id, axis]])
  let count = 0
  for (const value of program.values) {
    if (value.kind !== 'computed' || value.id === id || cone[value.id] === 0 || needed[value.id] === 0)
      continue
    const shapes = value.operands.map((operand) => program.values[operand].shape)
    const lane = value.operation.laneAxis(
      shapes,
      value.operands.map((operand) => lanes.get(operand)),
    )
    if (lane === undefined) return count
    lanes.set(value.id, lane)
    count++
  }
  return count
}
