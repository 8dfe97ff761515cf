import type { Cotangents, Edge } from '../../backward/reverse-pass.js'
import type { OtherRule } from '../../operations/operation.js'
import { applicationOf, type BoundProgram } from '../../program/evaluate.js'
import { describeSource } from '../../program/print.js'
import {
  ancestorsOf,
  type ComputedValue,
  coneOf,
  type Program,
  type Source,
  usersOf,
  type Value,
} from '../../program/program.js'
import { formatShape } from '../../tensor.js'
import { findRound } from '../round-numbers.js'
import { explains, type Prediction, type TensorEvidence } from './evidence.js'
import type { FoundMistake } from './explain.js'
import type { MistakeKind } from './kinds.js'
import { describeFactor } from './messages.js'

/** Multiply-adds that a diagnosis may spend on mistakes on edges, roughly. */
const SEARCH_WORK = 5e8
/** What passing an operation back costs however small it is, in multiply-adds. */
const OPERATION_WORK = 4000
/** The same of passing a value by. */
const VALUE_WORK = 64
/** A difference this small, relative to its terms, is what rounding leaves. */
const CANCELLED = 2 ** -40
/** Numbers without which any factor that nobody would write fits. */
const FEWEST_TELLING = 6
/** Numbers without which one of many other values fits by chance. */
const FEWEST_OTHER = 3
/** How many other values are tried in the place of one: those that are made nearest to it. */
const MOST_OTHERS = 64

/** A mistake in what one edge of the backward pass passes back. */
export interface EdgeMistake extends FoundMistake {
  /** Where the operation is written. */
  readonly source: Source
}

/** What the other rules of operations are called. */
const KINDS = {
  'derivative-missing': 'activation-derivative-missing',
  'derivative-wrong': 'activation-derivative-wrong',
  'not-transposed': 'weights-not-transposed',
  'summed-wrong': 'bias-summed-wrong',
  'kernel-flipped': 'kernel-flipped',
  'not-accumulated': 'not-accumulated',
  'operation-derivative-wrong': 'operation-derivative-wrong',
} as const satisfies Record<OtherRule['kind'], MistakeKind>

/**
 * The mistake on one edge of a program's backward pass that explains the most of the wrong tensors, all that the edge
 * reaches, and leaves the right ones right.
 * @param cotangents of the right pass
 * @param evidence on the gradient of each input of `inputs`, by their ids
 * @param budget what the search may spend: less is left of it afterwards
 */
export function findEdgeMistake(
  bound: BoundProgram,
  cotangents: Cotangents,
  inputs: readonly number[],
  evidence: readonly TensorEvidence[],
  budget: SearchBudget,
): EdgeMistake | undefined {
  const found: EdgeMistake[] = []
  const count = ({ explained }: EdgeMistake) => explained.length
  const wrong = evidence.filter(({ isWrong }) => isWrong).length
  const suspects = listSuspects(bound, inputs, evidence)
  const search: Search = {
    bound,
    right: cotangents,
    byShape: groupByShape(bound.program),
    usersOf: usersOf(bound.program),
    workOf: listWork(bound),
    budget,
  }
  // what is more unusual is looked for where the usual does not explain all
  for (const mistakesOf of [tryEdge, tryOneUse, tryOtherValues, tryWithoutSamples]) {
    if (found.some((mistake) => count(mistake) === wrong)) break
    for (const { edge, reached } of suspects) {
      if (budget.left <= 0) break
      for (const mistake of mistakesOf(search, edge, reached)) {
        const isTelling =
          mistakesOf === tryEdge ||
          mistakesOf === tryOneUse ||
          (mistake && countTelling(mistake) >= FEWEST_OTHER)
        if (mistake !== undefined && isTelling) found.push(mistake)
        if (budget.left <= 0) break
      }
    }
  }
  // of equal ones the first: the nearest to the loss
  return found.toSorted((one, other) => count(other) - count(one) || one.cost - other.cost)[0]
}

/** Multiply-adds of passing each value back, by id. */
function listWork({ program }: BoundProgram): Float64Array {
  return Float64Array.from(program.values, (value) => {
    if (value.kind !== 'computed') return 0
    return OPERATION_WORK + value.operation.work(value.operands.map((id) => program.values[id].shape))
  })
}

/** What a diagnosis may spend on the search, and what is left of it: counted, so that runs repeat. */
export interface SearchBudget {
  left: number
}

