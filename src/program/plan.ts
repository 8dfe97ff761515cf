import type { Edge } from '../backward/reverse-pass.js'
import { elementCount } from '../tensor.js'
import { ancestorsOf, type ComputedValue, coneOf, type InputValue, type Program } from './program.js'

/** How one parameter tensor is perturbed. */
export type ParameterPlan =
  /** Its elements, one by one. */
  | { readonly perturbed: 'parameters' }
  /** What the operations make that it enters, each of which is linear in it. */
  | { readonly perturbed: 'outputs'; readonly edges: readonly PlannedEdge[] }

/** An edge by which a parameter enters the program. */
export interface PlannedEdge extends Edge {
  /** The axis of the operation's result whose elements are moved together as long as they do not mix. */
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
  const edges = listEdges(program, parameter.id)
  const isLinear = edges.every(({ user, operand }) => computed(program, user).operation.isLinearIn(operand))
  if (!isLinear) return byParameters
  const planned = edges.map((edge) => ({ ...edge, laneAxis: chooseLaneAxis(program, edge.user) }))
  const work = planned.reduce((sum, { user, laneAxis }) => {
    const { shape } = program.values[user]
    const groups = elementCount(shape) / (laneAxis === undefined ? 1 : shape[laneAxis])
    return sum + groups * workFrom(program, user)
  }, 0)
  const isCheaper = work <= elementCount(parameter.shape) * workFrom(program, parameter.id)
  return choice === 'outputs' || isCheaper ? { perturbed: 'outputs', edges: planned } : byParameters
}

/** The edges by which a value enters operations that the output needs. */
export function listEdges(program: Program, id: number): Edge[] {
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
