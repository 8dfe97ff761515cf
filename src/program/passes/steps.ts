import type { Operation } from '../../operations/operation.js'
import { formatShape } from '../../tensor.js'
import type { ComputedValue, ConstantValue, Program, Source } from '../program.js'
import type { Shape } from '../shapes.js'
import { type Origin, Origins } from './origins.js'

/** An operation that does more than move elements, with where its operands' elements come from. */
export interface Step {
  /** What origins call its result. */
  readonly id: number
  readonly operation: Operation
  readonly operands: readonly Origin[]
  readonly shape: Shape
  readonly source: Source
}

/** A program whose moves of elements are told by where elements come from, not done one after the other. */
export interface Steps {
  /** In the order of their evaluation; those alone that the output needs. */
  readonly steps: readonly Step[]
  readonly output: Origin
  readonly origins: Origins
  readonly program: Program
  /** The first value of the program that has an origin, or has a name, of those that are nothing but elements of others. */
  readonly views: ReadonlyMap<Origin, ComputedValue>
}

/** Whether a value is nothing but elements of others. */
const isMoved = (value: ComputedValue) => value.operation.moves !== undefined

/** Reads a program as steps: what it does not need and what only moves elements is gone. */
export function listSteps(program: Program): Steps {
  const origins = new Origins()
  const list: Origin[] = []
  const views = new Map<Origin, ComputedValue>()
  const constants = new Map<string, Origin>()
  const wholeConstant = ({ id, shape, data }: ConstantValue) => {
    const key = data.length <= MOST_COMPARED ? `${formatShape(shape)} ${data.join()}` : String(id)
    const known = constants.get(key) ?? origins.whole(id, shape, data)
    constants.set(key, known)
    return known
  }
  for (const value of program.values) {
    if (value.kind === 'constant') {
      list.push(wholeConstant(value))
    } else if (value.kind === 'input' || !isMoved(value)) {
      list.push(origins.whole(value.id, value.shape))
    } else {
      const from = value.operands.map((id) => list[id])
      const indices = value.operation.moves!(from.map(({ shape }) => shape))
      const origin =
        indices === undefined
          ? origins.reshape(from[0], value.shape)
          : origins.pick(value.shape, from, indices)
      list.push(origin)
      const known = views.get(origin)
      const isNamed = known?.source.name === undefined && value.source.name !== undefined
      if (known === undefined || isNamed) views.set(origin, value)
    }
  }
  const output = list[program.output]
  const all = program.values.flatMap((value): Step[] => {
    if (value.kind !== 'computed' || isMoved(value)) return []
    const { id, operation, shape, source } = value
    return [{ id, operation, shape, source, operands: value.operands.map((operand) => list[operand]) }]
  })
  return { steps: keepNeeded(all, output), output, origins, program, views }
}

/** Constants of up to so many numbers are the same where their numbers are. */
const MOST_COMPARED = 256

/** The steps that an output needs. */
export function keepNeeded(steps: readonly Step[], output: Origin): Step[] {
  const needed = new Set(output.roots)
  const kept: Step[] = []
  for (const step of steps.toReversed()) {
    if (!needed.has(step.id)) continue
    kept.push(step)
    for (const { roots } of step.operands) for (const root of roots) needed.add(root)
  }
  return kept.reverse()
}

/** Runs of one line that are taken together: fewer are left as they are written. */
export const FEWEST_RUNS = 4
/** The same where nobody says on which line they are: they may have nothing to do with one another. */
const FEWEST_UNPLACED = 8

export const fewestOf = ({ line }: Source) => (line === undefined ? FEWEST_UNPLACED : FEWEST_RUNS)

/** The same for runs of the same operation on the same line. */
export function placeKey({ operation, source: { file, line, column, name, layer } }: Step): string {
  return [operation.name, JSON.stringify(operation.attributes), file, line, column, name, layer].join('|')
}