export const openBudget = (): SearchBudget => ({ left: SEARCH_WORK })

/** What the search goes by. */
interface Search {
  readonly bound: BoundProgram
  /** The cotangents of the right pass. */
  readonly right: Cotangents
  /** Values that are no constants, by their shapes. */
  readonly byShape: ReadonlyMap<string, readonly Value[]>
  /** The computed values that read each one. */
  readonly usersOf: readonly (readonly number[])[]
  /** Multiply-adds of passing each value back. */
  readonly workOf: Float64Array
  readonly budget: SearchBudget
}

function groupByShape({ values }: Program): Map<string, Value[]> {
  const groups = new Map<string, Value[]>()
  for (const value of values) {
    const shape = formatShape(value.shape)
    const group = groups.get(shape) ?? []
    groups.set(shape, group)
    if (value.kind !== 'constant') group.push(value)
  }
  return groups
}

/** A tensor whose gradient comes by an edge. */
interface Reached {
  readonly id: number
  readonly evidence: TensorEvidence
}

/** Edges by which only wrong tensors' gradients come, from the loss on. */
function listSuspects(
  { program }: BoundProgram,
  inputs: readonly number[],
  evidence: readonly TensorEvidence[],
): { edge: Edge; reached: Reached[] }[] {
  const needed = ancestorsOf(program)
  const cones = inputs.map((id) => coneOf(program, [id]))
  return program.values.toReversed().flatMap((value) => {
    if (value.kind !== 'computed' || needed[value.id] === 0) return []
    return value.operands.flatMap((from, operand) => {
      const reached = inputs.flatMap((id, t) => (cones[t][from] === 1 ? [{ id, evidence: evidence[t] }] : []))
      const isSuspect = reached.length > 0 && reached.every((tensor) => tensor.evidence.isWrong)
      return isSuspect ? [{ edge: { user: value.id, operand }, reached }] : []
    })
  })
}

const isSame = (a: Edge, b: Edge) => a.user === b.user && a.operand === b.operand

const computed = ({ program }: BoundProgram, id: number) => program.values[id] as ComputedValue

/** The mistakes on an edge, one reverse pass for each; undefined for one that does not explain what is wrong. */
function* tryEdge(
  search: Search,
  edge: Edge,
  reached: readonly Reached[],
): Generator<EdgeMistake | undefined> {
  yield scaleEdge(search, edge, reached)
  yield* replaceRule(search, edge, reached)
}

/** A factor on what an edge passes back: gradients are linear in it. */
function scaleEdge(search: Search, edge: Edge, reached: readonly Reached[]): EdgeMistake | undefined {
  const { bound, right } = search
  const from = computed(bound, edge.user).operands[edge.operand]
  const length = bound.base[from].length
  const parts: Float64Array[] = []
  const without = passBackAnew(
    search,
    from,
    reached,
    (other) => (isSame(other, edge) ? new Float64Array(length) : undefined),
    ({ id, evidence }, rest) => {
      const part = partOf(right[id]!, rest)
      parts[reached.findIndex((tensor) => tensor.id === id)] = part
      return mayBeScaled(evidence, part)
    },
  )
  if (without.size < reached.length) return undefined
  let [products, squares, telling] = [0, 0, 0]
  for (const [k, { evidence }] of reached.entries()) {
    for (const offset of evidence.offsets) {
      products += (evidence.given[offset] - evidence.right[offset]) * parts[k][offset]
      squares += parts[k][offset] ** 2
      if (parts[k][offset] !== 0) telling++
    }
  }
  const missing = products / squares
  if (!Number.isFinite(missing)) return undefined
  const fitted = 1 + missing
  // as exactly as the gradients are known
  const exactness = Math.max(...reached.map(({ evidence }) => evidence.tolerance))
  const round =
    Math.abs(fitted) < exactness ? 0 : (findRound(fitted, 3, exactness) ?? findInverse(fitted, exactness))
  const entries = reached.reduce((sum, { evidence }) => sum + evidence.given.length, 0)
  // one entry among others is named for itself
  if (telling < (round === undefined ? FEWEST_TELLING : Math.min(2, entries))) return undefined
  const factor = round ?? fitted
  const predictions = reached.map(
    ({ evidence }, k): Prediction => ({
      value: (offset) => evidence.right[offset] + (factor - 1) * parts[k][offset],
      rounding: (offset) => (1 + Math.abs(factor)) * evidence.rounding(offset),
    }),
  )
  if (!reached.every(({ evidence }, k) => explains(evidence, predictions[k]))) return undefined
  const isLeftOut = factor === 0
  return toMistake(bound, edge, reached, predictions, {
    kind: isLeftOut ? 'path-left-out' : 'path-scaled',
    cost: isLeftOut ? 1 : factor === -1 ? 1.2 : 2,
    text: isLeftOut ? 'is left out' : `is ${describeFactor(factor)}`,
    ...(isLeftOut ? {} : { factor }),
  })
}

