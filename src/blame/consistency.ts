import type { Expression, Statement } from '../numpy/ast.js'
import { GRADIENT_NAMES } from '../numpy/gradient-names.js'
import { type Execution, type Recording, targetsOf } from './record.js'
import type { Slot } from './search.js'
import type { Truth } from './truths.js'

/** How a line's value stands to the derivatives of the loss, and to those that it reads. */
export type Standing =
  /** A derivative, at the scale of what it reads. */
  | 'consistent'
  /** Another one than its name says, or at another scale than what it reads. */
  | 'deviates'
  /** None, though what it reads are. */
  | 'unmatched'
  /** None, and neither is something that it reads. */
  | 'follows'
  /** It is not made of derivatives, or what makes it is elsewhere. */
  | 'open'

/** A derivative that a value is a multiple of. */
export interface Match {
  readonly truth: Truth
  readonly scale: number
}

const SAME = 1e-8
/** Scales are the same if they differ by less. */
const SAME_SCALE = 1e-7
/** Executions of a line that are looked at. */
const MOST_EXECUTIONS = 24

/** Matches of values with derivatives, found once for each value. */
export class Matcher {
  readonly #recording: Recording
  readonly #bySize = new Map<number, Truth[]>()
  readonly #known = new Map<number, readonly Match[]>()
  /** Names of forward values. */
  readonly #names: ReadonlySet<string>
  /** What a loss may be divided by: a backward pass may begin with the derivative of a sum, or of a mean. */
  readonly #usualScales: readonly number[]

  constructor(recording: Recording, truths: readonly Truth[]) {
    const lengths = new Set(truths.flatMap(({ shape }) => [...shape]).filter((length) => length > 1))
    this.#usualScales = [...lengths].flatMap((length) => [length, 1 / length])
    this.#recording = recording
    for (const truth of truths) {
      const size = truth.numbers.length
      const list = this.#bySize.get(size) ?? []
      list.push(truth)
      this.#bySize.set(size, list)
    }
    this.#names = new Set(truths.flatMap(({ names, numbers }) => (numbers.length < 2 ? [] : [...names])))
  }

  /** The derivatives that a value is a multiple of, element by element, also transposed. */
  matchesOf(node: number): readonly Match[] {
    const known = this.#known.get(node)
    if (known !== undefined) return known
    const numbers = this.#recording.base[node]
    const { shape } = this.#recording.values[node]
    // few numbers that are not 0 are a multiple of anything
    const isTelling = numbers.length === 1 || numbers.reduce((count, x) => count + (x === 0 ? 0 : 1), 0) > 1
    const matches = (isTelling ? (this.#bySize.get(numbers.length) ?? []) : []).flatMap((truth) => {
      const scale = scaleOf(numbers, shape, truth)
      return scale === undefined ? [] : [{ truth, scale }]
    })
    this.#known.set(node, matches)
    return matches
  }

  /** The forward value whose gradient a name says it is. */
  namedAfter(target: Expression): string | undefined {
    const own =
      target.kind === 'name' || target.kind === 'member'
        ? target.name
        : target.kind === 'index'
          ? target.index.kind === 'string'
            ? target.index.value
            : target.object.kind === 'name' || target.object.kind === 'member'
              ? target.object.name
              : undefined
          : undefined
    if (own === undefined) return undefined
    for (const name of this.#names) {
      if (GRADIENT_NAMES.some((nameOf) => nameOf(name) === own)) return name
    }
    // dh of hs[t]
    for (const name of this.#names) {
      if (name.endsWith('s') && GRADIENT_NAMES.some((nameOf) => nameOf(name.slice(0, -1)) === own))
        return name
    }
    return undefined
  }

