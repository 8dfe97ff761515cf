import moveSingle from '../../../shaders/program/move.wesl'
import moveExtended from '../../../shaders/program/move.wesl?extended'
import pickSingle from '../../../shaders/program/pick.wesl'
import pickExtended from '../../../shaders/program/pick.wesl?extended'
import productSingle from '../../../shaders/program/product.wesl'
import productExtended from '../../../shaders/program/product.wesl?extended'
import ruleSingle from '../../../shaders/program/rule.wesl'
import ruleExtended from '../../../shaders/program/rule.wesl?extended'
import softmaxSingle from '../../../shaders/program/softmax.wesl'
import softmaxExtended from '../../../shaders/program/softmax.wesl?extended'
import standardizeSingle from '../../../shaders/program/standardize.wesl'
import standardizeExtended from '../../../shaders/program/standardize.wesl?extended'
import sumSingle from '../../../shaders/program/sum.wesl'
import sumExtended from '../../../shaders/program/sum.wesl?extended'
import type { GpuPrecision } from '../../differentiate/evaluator.js'
import { isArithmetic } from '../../operations/contraction.js'
import {
  type Factor,
  type ProductKernel,
  type Read,
  type RuleKernel,
  type SoftmaxKernel,
  type SoftmaxMode,
  type StandardizeKernel,
  sizeOf,
} from '../../operations/kernels.js'
import { RULE_CODES } from '../../operations/table.js'
import { type Launch, placeOf } from '../plan-carry.js'

const SHADERS = {
  rule: { single: ruleSingle, extended: ruleExtended },
  product: { single: productSingle, extended: productExtended },
  sum: { single: sumSingle, extended: sumExtended },
  move: { single: moveSingle, extended: moveExtended },
  pick: { single: pickSingle, extended: pickExtended },
  softmax: { single: softmaxSingle, extended: softmaxExtended },
  standardize: { single: standardizeSingle, extended: standardizeExtended },
} as const

/** `GROUP_SIZE` of the kernels of shaders/program. */
const GROUP_SIZE = 64
/** What stands for no table. */
const NO_TABLE = 0xffffffff

/** Numbers that a kernel reads: those of a place, or of the base point; nothing where it reads none. */
export type Input = { readonly place: number } | { readonly numbers: Float64Array } | undefined

/** A launch as it is run on a device. */
export interface EncodedLaunch {
  readonly shader: keyof typeof SHADERS
  readonly entryPoint: string
  /** Values of the shader's `override` declarations. */
  readonly constants: Record<string, number>
  /** The storage buffers behind `launch` and `tables`, in the order of their bindings, but for what is written. */
  readonly inputs: readonly Input[]
  readonly countsCrossings: boolean
  readonly clears: boolean
  readonly workgroups: number
  readonly count: number
  readonly size: number
  /** What the result is multiplied by, or a rule's parameter. */
  readonly factor: number | 'step'
  readonly sizes: readonly (readonly number[])[]
}

export const shaderOf = (shader: keyof typeof SHADERS, precision: GpuPrecision): string =>
  SHADERS[shader][precision]

/** Tables of all launches, one behind the other. */
export class Tables {
  readonly #tables: Int32Array[] = []
  readonly #places = new Map<Int32Array, number>()
  #length = 0

  /** Where a table begins. */
  add(table: Int32Array): number {
    const known = this.#places.get(table)
    if (known !== undefined) return known
    const place = this.#length
    this.#tables.push(table)
    this.#places.set(table, place)
    this.#length += table.length
    return place
  }

