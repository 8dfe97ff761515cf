import { applicationOf, evaluateValue } from '../program/evaluate.js'
import type { Recording } from './record.js'

/** Random combinations of the elements of each gradient, and what they lack. */
interface Seed {
  readonly parameter: string
  readonly node: number
  readonly weights: Float64Array
  /** Combination of what is right, less the one of what is there. */
  readonly gap: number
  /** Sizes that rounding of the combination goes by. */
  readonly size: number
}

/** How many random combinations stand for a gradient. */
const COMBINATIONS = 3
/** What two combinations may differ by, in relation to their size. */
const SAME = 1e-7

/** How a change of values on the way changes the gradients that a backward pass makes. */
export class Sensitivity {
  readonly #recording: Recording
  readonly seeds: readonly Seed[]
  readonly #rows: readonly (readonly (Float64Array | undefined)[])[]

  /**
   * @param right the right gradients by their parameters
   * @param least what each element is measured by at least
   */
  constructor(recording: Recording, right: ReadonlyMap<string, Float64Array>, least: number) {
    this.#recording = recording
    const random = createRandom(20)
    this.seeds = [...right].flatMap(([parameter, wanted]) => {
      const made = recording.gradients.get(parameter)
      if (made === undefined || made.numbers.length !== wanted.length) return []
      return Array.from({ length: COMBINATIONS }, (): Seed => {
        const weights = Float64Array.from(wanted, () => random())
        let [gap, size] = [0, 0]
        for (let k = 0; k < wanted.length; k++) {
          gap += weights[k] * (wanted[k] - made.numbers[k])
          size += Math.abs(weights[k]) * (Math.abs(wanted[k]) + Math.abs(made.numbers[k]) + least)
        }
        return { parameter, node: made.node, weights, gap, size }
      })
    })
    this.#rows = this.seeds.map((seed) => this.#pull(seed, undefined))
  }

  get parameters(): readonly string[] {
    return [...new Set(this.seeds.map(({ parameter }) => parameter))]
  }

  /** Derivatives of every combination by a value; with the others of a set held where they are. */
  rowsOf(nodes: readonly number[], isHeld: boolean): readonly (readonly (Float64Array | undefined)[])[] {
    if (!isHeld) return this.#rows.map((rows) => nodes.map((node) => rows[node]))
    const held = new Set(nodes)
    return this.seeds.map((seed) => {
      const rows = this.#pull(seed, held)
      return nodes.map((node) => rows[node])
    })
  }

  /** The gradients that a value reaches. */
  influence(nodes: readonly number[]): Set<string> {
    const reached = new Set<string>()
    for (const [s, { parameter }] of this.seeds.entries()) {
      if (nodes.some((node) => this.#rows[s][node]?.some((x) => x !== 0))) reached.add(parameter)
    }
    return reached
  }

  /** Whether one of the values is made of another. */
  isChained(nodes: readonly number[]): boolean {
    const last = Math.max(...nodes)
    const { values } = this.#recording
    const wanted = new Set(nodes)
    const reached = new Set<number>()
    for (let id = Math.min(...nodes); id <= last; id++) {
      const value = values[id]
      const isReached = value.kind === 'computed' && value.operands.some((operand) => reached.has(operand))
      if (isReached && wanted.has(id)) return true
      if (isReached || wanted.has(id)) reached.add(id)
    }
    return false
  }

  /** The gradients with some values replaced. */
  gradientsWith(replaced: ReadonlyMap<number, Float64Array>): Map<string, Float64Array> {
    const { values, base, gradients } = this.#recording
    const at = [...base]
    const moved = new Set<number>()
    for (let id = Math.min(...replaced.keys()); id < values.length; id++) {
      const value = values[id]
      const given = replaced.get(id)
      if (given !== undefined) at[id] = given
      else if (value.kind !== 'computed' || !value.operands.some((operand) => moved.has(operand))) continue
      else at[id] = evaluateValue({ values, output: id }, value, at)
      moved.add(id)
    }
    return new Map([...gradients].map(([name, { node }]) => [name, at[node]]))
  }

  #pull({ node, weights }: Seed, held: ReadonlySet<number> | undefined): (Float64Array | undefined)[] {
    const { values, base, start } = this.#recording
    const cotangents: (Float64Array | undefined)[] = []
    cotangents[node] = weights
    const bound = { program: { values, output: node }, base }
    for (let id = node; id >= start; id--) {
      const cotangent = cotangents[id]
      const value = values[id]
      if (cotangent === undefined || value.kind !== 'computed' || held?.has(id) === true) continue
      const application = applicationOf(bound, value)
      for (const [operand, from] of value.operands.entries()) {
        if (from < start) continue
        const pulled = value.operation.pullBack(application, cotangent, operand)
        const sum = cotangents[from]
        if (sum === undefined) cotangents[from] = pulled.slice()
        else for (let k = 0; k < pulled.length; k++) sum[k] += pulled[k]
      }
    }
    return cotangents
  }
}

/** Whether a combination is what it should be. */
export const isClosed = (left: number, size: number): boolean => Math.abs(left) <= SAME * size

/** A sequence of numbers between −1 and 1, the same every time (xorshift32). */
export function createRandom(seed: number): () => number {
  let state = seed * 2654435761 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 31 - 1
  }
}
