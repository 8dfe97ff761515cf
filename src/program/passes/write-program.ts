import type { Operation } from '../../operations/operation.js'
import { OPERATIONS } from '../../operations/table.js'
import { elementCount, formatShape } from '../../tensor.js'
import type { ComputedValue, Program, Source, Value } from '../program.js'
import type { Shape } from '../shapes.js'
import type { Group } from './group-runs.js'
import type { Origin } from './origins.js'
import { stackRuns } from './stack-runs.js'
import type { Step, Steps } from './steps.js'

/** Writes groups of steps as a program, with what moves elements between them. */
export function writeProgram(given: Steps, groups: readonly Group[]): Program {
  const writer = new Writer(given)
  for (const group of groups) writer.write(group)
  return { values: writer.values, output: writer.read(given.output, {}) }
}

/** Where a step's result stands in the program that is written. */
interface Written {
  readonly id: number
  /** Its first element's offset: of a run among others. */
  readonly start: number
}

/** Elements of values that are written. */
interface Picked {
  readonly ids: readonly number[]
  /** Which of them each element is of. */
  readonly which: Int32Array
  /** Its offset there, below 0 for a 0. */
  readonly at: Int32Array
}

class Writer {
  readonly values: Value[] = []
  readonly #given: Steps
  readonly #written = new Map<number, Written>()
  readonly #views = new Map<Origin, number>()
  readonly #reshaped = new Map<string, number>()

  constructor(given: Steps) {
    this.#given = given
    // all of them, in their order
    for (const value of given.program.values) {
      if (value.kind !== 'input') continue
      const id = this.#push({ ...value, id: this.values.length })
      this.#written.set(value.id, { id, start: 0 })
    }
  }

  write(group: Group): void {
    if (group.length === 1) this.#writeStep(group[0])
    else this.#writeRuns(group)
  }

  #writeStep({ id, operation, operands, shape, source }: Step): void {
    const ids = operands.map((operand) => this.read(operand, source))
    this.#written.set(id, { id: this.#compute(operation, ids, shape, source), start: 0 })
  }

  #writeRuns(runs: Group): void {
    const [{ operation, operands, shape, source }] = runs
    const own = operands.map((_, k) => runs.map((run) => run.operands[k]))
    const isShared = own.map((origins) => origins.every((origin) => origin === origins[0]))
    const stacked = stackRuns(
      operation,
      operands.map((operand) => operand.shape),
      shape,
      runs.length,
      isShared,
    )
    const ids = own.map((origins, k) => {
      const at = this.#sourceOf(origins[0], source)
      const to = stacked.shapes[k]
      if (!stacked.isStacked[k]) return this.#reshape(this.read(origins[0], source), to, at)
      return this.#gather(this.#resolve(origins), to, at)
    })
    const written = this.#compute(stacked.operation, ids, stacked.shape, { ...source, runs: runs.length })
    const size = elementCount(shape)
    for (const [k, run] of runs.entries()) this.#written.set(run.id, { id: written, start: k * size })
  }

  /** The value that has an origin's elements. */
  read(origin: Origin, reader: Source): number {
    const known = this.#views.get(origin) ?? this.#whole(origin)
    if (known !== undefined) return known
    const view = this.#given.views.get(origin)
    const id =
      this.#copy(origin, view) ??
      this.#gather(this.#resolve([origin]), origin.shape, this.#sourceOf(origin, reader))
    this.#views.set(origin, id)
    return id
  }

  /** A value that an origin is all of, as it is. */
  #whole({ roots, at, shape }: Origin): number | undefined {
    if (at !== undefined) return undefined
    const { id, start } = this.#place(roots[0])
    return start === 0 && formatShape(this.values[id].shape) === formatShape(shape) ? id : undefined
  }

  /** A view of the whole of a value as it was written: it may say more of itself than where elements are. */
  #copy(origin: Origin, view: ComputedValue | undefined): number | undefined {
    const { values } = this.#given.program
    if (view === undefined || view.operands.length > 1 || origin.at === undefined) return undefined
    const from = values[view.operands[0]]
    if (from.kind === 'constant' || (from.kind === 'computed' && from.operation.moves !== undefined))
      return undefined
    const written = this.#written.get(from.id)
    if (written === undefined || formatShape(this.values[written.id].shape) !== formatShape(from.shape))
      return undefined
    return this.#compute(view.operation, [written.id], view.shape, view.source)
  }

  #sourceOf(origin: Origin, reader: Source): Source {
    const { name: _name, ...place } = reader
    return this.#given.views.get(origin)?.source ?? place
  }

  /** Elements of some origins, one behind the other, in what is written. */
  #resolve(origins: readonly Origin[]): Picked {
    const size = origins.reduce((sum, { shape }) => sum + elementCount(shape), 0)
    const [which, at] = [new Int32Array(size), new Int32Array(size)]
    const ids: number[] = []
    const numbers = new Map<number, number>()
    let e = 0
    for (const origin of origins) {
      const roots = origin.roots.map((root) => {
        const { id, start } = this.#place(root)
        const number = numbers.get(id) ?? ids.push(id) - 1
        numbers.set(id, number)
        return { number, start }
      })
      const count = elementCount(origin.shape)
      for (let k = 0; k < count; k++, e++) {
        const own = origin.at === undefined ? k : origin.at[k]
        if (own < 0) {
          at[e] = -1
          continue
        }
        const { number, start } = roots[origin.which === undefined ? 0 : origin.which[k]]
        which[e] = number
        at[e] = start + own
      }
    }
    return { ids, which, at }
  }

  #place(root: number): Written {
    const known = this.#written.get(root)
    if (known !== undefined) return known
    const value = this.#given.program.values[root]
    if (value.kind !== 'constant') throw new Error(`value ${root} is read before it is written`)
    const written = { id: this.#push({ ...value, id: this.values.length }), start: 0 }
    this.#written.set(root, written)
    return written
  }

  /** A value of elements of others: one of them itself, a constant, or a gather. */
  #gather({ ids, which, at }: Picked, shape: Shape, source: Source): number {
    const values = ids.map((id) => this.values[id])
    if (values.every((value) => value.kind === 'constant')) {
      const data = Float64Array.from(at, (own, e) => (own < 0 ? 0 : values[which[e]].data[own]))
      return this.#push({ kind: 'constant', id: this.values.length, shape, data, source })
    }
    const isWhole =
      ids.length === 1 && elementCount(values[0].shape) === at.length && at.every((own, e) => own === e)
    if (isWhole) return this.#reshape(ids[0], shape, source)
    const starts: number[] = []
    let start = 0
    for (const value of values) {
      starts.push(start)
      start += elementCount(value.shape)
    }
    const indices = Array.from(at, (own, e) => (own < 0 ? -1 : starts[which[e]] + own))
    return this.#compute(OPERATIONS.gather.make('gather', { shape, indices }), ids, shape, source)
  }

  #reshape(id: number, shape: Shape, source: Source): number {
    if (formatShape(this.values[id].shape) === formatShape(shape)) return id
    const key = `${id} ${formatShape(shape)}`
    const known = this.#reshaped.get(key)
    if (known !== undefined) return known
    const made = this.#compute(OPERATIONS.reshape.make('reshape', { shape }), [id], shape, source)
    this.#reshaped.set(key, made)
    return made
  }

  #compute(operation: Operation, operands: readonly number[], shape: Shape, source: Source): number {
    return this.#push({ kind: 'computed', id: this.values.length, operation, operands, shape, source })
  }

  #push(value: Value): number {
    this.values.push(value)
    return value.id
  }
}