  join(): Uint32Array<ArrayBuffer> {
    const joined = new Uint32Array(Math.max(1, this.#length))
    for (const [table, place] of this.#places) joined.set(table, place)
    return joined
  }
}

export function encodeLaunch(launch: Launch, tables: Tables): EncodedLaunch {
  const { kernel, block } = launch
  const size = sizeOf(kernel)
  const of = (from: Read): Input => ({ place: placeOf(launch, from) })
  const each = {
    inputs: [] as Input[],
    constants: {},
    countsCrossings: false,
    clears: false,
    count: block.count,
    size,
    factor: 1,
    workgroups: Math.ceil((block.count * size) / GROUP_SIZE),
  }
  switch (kernel.kind) {
    case 'rule': {
      const { operands, place, lanes, rule } = kernel
      const [a, b, c] = [0, 1, 2].map((k) => operands[k])
      const parameter = rule.parameter ?? 0
      return {
        ...each,
        shader: 'rule',
        entryPoint: 'carryRule',
        constants: {
          RULE: RULE_CODES[rule.shader],
          MOVES_A: Number(a !== undefined),
          MOVES_B: Number(b !== undefined),
          MOVES_C: Number(c !== undefined),
        },
        inputs: [
          { numbers: constantsOfRule(kernel) },
          ...[a, b, c].map((change) => change && of(change.from)),
        ],
        countsCrossings: true,
        factor: parameter,
        sizes: [
          [a?.size ?? 0, b?.size ?? 0, c?.size ?? 0, lanes.apart],
          [lanes.count],
          [tables.add(place.starts), tables.add(place.inner)],
          [a, b, c].map((change) => (change === undefined ? 0 : tables.add(change.order))),
        ],
      }
    }
    case 'product':
      return { ...each, ...encodeProduct(kernel, of, tables) }
    case 'sum':
      return {
        ...each,
        shader: 'sum',
        entryPoint: 'carrySum',
        inputs: [of(kernel.from)],
        factor: kernel.factor,
        workgroups: block.count * size,
        sizes: [
          [
            kernel.before,
            kernel.rows.inner.length,
            tables.add(kernel.rows.outer),
            tables.add(kernel.rows.inner),
          ],
        ],
      }
    case 'gather':
      return {
        ...each,
        shader: 'move',
        entryPoint: 'gather',
        inputs: [of(kernel.from)],
        sizes: [[kernel.before, tables.add(kernel.order)]],
      }
    case 'spread':
      return {
        ...each,
        shader: 'move',
        entryPoint: 'spread',
        inputs: [of(kernel.from)],
        clears: kernel.onto === undefined,
        workgroups: Math.ceil((block.count * kernel.inner.length) / GROUP_SIZE),
        sizes: [[kernel.inner.length, tables.add(kernel.starts), tables.add(kernel.inner)]],
      }
    case 'pick': {
      const { from, before, members, width, gaps, place, lanes, sign } = kernel
      return {
        ...each,
        shader: 'pick',
        entryPoint: 'carryPick',
        inputs: [{ numbers: gaps }, of(from)],
        countsCrossings: true,
        factor: sign,
        sizes: [
          [before, width, tables.add(members)],
          [tables.add(place.starts), tables.add(place.inner), lanes.apart, lanes.count],
        ],
      }
    }
    case 'softmax': {
      const { mode, logits, targets, constants } = kernel
      return {
        ...each,
        shader: 'softmax',
        entryPoint: 'carrySoftmax',
        constants: {
          MODE: SOFTMAX_MODES.indexOf(mode),
          MOVES_LOGITS: Number(logits !== undefined),
          MOVES_TARGETS: Number(targets !== undefined),
        },
        inputs: [{ numbers: constants }, logits && of(logits), targets && of(targets)],
        ...encodeRows(kernel, block.count, tables),
      }
    }
    case 'standardize':
      return {
        ...each,
        shader: 'standardize',
        entryPoint: 'carryStandardize',
        constants: { CENTRED: Number(kernel.isCentred) },
        inputs: [{ numbers: kernel.constants }, of(kernel.from)],
        ...encodeRows(kernel, block.count, tables),
      }
  }
}

/** What shaders/program/softmax.wesl calls them, in its order. */
const SOFTMAX_MODES: readonly SoftmaxMode[] = ['loss', 'log-sum-exp', 'log-softmax', 'softmax']

/** Where rows and their constants are, a thread for each. */
function encodeRows(
  { rows: { outer, inner }, before, place }: SoftmaxKernel | StandardizeKernel,
  count: number,
  tables: Tables,
) {
  return {
    workgroups: Math.ceil((count * outer.length) / GROUP_SIZE),
    sizes: [
      [outer.length, inner.length],
      [before, tables.add(outer), tables.add(inner)],
      [tables.add(place.starts), tables.add(place.inner)],
    ],
  }
}

function encodeProduct(
  { left, right, timesStep, onto }: ProductKernel,
  of: (from: Read) => Input,
  tables: Tables,
) {
  const input = ({ from }: Factor): Input => (from instanceof Float64Array ? { numbers: from } : of(from))
  const place = ({ each, starts, batches, along }: Factor) => [
    each,
    starts === undefined ? NO_TABLE : tables.add(starts),
    tables.add(batches),
    tables.add(along),
  ]
  const strides = [left, right].map(({ terms }) => strideOf(terms))
  const isStrided = strides.every((stride) => stride !== undefined)
  return {
    shader: 'product',
    entryPoint: 'carryProduct',
    constants: { ADDS: Number(onto !== undefined), STRIDED: Number(isStrided) },
    inputs: [input(left), input(right)],
    factor: timesStep ? ('step' as const) : 1,
    sizes: [
      [left.along.length, right.along.length, left.terms.length],
      place(left),
      place(right),
      isStrided ? (strides as number[]) : [left, right].map(({ terms }) => tables.add(terms)),
    ],
  } as const
}

/** The distance at which offsets lie, if it is the same for all. */
function strideOf(offsets: Int32Array): number | undefined {
  const [, stride = 0] = offsets
  return isArithmetic(offsets, stride) ? stride : undefined
}

const OF_RULES = new WeakMap<Float64Array, Float64Array>()

/** Four numbers for each element: the rule's constants, and the value last. */
function constantsOfRule({ rule, constants, values }: RuleKernel): Float64Array {
  const known = OF_RULES.get(constants)
  if (known !== undefined) return known
  const four = new Float64Array(4 * values.length)
  for (let k = 0; k < values.length; k++) {
    four.set(constants.subarray(rule.constants * k, rule.constants * (k + 1)), 4 * k)
    four[4 * k + 3] = values[k]
  }
  OF_RULES.set(constants, four)
  return four
}

/** Bytes of `Launch` of shaders/program/launch.wesl. */
export const LAUNCH_BYTES = 96

/** Writes a launch as the shaders read it. */
export function writeLaunch(view: DataView, at: number, launch: EncodedLaunch, step: number): void {
  const factor = launch.factor === 'step' ? step : launch.factor
  view.setUint32(at, launch.count, true)
  view.setUint32(at + 4, launch.size, true)
  view.setFloat32(at + 8, step, true)
  view.setFloat32(at + 12, factor, true)
  view.setFloat32(at + 16, factor - Math.fround(factor), true)
  for (const [i, four] of launch.sizes.entries()) {
    for (const [j, value] of four.entries()) view.setUint32(at + 32 + 16 * i + 4 * j, value, true)
  }
}