/** What of a gradient comes by an edge, from all of it and what comes without. */
const partOf = (whole: Float64Array, rest: Float64Array) =>
  whole.map((slope, k) => {
    const part = slope - rest[k]
    return Math.abs(part) <= CANCELLED * (Math.abs(slope) + Math.abs(rest[k])) ? 0 : part
  })

/** How many times its tolerance a tensor may be off what a factor of its own makes of it, where one of several explains it. */
const LOOSELY = 64

/** Whether one factor on a part of a gradient may explain what is given. */
function mayBeScaled(
  { offsets, given, right, tolerance, rounding }: TensorEvidence,
  part: Float64Array,
): boolean {
  let [products, squares] = [0, 0]
  for (const offset of offsets) {
    products += (given[offset] - right[offset]) * part[offset]
    squares += part[offset] ** 2
  }
  const missing = squares === 0 ? 0 : products / squares
  if (!Number.isFinite(missing)) return true
  return offsets.every((offset) => {
    const predicted = right[offset] + missing * part[offset]
    const allowed = tolerance * (Math.abs(given[offset]) + Math.abs(predicted)) + rounding(offset)
    return !(Math.abs(given[offset] - predicted) > LOOSELY * allowed)
  })
}

/** The factor 1/n of a mean. */
function findInverse(factor: number, exactness: number): number | undefined {
  const count = Math.round(1 / factor)
  return Math.abs(factor * count - 1) < exactness ? 1 / count : undefined
}

/** Other rules of the edge's operation, one pass for each. */
function* replaceRule(
  search: Search,
  edge: Edge,
  reached: readonly Reached[],
): Generator<EdgeMistake | undefined> {
  const { bound } = search
  const value = computed(bound, edge.user)
  const application = applicationOf(bound, value)
  for (const { kind, text, passBack } of value.operation.mistakes?.(application, edge.operand) ?? []) {
    yield tryRule(search, edge, reached, passBack, { kind: KINDS[kind], cost: 1, text })
  }
}

/** Nothing but what one of several uses passes back: a gradient that is assigned where it is to be added to. */
function* tryOneUse(
  search: Search,
  edge: Edge,
  reached: readonly Reached[],
): Generator<EdgeMistake | undefined> {
  const { bound, usersOf } = search
  const from = computed(bound, edge.user).operands[edge.operand]
  const uses = usersOf[from]
  if (uses.length < 2) return
  const length = bound.base[from].length
  const isOther = (other: Edge) =>
    computed(bound, other.user).operands[other.operand] === from && !isSame(other, edge)
  const place = uses.indexOf(edge.user) + 1
  const mistake: NamedMistake = {
    kind: 'not-accumulated',
    cost: 1,
    text: `is all that is there: of ${uses.length} uses number ${place} alone, what the others pass back is not added`,
  }
  yield tryPass(search, edge, reached, mistake, (other) =>
    isOther(other) ? new Float64Array(length) : undefined,
  )
}

