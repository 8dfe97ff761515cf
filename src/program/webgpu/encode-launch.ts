import moveSingle from '../../../shaders/program/move.wesl'
import moveExtended from '../../../shaders/program/move.wesl?extended'
import productSingle from '../../../shaders/program/product.wesl'
import productExtended from '../../../shaders/program/product.wesl?extended'
import ruleSingle from '../../../shaders/program/rule.wesl'
import ruleExtended from '../../../shaders/program/rule.wesl?extended'
import softmaxSingle from '../../../shaders/program/softmax.wesl'
import softmaxExtended from '../../../shaders/program/softmax.wesl?extended'
import sumSingle from '../../../shaders/program/sum.wesl'
import sumExtended from '../../../shaders/program/sum.wesl?extended'
import type { GpuPrecision } from '../../differentiate/evaluator.js'
import {
  type Factor,
  type ProductKernel,
  type Read,
  type RuleKernel,
  sizeOf,
} from '../../operations/kernels.js'
import { RULE_CODES } from '../../operations/table.js'
import { type Launch, placeOf } from '../plan-carry.js'

const SHADERS = {
  rule: { single: ruleSingle, extended: ruleExtended },
  product: { single: productSingle, extended: productExtended },
  sum: { single: sumSingle, extended: sumExtended },
  move: { single: moveSingle, extended: moveExtended },
  softmax: { single: softmaxSingle, extended: softmaxExtended },
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
        sizes: [[kernel.before, kernel.inner.length, tables.add(kernel.outer), tables.add(kernel.inner)]],
      }
    case 'gather':
      return {
        ...each,
        shader: 'move',
        entryPoint: 'gather',
        inputs: [of(kernel.from)],
        sizes: [[tables.add(kernel.order)]],
      }
    case 'spread':
      return {
        ...each,
        shader: 'move',
        entryPoint: 'spread',
        inputs: [of(kernel.from)],
        clears: true,
        workgroups: Math.ceil((block.count * kernel.inner.length) / GROUP_SIZE),
        sizes: [[kernel.inner.length, tables.add(kernel.starts), tables.add(kernel.inner)]],
      }
    case 'softmax': {
      const { logits, targets, place, classes, constants } = kernel
      return {
        ...each,
        shader: 'softmax',
        entryPoint: 'carrySoftmax',
        constants: {
          MOVES_LOGITS: Number(logits !== undefined),
          MOVES_TARGETS: Number(targets !== undefined),
        },
        inputs: [{ numbers: constants }, logits && of(logits), targets && of(targets)],
        sizes: [[classes, tables.add(place.starts), tables.add(place.inner)]],
      }
    }
  }
}

function encodeProduct(
  { left, right, columns, terms, timesStep, onto }: ProductKernel,
  of: (from: Read) => Input,
  tables: Tables,
) {
  const input = ({ from }: Factor): Input => (from instanceof Float64Array ? { numbers: from } : of(from))
  const start = ({ starts }: Factor) => (starts === undefined ? NO_TABLE : tables.add(starts))
  return {
    shader: 'product',
    entryPoint: 'carryProduct',
    constants: { ADDS: Number(onto !== undefined) },
    inputs: [input(left), input(right)],
    factor: timesStep ? ('step' as const) : 1,
    sizes: [
      [columns, terms, start(left), start(right)],
      [left.each, left.along, left.term],
      [right.each, right.along, right.term],
    ],
  } as const
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