  /** How every line stands. */
  standingsOf(
    statements: readonly Statement[],
    slotsOf: (statement: Statement) => readonly Slot[],
  ): Map<Statement, Standing> {
    return new Map(
      statements.map((statement) => [statement, this.#standingOf(statement, slotsOf(statement))] as const),
    )
  }

  /** How a line stands, by its executions in their order. */
  #standingOf(statement: Statement, slots: readonly Slot[]): Standing {
    const targets = targetsOf(statement)
    if (targets.length !== 1 || slots.length !== 1 || slots[0].hasCalls) return 'open'
    const [slot] = slots
    const { nodes } = slot
    const { start, base } = this.#recording
    if (nodes.length === 0 || nodes.every((node) => node < start)) return 'open'
    const occurrences = (this.#recording.occurrences.get(slot.expression) ?? []).filter(
      ({ execution }) => execution.statement === statement,
    )
    const named = this.namedAfter(targets[0])
    let isConsistent = false
    let worst: Standing | undefined
    for (const { node, execution, array, version } of occurrences.slice(0, MOST_EXECUTIONS)) {
      if (base[node].every((x) => x === 0)) continue
      // what is changed in place later on is not yet what it is to be
      if (statement.kind === 'assign' && version !== array.storage.version) continue
      const reads = this.#readsOf(slot.expression, execution)
      const matched = reads.map((read) => this.matchesOf(read))
      // numbers alone match anything
      const scales = [
        1,
        ...matched.flat().flatMap(({ truth, scale }) => (truth.numbers.length > 1 ? [scale] : [])),
      ]
      const isAtScale = ({ scale }: Match) =>
        scales.some((other) => Math.abs(scale - other) <= SAME_SCALE * Math.abs(other))
      const own = this.matchesOf(node).filter(isAtScale)
      const fits =
        statement.kind === 'update' || named === undefined
          ? own
          : own.filter(({ truth }) => truth.names.has(named))
      if (fits.length > 0) {
        // a part of a derivative may be all that is wanted, or all that was thought of
        isConsistent ||= fits.some(({ truth }) => truth.of === 'value')
        continue
      }
      const isStart =
        reads.length === 0 &&
        this.matchesOf(node).some(
          ({ truth, scale }) =>
            (named === undefined || truth.names.has(named)) &&
            this.#usualScales.some((usual) => Math.abs(scale - usual) <= SAME_SCALE * usual),
        )
      if (isStart) continue
      const isFollowing = matched.some((one, k) => one.length === 0 && !base[reads[k]].every((x) => x === 0))
      const standing: Standing =
        reads.length > 0 && isFollowing
          ? 'follows'
          : this.matchesOf(node).length > 0
            ? 'deviates'
            : 'unmatched'
      worst ??= standing
      if (standing !== 'follows') return standing
    }
    return worst ?? (isConsistent ? 'consistent' : 'open')
  }

  /** Values of the backward pass that an expression has read, as names have them. */
  #readsOf(root: Expression, execution: Execution): number[] {
    const reads: number[] = []
    const visit = (node: unknown): void => {
      if (Array.isArray(node)) {
        node.forEach(visit)
        return
      }
      if (node === null || typeof node !== 'object') return
      const expression = node as Expression
      if (['name', 'member', 'index'].includes(expression.kind)) {
        const found = this.#recording.occurrences.get(expression)?.find((one) => one.execution === execution)
        if (found !== undefined) {
          if (this.#isOfBackward(found.node) && !this.#isOfForward(found.node)) reads.push(found.node)
          if (expression.kind !== 'member') return
        }
      }
      for (const child of Object.values(expression)) visit(child)
    }
    visit(root)
    return reads
  }

  readonly #forward = new Map<number, readonly Float64Array[]>()

  /** Whether a value is one of the forward pass, made once more. */
  #isOfForward(node: number): boolean {
    const { base, start } = this.#recording
    const numbers = base[node]
    let list = this.#forward.get(numbers.length)
    if (list === undefined) {
      list = base.slice(0, start).filter(({ length }) => length === numbers.length)
      this.#forward.set(numbers.length, list)
    }
    return list.some((other) => ratio(numbers, other) === 1)
  }

  /** Whether a value is made by the backward pass, and not a look at what the forward pass made. */
  #isOfBackward(node: number): boolean {
    const { values, start } = this.#recording
    let at = values[node]
    while (at.id >= start && at.kind === 'computed' && at.operands.length === 1 && isLook(at.operation.name))
      at = values[at.operands[0]]
    return at.id >= start && at.kind === 'computed'
  }
}

const isLook = (name: string) => /^(reshape|transpose|take|slice|permute|broadcastTo|flip)$/.test(name)

function scaleOf(numbers: Float64Array, shape: readonly number[], truth: Truth): number | undefined {
  const squeezed = (of: readonly number[]) => of.filter((length) => length !== 1).join()
  if (squeezed(shape) === squeezed(truth.shape)) {
    const scale = ratio(numbers, truth.numbers)
    if (scale !== undefined) return scale
  }
  if (
    shape.length !== 2 ||
    truth.shape.length !== 2 ||
    shape[0] !== truth.shape[1] ||
    shape[1] !== truth.shape[0]
  )
    return undefined
  const [rows, columns] = shape
  const turned = new Float64Array(numbers.length)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[i * columns + j] = truth.numbers[j * rows + i]
  return ratio(numbers, turned)
}

function ratio(numbers: Float64Array, other: Float64Array): number | undefined {
  let [at, most] = [-1, 0]
  for (let k = 0; k < other.length; k++) {
    if (Math.abs(other[k]) > most) {
      most = Math.abs(other[k])
      at = k
    }
  }
  if (at === -1 || numbers[at] === 0) return undefined
  const scale = numbers[at] / other[at]
  const least = SAME * Math.abs(numbers[at])
  for (let k = 0; k < other.length; k++)
    if (!(Math.abs(numbers[k] - scale * other[k]) <= least)) return undefined
  return scale
}