/** Another value of that shape in the place of one that the operation's rule reads. */
function* tryOtherValues(
  search: Search,
  edge: Edge,
  reached: readonly Reached[],
): Generator<EdgeMistake | undefined> {
  const { bound, right, byShape, workOf, budget } = search
  const { values } = bound.program
  const { operation, operands: ids } = computed(bound, edge.user)
  const application = applicationOf(bound, computed(bound, edge.user))
  const cotangent = right[edge.user]
  if (cotangent === undefined) return
  const own = operation.pullBack(application, cotangent, edge.operand)
  for (const [k, id] of ids.entries()) {
    if (k === edge.operand && operation.isLinearIn(k)) continue
    const { shape } = values[id]
    const others = byShape.get(formatShape(shape))!.filter((other) => other.id !== id)
    others.sort((one, other) => Math.abs(one.id - id) - Math.abs(other.id - id))
    for (const other of others.slice(0, MOST_OTHERS)) {
      budget.left -= 2 * workOf[edge.user]
      const operands = application.operands.with(k, { shape, data: bound.base[other.id] })
      const result = new Float64Array(application.result.data.length)
      operation.evaluate(operands, result)
      const mistaken = { operands, result: { ...application.result, data: result } }
      const passBack = (given: Float64Array) => operation.pullBack(mistaken, given, edge.operand)
      // what the rule does not read changes nothing
      if (passBack(cotangent).every((slope, at) => slope === own[at])) continue
      yield tryRule(search, edge, reached, passBack, {
        kind: 'other-value',
        cost: 1.1,
        text: `is computed with ${nameValue(other)} in the place of ${nameValue(values[id])}`,
      })
    }
  }
}

/** One of what lies along the first axis left out of what an edge passes back: a sample, where it is one. */
function* tryWithoutSamples(
  search: Search,
  edge: Edge,
  reached: readonly Reached[],
): Generator<EdgeMistake | undefined> {
  const { bound } = search
  const value = computed(bound, edge.user)
  const [rows = 1] = value.shape
  if (rows === 1) return
  const application = applicationOf(bound, value)
  const size = application.result.data.length / rows
  // the ends first
  for (let k = 0; k < rows; k++) {
    const row = k === 1 ? rows - 1 : k < 2 ? k : k - 1
    const passBack = (cotangent: Float64Array) => {
      const fewer = cotangent.slice()
      fewer.fill(0, row * size, (row + 1) * size)
      return value.operation.pullBack(application, fewer, edge.operand)
    }
    const name = row === 0 ? 'the first' : row === rows - 1 ? 'the last' : `number ${row} (counted from 0)`
    const isRun = value.source.runs !== undefined
    yield tryRule(search, edge, reached, passBack, {
      kind: 'sample-dropped',
      cost: 1.3,
      text: `lacks ${name} of the ${rows} ${isRun ? 'runs of that line' : 'along its first axis'}`,
    })
  }
}

/** What an edge's mistake is called, and how likely it is: the lower the cost, the likelier. */
interface NamedMistake {
  readonly kind: MistakeKind
  readonly cost: number
  readonly text: string
  readonly factor?: number
}

/** The mistake that an edge passes something else back; undefined where that does not explain what is wrong. */
function tryRule(
  search: Search,
  edge: Edge,
  reached: readonly Reached[],
  passBack: (cotangent: Float64Array) => Float64Array,
  mistake: NamedMistake,
): EdgeMistake | undefined {
  return tryPass(search, edge, reached, mistake, (other, cotangent) =>
    isSame(other, edge) ? passBack(cotangent) : undefined,
  )
}

/** The mistake that a reverse pass has which passes other things back to what an edge leads to. */
function tryPass(
  search: Search,
  edge: Edge,
  reached: readonly Reached[],
  mistake: NamedMistake,
  passBack: PassBack,
): EdgeMistake | undefined {
  const from = computed(search.bound, edge.user).operands[edge.operand]
  const predictions = new Map<TensorEvidence, Prediction>()
  const passed = passBackAnew(search, from, reached, passBack, ({ evidence }, slopes) => {
    const prediction: Prediction = {
      value: (offset) => slopes[offset],
      rounding: (offset) => 2 * evidence.rounding(offset),
    }
    predictions.set(evidence, prediction)
    return explains(evidence, prediction)
  })
  if (passed.size < reached.length) return undefined
  const all = reached.map(({ evidence }) => predictions.get(evidence)!)
  return toMistake(search.bound, edge, reached, all, mistake)
}

type PassBack = (edge: Edge, cotangent: Float64Array) => Float64Array | undefined

/**
 * A reverse pass in which edges to one value, or edges behind it, pass back other things: found anew is only what comes
 * by that value, the rest is as in the right pass.
 * @param isGood asked of each tensor's gradient once it is known: where it is not, the pass ends there
 * @returns the gradients that were found, by id
 */
function passBackAnew(
  { bound, right, workOf, budget }: Search,
  from: number,
  reached: readonly Reached[],
  passBack: PassBack,
  isGood: (tensor: Reached, slopes: Float64Array) => boolean = () => true,
): ReadonlyMap<number, Float64Array> {
  const { program } = bound
  budget.left -= VALUE_WORK * program.values.length
  const needed = ancestorsOf(program)
  const cone = coneOf(
    program,
    reached.map(({ id }) => id),
  )
  const isAnew = ancestorsOf({ ...program, output: from })
  const cotangents = right.map((cotangent, id) => (isAnew[id] === 1 ? undefined : cotangent))
  // a tensor's gradient is known behind the first value that reads it
  const open = new Map(reached.map((tensor) => [tensor.id, tensor]))
  const found = new Map<number, Float64Array>()
  const waiting = new Map<number, Reached[]>()
  for (const value of program.values) {
    if (value.kind !== 'computed' || needed[value.id] === 0) continue
    for (const operand of value.operands) {
      const tensor = open.get(operand)
      if (tensor === undefined || !open.delete(operand)) continue
      waiting.set(value.id, [...(waiting.get(value.id) ?? []), tensor])
    }
  }
  for (let id = program.output; id >= 0; id--) {
    const value = program.values[id]
    if (value.kind !== 'computed' || needed[id] === 0) continue
    const cotangent = cotangents[id]
    for (const [operand, to] of value.operands.entries()) {
      if (cotangent === undefined || isAnew[to] === 0 || cone[to] === 0) continue
      const application = applicationOf(bound, value)
      budget.left -= workOf[id]
      const pulled =
        passBack({ user: id, operand }, cotangent) ??
        value.operation.pullBack(application, cotangent, operand)
      cotangents[to] ??= new Float64Array(bound.base[to].length)
      const sum = cotangents[to]
      for (let k = 0; k < pulled.length; k++) sum[k] += pulled[k]
    }
    for (const tensor of waiting.get(id) ?? []) {
      const slopes = cotangents[tensor.id] ?? new Float64Array(bound.base[tensor.id].length)
      if (!isGood(tensor, slopes)) return found
      found.set(tensor.id, slopes)
    }
  }
  return found
}

/** How many numbers of a mistake show it: that are not 0, and not right. */
const countTelling = ({ explained }: EdgeMistake) =>
  explained.reduce((sum, { evidence, value }) => {
    const tells = (offset: number) => value(offset) !== 0 && !isRight(evidence, offset, value(offset))
    return sum + evidence.offsets.filter(tells).length
  }, 0)

const isRight = ({ right, tolerance, rounding }: TensorEvidence, offset: number, value: number) =>
  Math.abs(value - right[offset]) <=
  tolerance * (Math.abs(value) + Math.abs(right[offset])) + rounding(offset)

/** What a value is called: by the user's name, or by what makes it. */
function nameValue(value: Value): string {
  const own = value.kind === 'input' ? value.name : value.source.name
  if (own !== undefined) return own
  return value.kind === 'computed' ? `what ${value.operation.name} makes (%${value.id})` : 'a constant'
}

/** What has a name or is computed behind views that have none. */
function behindViews({ program: { values } }: BoundProgram, from: number): Value {
  let value = values[from]
  while (
    value.kind === 'computed' &&
    value.source.name === undefined &&
    value.operation.moves !== undefined &&
    value.operands.length === 1
  ) {
    value = values[value.operands[0]]
  }
  return value
}

function toMistake(
  bound: BoundProgram,
  edge: Edge,
  reached: readonly Reached[],
  predictions: readonly Prediction[],
  { kind, cost, text, factor }: NamedMistake,
): EdgeMistake {
  const value = computed(bound, edge.user)
  const place = describeSource(value.source)
  const operand = behindViews(bound, value.operands[edge.operand])
  const own = operand.kind === 'input' ? operand.name : operand.source.name
  const to = own ?? (operand.kind === 'computed' ? operand.operation.name : `operand ${edge.operand + 1}`)
  return {
    kind,
    cost,
    factor,
    layer: value.source.layer === undefined ? undefined : value.source.layer - 1,
    entries: undefined,
    explained: reached.map(({ evidence }, k) => ({ evidence, value: predictions[k].value })),
    alternatives: [],
    source: value.source,
    describe: ({ names, plural, agreement }) =>
      `what ${value.operation.name}${place === '' ? '' : ` (${place})`} passes back to ${to} ${text}: ` +
      `with that ${names} ${plural ? 'agree' : 'agrees'} ${agreement}`,
  }
}
