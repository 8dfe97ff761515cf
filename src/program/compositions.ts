import type { AttributeRules } from '../operations/attribute-rules.js'
import { elementCount, formatShape, type Tensor } from '../tensor.js'
import type { Node, NodeLike, OperationMethods } from './builder.js'
import {
  broadcastShapes,
  listOffsets,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  ShapeMismatch,
  stridesOf,
} from './shapes.js'

/** What compositions are built with. */
export interface Core extends OperationMethods {
  /** Numbers that stand in the program. */
  constant(value: number | Tensor): Node
  /** A value of the program, made of what stands for one. */
  node(given: NodeLike): Node
}

/** An operation that is made of several of the table: what it is built of stands in the program in its place. */
export interface Composition<A extends object = object, Arity extends 1 | 2 | 3 = 1 | 2 | 3> {
  readonly arity: Arity
  readonly attributes?: AttributeRules
  build(b: Core, operands: readonly Node[], attributes: A): Node
}

/** No probability is below it but 0. */
const SMALLEST = 2 ** -1000

const AXES = { axes: { rule: 'a list of whole numbers' }, keepDims: { rule: 'true or false' } } as const
const AXIS = { axis: { rule: 'a whole number' } } as const
const PER_AXIS = { rule: 'a whole number, or a list of them' } as const
const NODE = { rule: 'a value, a number or a tensor' } as const

interface Reduction {
  readonly axes?: readonly number[]
  readonly keepDims?: boolean
}

type None = Readonly<Record<never, never>>

function composition<A extends object, const Arity extends 1 | 2 | 3>(
  arity: Arity,
  attributes: AttributeRules,
  build: (b: Core, operands: readonly Node[], attributes: A) => Node,
): Composition<A, Arity> {
  return { arity, attributes, build }
}

const unary = (build: (b: Core, x: Node) => Node) => composition<None, 1>(1, {}, (b, [x]) => build(b, x))
const binary = (build: (b: Core, x: Node, y: Node) => Node) =>
  composition<None, 2>(2, {}, (b, [x, y]) => build(b, x, y))

/** A number for each of some axes. */
function spread(
  name: string,
  given: number | readonly number[] | undefined,
  count: number,
  usual: number,
): readonly number[] {
  const numbers = typeof given === 'object' ? given : new Array<number>(count).fill(given ?? usual)
  if (numbers.length !== count) {
    throw new ShapeMismatch(`${name} has ${numbers.length} numbers, and there are ${count} axes`)
  }
  // a padding may be 0, nothing else
  const least = /padding/i.test(name) ? 0 : 1
  const low = numbers.find((number) => number < least)
  if (low !== undefined) throw new ShapeMismatch(`${name} must be ${least} or more, not ${low}`)
  return numbers
}

const maskOf = (shape: Shape, holds: (row: number, column: number) => boolean): Tensor => {
  if (shape.length < 2) throw new ShapeMismatch(`it takes matrices, not ${formatShape(shape)}`)
  const [rows, columns] = shape.slice(-2)
  return {
    shape: [rows, columns],
    data: Float64Array.from({ length: rows * columns }, (_, k) =>
      holds(Math.floor(k / columns), k % columns) ? 1 : 0,
    ),
    dtype: 'float64',
  }
}

// ---- shapes

function expandDims(b: Core, x: Node, axis: number): Node {
  const at = normalizeAxis(axis, x.shape.length + 1)
  return b.reshape(x, { shape: x.shape.toSpliced(at, 0, 1) })
}

function swapAxes(b: Core, x: Node, one: number, other: number): Node {
  const [i, j] = [one, other].map((axis) => normalizeAxis(axis, x.shape.length))
  const axes = x.shape.map((_, axis) => (axis === i ? j : axis === j ? i : axis))
  return i === j ? x : b.transpose(x, { axes })
}

/** One behind the other along an axis. */
export function concatenate(b: Core, given: readonly Node[], axis = 0): Node {
  const [first] = given
  if (first === undefined) throw new ShapeMismatch('there is nothing to put together')
  const at = normalizeAxis(axis, first.shape.length)
  const total = given.reduce((sum, { shape }) => sum + (shape[at] ?? 0), 0)
  const shape = first.shape.with(at, total)
  const strides = stridesOf(shape)
  const places: number[] = []
  let before = 0
  for (const node of given) {
    const fits =
      node.shape.length === first.shape.length &&
      node.shape.every((length, other) => other === at || length === first.shape[other])
    if (!fits) {
      throw new ShapeMismatch(
        `${formatShape(first.shape)} and ${formatShape(node.shape)} differ beside axis ${axis}, along which they are put together`,
      )
    }
    for (const offset of listOffsets(node.shape, strides)) places.push(before * strides[at] + offset)
    before += node.shape[at]
  }
  return b.assemble(given, { shape, places })
}

/** Along a new axis. */
export function stack(b: Core, given: readonly Node[], axis = 0): Node {
  return concatenate(
    b,
    given.map((node) => expandDims(b, node, axis)),
    axis,
  )
}

// ---- products

/** Einstein's summation of one or two operands, as numpy.einsum takes it: each index a letter, … for all others. */
export function einsum(b: Core, subscripts: string, given: readonly Node[]): Node {
  const [inputs, output] = readSubscripts(subscripts, given)
  const reduced = given.map((node, k) =>
    traceOut(b, node, inputs[k], [...inputs.filter((_, other) => other !== k).flat(), ...output]),
  )
  if (reduced.length === 1) return arrange(b, reduced[0].node, reduced[0].letters, output)
  const [left, right] = reduced
  const inBoth = left.letters.filter((letter) => right.letters.includes(letter))
  const batches = inBoth.filter((letter) => output.includes(letter))
  const shared = inBoth.filter((letter) => !output.includes(letter))
  const rows = left.letters.filter((letter) => !inBoth.includes(letter))
  const columns = right.letters.filter((letter) => !inBoth.includes(letter))
  const lengthOf = (letter: string) => {
    const onLeft = left.letters.indexOf(letter)
    const lengths = [left.node.shape[onLeft], right.node.shape[right.letters.indexOf(letter)]].filter(
      (length) => length !== undefined,
    )
    if (new Set(lengths).size > 1) {
      throw new ShapeMismatch(`index ${letter} is ${lengths.join(' and ')} long in "${subscripts}"`)
    }
    return lengths[0]
  }
  const count = (letters: readonly string[]) =>
    letters.reduce((product, letter) => product * lengthOf(letter), 1)
  const ofBatches = batches.map(lengthOf)
  const merge = (side: { node: Node; letters: string[] }, order: string[], shape: number[]) => {
    const arranged = arrange(b, side.node, side.letters, order)
    return formatShape(arranged.shape) === formatShape(shape) ? arranged : b.reshape(arranged, { shape })
  }
  const product = b.matmul(
    merge(left, [...batches, ...rows, ...shared], [...ofBatches, count(rows), count(shared)]),
    merge(right, [...batches, ...shared, ...columns], [...ofBatches, count(shared), count(columns)]),
  )
  const letters = [...batches, ...rows, ...columns]
  const shape = letters.map(lengthOf)
  const whole = formatShape(product.shape) === formatShape(shape) ? product : b.reshape(product, { shape })
  return arrange(b, whole, letters, output)
}

function readSubscripts(subscripts: string, given: readonly Node[]): [string[][], string[]] {
  const text = subscripts.replaceAll(/\s/g, '')
  const [left, arrow, ...rest] = text.split('->')
  const inputs = left.split(',')
  if (
    rest.length > 0 ||
    !/^[A-Za-z.,]*$/.test(left) ||
    (arrow !== undefined && !/^[A-Za-z.]*$/.test(arrow))
  ) {
    throw new ShapeMismatch(`"${subscripts}" is no sum: write 'ij,jk->ik'`)
  }
  if (inputs.length !== given.length || given.length === 0 || given.length > 2) {
    throw new ShapeMismatch(
      `"${subscripts}" names ${inputs.length} operands, and ${given.length} are given; it takes one or two`,
    )
  }
  const ranks = inputs.map((own, k) => given[k].shape.length - own.replace('...', '').length)
  const most = Math.max(0, ...inputs.map((own, k) => (own.includes('...') ? ranks[k] : 0)))
  // digits stand for what … leaves out, the last first
  const hidden = (count: number) => Array.from({ length: count }, (_, k) => String(most - count + k))
  const expand = (own: string, k: number) => {
    const letters = own.includes('...')
      ? [...own.slice(0, own.indexOf('...')), ...hidden(ranks[k]), ...own.slice(own.indexOf('...') + 3)]
      : [...own]
    if (letters.includes('.') || letters.length !== given[k].shape.length) {
      throw new ShapeMismatch(
        `"${own}" has ${own.length} indices, and its operand ${formatShape(given[k].shape)} has ${given[k].shape.length} axes`,
      )
    }
    return letters
  }
  const letters = inputs.map(expand)
  const all = letters.flat()
  const once = [...new Set(all)].filter((letter) => all.filter((other) => other === letter).length === 1)
  const implied = [...hidden(most), ...once.filter((letter) => /[A-Za-z]/.test(letter)).sort()]
  const output =
    arrow === undefined
      ? implied
      : arrow.includes('...')
        ? [...arrow.slice(0, arrow.indexOf('...')), ...hidden(most), ...arrow.slice(arrow.indexOf('...') + 3)]
        : [...arrow]
  const unknown = output.find((letter, k) => !all.includes(letter) || output.indexOf(letter) !== k)
  if (unknown !== undefined) {
    throw new ShapeMismatch(
      `index ${unknown} of the result is in no operand of "${subscripts}", or there twice`,
    )
  }
  return [letters, output]
}

/** An operand whose repeated indices are taken from its diagonal, and without those that nothing else has. */
function traceOut(b: Core, given: Node, letters: readonly string[], others: readonly string[]) {
  let node = given
  let own = [...letters]
  for (let k = 0; k < own.length; k++) {
    const twin = own.indexOf(own[k], k + 1)
    if (twin === -1) continue
    const [n, m] = [node.shape[k], node.shape[twin]]
    if (n !== m) throw new ShapeMismatch(`index ${own[k]} is ${n} and ${m} long`)
    const rest = own.filter((_, axis) => axis !== k && axis !== twin)
    const axes = [k, twin, ...[...own.keys()].filter((axis) => axis !== k && axis !== twin)]
    const shape = axes.slice(2).map((axis) => node.shape[axis])
    const flat = b.reshape(b.transpose(node, { axes }), { shape: [n * n, ...shape] })
    node = b.take(flat, { axis: 0, indices: Array.from({ length: n }, (_, i) => i * (n + 1)) })
    own = [own[k], ...rest]
    k = -1
  }
  const lost = own.flatMap((letter, axis) => (others.includes(letter) ? [] : [axis]))
  if (lost.length > 0) node = b.sum(node, { axes: lost })
  return { node, letters: own.filter((letter) => others.includes(letter)) }
}

function arrange(b: Core, node: Node, letters: readonly string[], order: readonly string[]): Node {
  const axes = order.map((letter) => letters.indexOf(letter))
  return axes.every((axis, k) => axis === k) ? node : b.transpose(node, { axes })
}

interface ConvolutionSettings {
  readonly bias?: NodeLike
  readonly stride?: number | readonly number[]
  readonly padding?: number | readonly number[]
  readonly dilation?: number | readonly number[]
  readonly groups?: number
}

const CONVOLUTION = {
  bias: NODE,
  stride: PER_AXIS,
  padding: PER_AXIS,
  dilation: PER_AXIS,
  groups: { rule: 'a whole number ≥ 1' },
} as const

function requireSpatial(x: Node, w: Node, count: number): void {
  if (x.shape.length === count + 2 && w.shape.length === count + 2) return
  const axes = ['length', 'height, width', 'depth, height, width'][count - 1]
  throw new ShapeMismatch(
    `it takes an input (samples, channels, ${axes}) and kernels (outputs, channels, …), not ${formatShape(x.shape)} and ${formatShape(w.shape)}`,
  )
}

/** As torch.nn.functional's: kernels (outputs, channels of a group, …) over an input (samples, channels, …). */
function convolve(b: Core, x: Node, w: Node, count: number, settings: ConvolutionSettings): Node {
  requireSpatial(x, w, count)
  const { groups = 1 } = settings
  const [samples, channels, ...lengths] = x.shape
  const [outputs, ofGroup] = w.shape
  if (channels !== ofGroup * groups || outputs % groups !== 0) {
    throw new ShapeMismatch(
      `kernels ${formatShape(w.shape)}${groups === 1 ? '' : ` in ${groups} groups`} need an input of ${ofGroup * groups} channels${outputs % groups === 0 ? '' : ` and a multiple of ${groups} outputs`}, and it has shape ${formatShape(x.shape)}`,
    )
  }
  const [stride, padding, dilation] = [
    spread('stride', settings.stride, count, 1),
    spread('padding', settings.padding, count, 0),
    spread('dilation', settings.dilation, count, 1),
  ]
  let input = x
  for (const [k, by] of padding.entries()) {
    if (by > 0) input = b.pad(input, { axis: 2 + k, before: by, after: by })
    const span = (w.shape[2 + k] - 1) * dilation[k] + 1
    if (input.shape[2 + k] < span) {
      throw new ShapeMismatch(
        `a kernel of ${w.shape[2 + k]}${dilation[k] === 1 ? '' : `, dilated by ${dilation[k]},`} needs ${span} elements along axis ${2 + k}, and there are ${lengths[k]}${by === 0 ? '' : ` and ${2 * by} of padding`}`,
      )
    }
  }
  const attributes = { stride, dilation }
  let result: Node
  if (groups === 1) result = b.convolution(w, input, attributes)
  else {
    const grouped = b.convolution(
      b.reshape(w, { shape: [groups, outputs / groups, ...w.shape.slice(1)] }),
      b.reshape(input, { shape: [samples, groups, ofGroup, ...input.shape.slice(2)] }),
      { ...attributes, grouped: true },
    )
    result = b.reshape(grouped, { shape: [samples, outputs, ...grouped.shape.slice(3)] })
  }
  return addChannels(b, result, settings.bias, 1)
}

/** Adds a number for each index of an axis. */
function addChannels(b: Core, x: Node, bias: NodeLike | undefined, axis: number): Node {
  return bias === undefined ? x : b.add(x, alongAxis(b, x, bias, axis))
}

function scaleChannels(b: Core, x: Node, weight: NodeLike | undefined, axis: number): Node {
  return weight === undefined ? x : b.multiply(x, alongAxis(b, x, weight, axis))
}

/** A vector turned along an axis of what it is broadcast to. */
function alongAxis(b: Core, x: Node, given: NodeLike, axis: number): Node {
  const vector = b.node(given)
  if (vector.shape.length !== 1 || vector.shape[0] !== x.shape[axis]) {
    throw new ShapeMismatch(
      `weight and bias need a number for each of the ${x.shape[axis]} indices of axis ${axis}, and have shape ${formatShape(vector.shape)}`,
    )
  }
  const after = x.shape.length - axis - 1
  return after === 0
    ? vector
    : b.reshape(vector, { shape: [vector.shape[0], ...new Array<number>(after).fill(1)] })
}

/** As torch.nn.functional's: kernels (channels, outputs of a group, …). */
function convolveTransposed(
  b: Core,
  x: Node,
  w: Node,
  count: number,
  settings: ConvolutionSettings & { readonly outputPadding?: number | readonly number[] },
): Node {
  requireSpatial(x, w, count)
  const { groups = 1 } = settings
  const [channels, ofGroup, ...kernel] = w.shape
  if (x.shape[1] !== channels || channels % groups !== 0) {
    throw new ShapeMismatch(
      `kernels ${formatShape(w.shape)} need an input of ${channels} channels, in ${groups} groups, and it has shape ${formatShape(x.shape)}`,
    )
  }
  const [stride, padding, dilation, outputPadding] = [
    spread('stride', settings.stride, count, 1),
    spread('padding', settings.padding, count, 0),
    spread('dilation', settings.dilation, count, 1),
    spread('outputPadding', settings.outputPadding, count, 0),
  ]
  let input = x
  for (const [k, by] of padding.entries()) {
    const axis = 2 + k
    const around = dilation[k] * (kernel[k] - 1) - by
    input = b.pad(input, {
      axis,
      between: stride[k] - 1,
      before: Math.max(0, around),
      after: Math.max(0, around) + outputPadding[k],
    })
    if (around < 0) input = b.slice(input, { axis, start: -around, stop: input.shape[axis] + around })
  }
  // (channels, outputs, …) as (outputs, channels, …), turned round along its own axes
  const perGroup = channels / groups
  let turned = w
  for (const [k, length] of kernel.entries()) {
    if (length > 1) turned = b.slice(turned, { axis: 2 + k, step: -1 })
  }
  const split = b.reshape(turned, { shape: [groups, perGroup, ofGroup, ...kernel] })
  const swapped = b.reshape(swapAxes(b, split, 1, 2), { shape: [groups * ofGroup, perGroup, ...kernel] })
  const { bias } = settings
  return convolve(b, input, swapped, count, { dilation, groups, ...(bias === undefined ? {} : { bias }) })
}

interface PoolSettings {
  readonly kernel: number | readonly number[]
  readonly stride?: number | readonly number[]
  readonly padding?: number | readonly number[]
  readonly dilation?: number | readonly number[]
}

const POOL = {
  kernel: { ...PER_AXIS, isRequired: true },
  stride: PER_AXIS,
  padding: PER_AXIS,
  dilation: PER_AXIS,
} as const

const { dilation: _, ...AVERAGE_POOL } = POOL

function maxPool(b: Core, x: Node, count: number, settings: PoolSettings): Node {
  const kernel = spread('kernel', settings.kernel, count, 1)
  const padding = spread('padding', settings.padding, count, 0)
  return b.maxPool(x, {
    kernel,
    stride: spread('stride', settings.stride ?? kernel, count, 1),
    dilation: spread('dilation', settings.dilation, count, 1),
    ...(padding.every((by) => by === 0) ? {} : { padding }),
  })
}

/** With zeros of the padding counted, as torch does it where it is not told otherwise. */
function averagePool(b: Core, x: Node, count: number, settings: Omit<PoolSettings, 'dilation'>): Node {
  const kernel = spread('kernel', settings.kernel, count, 1)
  let input = x
  for (const [k, by] of spread('padding', settings.padding, count, 0).entries()) {
    if (by > 0) input = b.pad(input, { axis: x.shape.length - count + k, before: by, after: by })
  }
  return b.averagePool(input, { kernel, stride: spread('stride', settings.stride ?? kernel, count, 1) })
}

// ---- norms

interface NormSettings {
  readonly weight?: NodeLike
  readonly bias?: NodeLike
  /** @default 1e-5 */
  readonly epsilon?: number
}

const NORM = { weight: NODE, bias: NODE, epsilon: { rule: 'a number' } } as const

function affine(b: Core, x: Node, { weight, bias }: NormSettings, axis: number): Node {
  return addChannels(b, scaleChannels(b, x, weight, axis), bias, axis)
}

const others = (x: Node, ...kept: readonly number[]) =>
  [...x.shape.keys()].filter((axis) => !kept.includes(axis))

function varianceOf(
  b: Core,
  x: Node,
  { axes, keepDims = false, correction = 0 }: Reduction & { readonly correction?: number },
) {
  const gone = normalizeAxes(axes ?? [...x.shape.keys()], x.shape.length)
  const count = gone.reduce((product, axis) => product * x.shape[axis], 1)
  if (count - correction <= 0) {
    throw new ShapeMismatch(`of ${count} elements with a correction of ${correction} there is no variance`)
  }
  const centred = b.subtract(x, b.mean(x, { axes: gone, keepDims: true }))
  const sum = b.mean(b.square(centred), { axes: gone, keepDims })
  return correction === 0 ? sum : b.multiply(sum, count / (count - correction))
}

function reduce(b: Core, losses: Node, reduction: 'mean' | 'sum' | 'none' = 'mean'): Node {
  return reduction === 'none' ? losses : reduction === 'sum' ? b.sum(losses) : b.mean(losses)
}

const REDUCTION = { reduction: { rule: 'mean, sum or none' } } as const

interface LossSettings {
  readonly reduction?: 'mean' | 'sum' | 'none'
}

interface CrossEntropySettings extends LossSettings {
  /** The class of each row. */
  readonly classes: readonly number[]
  /** Added up to 1 with what is left to the class: shared among all. @default 0 */
  readonly labelSmoothing?: number
  /** A number for each class, by which its rows are weighted. */
  readonly weight?: readonly number[]
  /** Rows of this class count nothing. @default −100 */
  readonly ignoreIndex?: number
}

/** Target probabilities of rows, and what each row counts. */
function targetsOf(rows: number, count: number, settings: CrossEntropySettings) {
  const { classes, labelSmoothing = 0, weight, ignoreIndex = -100 } = settings
  if (classes.length !== rows) {
    throw new ShapeMismatch(`there are ${classes.length} classes for ${rows} rows of logits`)
  }
  if (weight !== undefined && weight.length !== count) {
    throw new ShapeMismatch(`there are ${weight.length} weights for ${count} classes`)
  }
  const targets = new Float64Array(rows * count)
  let total = 0
  for (const [row, label] of classes.entries()) {
    if (label === ignoreIndex) continue
    if (label < 0 || label >= count) throw new ShapeMismatch(`class ${label} is none of ${count}`)
    total += weight?.[label] ?? 1
    for (let k = 0; k < count; k++) {
      const smoothed = (labelSmoothing / count) * (weight?.[k] ?? 1)
      const own = k === label ? (1 - labelSmoothing) * (weight?.[k] ?? 1) : 0
      targets[row * count + k] = smoothed + own
    }
  }
  return { targets, total }
}

function crossEntropy(b: Core, logits: Node, settings: CrossEntropySettings): Node {
  const count = logits.shape.at(-1) ?? 0
  if (elementCount(logits.shape) === 0 || logits.shape.length === 0) {
    throw new ShapeMismatch(`it takes logits (…, classes), not ${formatShape(logits.shape)}`)
  }
  const { targets, total } = targetsOf(elementCount(logits.shape) / count, count, settings)
  const tensor: Tensor = { shape: [...logits.shape], data: targets, dtype: 'float64' }
  const losses = b.softmaxCrossEntropy(logits, b.constant(tensor))
  const { reduction = 'mean' } = settings
  if (reduction !== 'mean') return reduce(b, losses, reduction)
  if (total === 0) throw new ShapeMismatch('every row is ignored')
  return b.multiply(b.sum(losses), 1 / total)
}

/** Operations made of several: their names are those of NumPy and of torch.nn.functional. */
export const COMPOSITIONS = {
  reciprocal: unary((b, x) => b.divide(1, x)),
  exp2: unary((b, x) => b.exp(b.multiply(x, Math.LN2))),
  log2: unary((b, x) => b.multiply(b.log(x), Math.LOG2E)),
  log10: unary((b, x) => b.multiply(b.log(x), Math.LOG10E)),
  ceil: unary((b, x) => b.negative(b.floor(b.negative(x)))),
  asin: unary((b, x) => b.atan(b.divide(x, b.sqrt(b.multiply(b.subtract(1, x), b.add(1, x)))))),
  acos: unary((b, x) =>
    b.subtract(Math.PI / 2, b.atan(b.divide(x, b.sqrt(b.multiply(b.subtract(1, x), b.add(1, x)))))),
  ),
  atanh: unary((b, x) => b.multiply(0.5, b.subtract(b.log1p(x), b.log1p(b.negative(x))))),
  acosh: unary((b, x) => b.log(b.add(x, b.sqrt(b.multiply(b.subtract(x, 1), b.add(x, 1)))))),
  mish: unary((b, x) => b.multiply(x, b.tanh(b.softplus(x)))),
  relu6: unary((b, x) => b.minimum(b.relu(x), 6)),
  hardsigmoid: unary((b, x) => b.divide(b.minimum(b.relu(b.add(x, 3)), 6), 6)),
  hardswish: unary((b, x) => b.divide(b.multiply(x, b.minimum(b.relu(b.add(x, 3)), 6)), 6)),
  logSigmoid: unary((b, x) => b.negative(b.softplus(b.negative(x)))),
  hypot: binary((b, x, y) => b.sqrt(b.add(b.square(x), b.square(y)))),
  /** ln(e^a + e^b) */
  logAddExp: binary((b, x, y) => {
    const shape = broadcastShapes([x.shape, y.shape])
    const both = [x, y].map((one) =>
      formatShape(one.shape) === formatShape(shape) ? one : b.broadcastTo(one, { shape }),
    )
    return b.logSumExp(stack(b, both), { axes: [0] })
  }),
  // 1 or 0
  greater: binary((b, x, y) => b.step(b.subtract(x, y))),
  greaterEqual: binary((b, x, y) => b.subtract(1, b.step(b.subtract(y, x)))),
  less: binary((b, x, y) => b.step(b.subtract(y, x))),
  lessEqual: binary((b, x, y) => b.subtract(1, b.step(b.subtract(x, y)))),
  equal: binary((b, x, y) => b.subtract(1, b.abs(b.sign(b.subtract(x, y))))),
  notEqual: binary((b, x, y) => b.abs(b.sign(b.subtract(x, y)))),
  /** The second operand where the first is above 0, else the third. */
  where: composition<None, 3>(3, {}, (b, [condition, x, y]) => b.select(condition, x, y)),
  clip: composition<{ readonly min?: number; readonly max?: number }, 1>(
    1,
    { min: { rule: 'a number' }, max: { rule: 'a number' } },
    (b, [x], { min, max }) => {
      const above = min === undefined ? x : b.maximum(x, min)
      return max === undefined ? above : b.minimum(above, max)
    },
  ),
  /** Of a residual: r²/2 up to delta, then straight on. */
  huber: composition<{ readonly delta?: number }, 1>(
    1,
    { delta: { rule: 'a number' } },
    (b, [r], { delta = 1 }) => {
      const clipped = b.minimum(b.maximum(r, -delta), delta)
      return b.multiply(clipped, b.subtract(r, b.multiply(0.5, clipped)))
    },
  ),
  variance: composition<Reduction & { readonly correction?: number }, 1>(
    1,
    { ...AXES, correction: { rule: 'a number' } },
    (b, [x], given) => varianceOf(b, x, given),
  ),
  std: composition<Reduction & { readonly correction?: number }, 1>(
    1,
    { ...AXES, correction: { rule: 'a number' } },
    (b, [x], given) => b.sqrt(varianceOf(b, x, given)),
  ),
  /** √Σ x², or with `order: 1` Σ |x|. */
  norm: composition<Reduction & { readonly order?: number }, 1>(
    1,
    { ...AXES, order: { rule: 'a whole number ≥ 1' } },
    (b, [x], { order = 2, ...given }) => {
      if (order === 1) return b.sum(b.abs(x), given)
      if (order === 2) return b.sqrt(b.sum(b.square(x), given))
      return b.realPower(b.sum(b.realPower(b.abs(x), { exponent: order }), given), { exponent: 1 / order })
    },
  ),
  /** The product along some axes. */
  prod: composition<Reduction, 1>(1, AXES, (b, [x], { axes, keepDims = false }) => {
    const gone = normalizeAxes(axes ?? [...x.shape.keys()], x.shape.length)
    let product = x
    for (const axis of gone) {
      while (product.shape[axis] > 1) {
        const length = product.shape[axis]
        const half = Math.floor(length / 2)
        const [first, second] = [
          b.slice(product, { axis, stop: half }),
          b.slice(product, { axis, start: half, stop: 2 * half }),
        ]
        const halves = b.multiply(first, second)
        product =
          length % 2 === 0
            ? halves
            : concatenate(b, [halves, b.slice(product, { axis, start: length - 1 })], axis)
      }
    }
    const shape = product.shape.filter((_, axis) => !gone.includes(axis))
    return keepDims ? product : b.reshape(product, { shape })
  }),
  /** Sums of what is before, along an axis. */
  cumsum: composition<{ readonly axis?: number }, 1>(1, AXIS, (b, [x], { axis = -1 }) => {
    const at = normalizeAxis(axis, x.shape.length)
    const n = x.shape[at]
    const sums = b.matmul(
      swapAxes(b, x, at, -1),
      maskOf([n, n], (row, column) => row <= column),
    )
    return swapAxes(b, sums, at, -1)
  }),
  expandDims: composition<{ readonly axis?: number }, 1>(1, AXIS, (b, [x], { axis = 0 }) =>
    expandDims(b, x, axis),
  ),
  /** Without axes of length 1: all of them, or one. */
  squeeze: composition<{ readonly axis?: number }, 1>(1, AXIS, (b, [x], { axis }) => {
    const at = axis === undefined ? undefined : normalizeAxis(axis, x.shape.length)
    if (at !== undefined && x.shape[at] !== 1) {
      throw new ShapeMismatch(`axis ${axis} of ${formatShape(x.shape)} is ${x.shape[at]} long, not 1`)
    }
    const shape = x.shape.filter((length, other) => (at === undefined ? length !== 1 : other !== at))
    return b.reshape(x, { shape })
  }),
  /** All axes from `start` on as one. */
  flatten: composition<{ readonly start?: number }, 1>(
    1,
    { start: { rule: 'a whole number' } },
    (b, [x], { start = 0 }) => {
      const at = normalizeAxis(start, x.shape.length)
      return b.reshape(x, { shape: [...x.shape.slice(0, at), elementCount(x.shape.slice(at))] })
    },
  ),
  swapAxes: composition<{ readonly axes: readonly number[] }, 1>(
    1,
    { axes: { rule: 'a list of whole numbers', isRequired: true } },
    (b, [x], { axes }) => {
      if (axes.length !== 2) throw new ShapeMismatch(`two axes are swapped, not ${axes.length}`)
      return swapAxes(b, x, axes[0], axes[1])
    },
  ),
  flip: composition<{ readonly axes?: readonly number[] }, 1>(1, { axes: AXES.axes }, (b, [x], { axes }) => {
    let turned = x
    for (const axis of axes ?? x.shape.keys()) turned = b.slice(turned, { axis, step: -1 })
    return turned
  }),
  /** Elements moved along an axis, those at its end to its beginning. */
  roll: composition<{ readonly shift: number; readonly axis?: number }, 1>(
    1,
    { shift: { rule: 'a whole number', isRequired: true }, ...AXIS },
    (b, [x], { shift, axis = -1 }) => {
      const at = normalizeAxis(axis, x.shape.length)
      const n = x.shape[at]
      return b.take(x, {
        axis: at,
        indices: Array.from({ length: n }, (_, k) => (((k - shift) % n) + n) % n),
      })
    },
  ),
  /** Each element several times, one behind the other. */
  repeat: composition<{ readonly count: number; readonly axis: number }, 1>(
    1,
    {
      count: { rule: 'a whole number ≥ 1', isRequired: true },
      axis: { rule: 'a whole number', isRequired: true },
    },
    (b, [x], { count, axis }) => {
      const at = normalizeAxis(axis, x.shape.length)
      const indices = Array.from({ length: count * x.shape[at] }, (_, k) => Math.floor(k / count))
      return b.take(x, { axis: at, indices })
    },
  ),
  /** What is below a diagonal of the last two axes, 0 elsewhere. */
  tril: composition<{ readonly diagonal?: number }, 1>(
    1,
    { diagonal: { rule: 'a whole number' } },
    (b, [x], { diagonal = 0 }) =>
      b.multiply(
        x,
        maskOf(x.shape, (row, column) => column - row <= diagonal),
      ),
  ),
  triu: composition<{ readonly diagonal?: number }, 1>(
    1,
    { diagonal: { rule: 'a whole number' } },
    (b, [x], { diagonal = 0 }) =>
      b.multiply(
        x,
        maskOf(x.shape, (row, column) => column - row >= diagonal),
      ),
  ),
  /** What stands at index k along an axis is added at `indices[k]` of an axis of `size`. */
  scatterAdd: composition<
    { readonly axis: number; readonly indices: readonly number[]; readonly size: number },
    1
  >(
    1,
    {
      axis: { rule: 'a whole number', isRequired: true },
      indices: { rule: 'a list of whole numbers', isRequired: true },
      size: { rule: 'a whole number ≥ 1', isRequired: true },
    },
    (b, [x], { axis, indices, size }) => {
      const at = normalizeAxis(axis, x.shape.length)
      if (indices.length !== x.shape[at]) {
        throw new ShapeMismatch(
          `there are ${indices.length} indices for ${x.shape[at]} elements along axis ${axis}`,
        )
      }
      const outside = indices.find((index) => index < 0 || index >= size)
      if (outside !== undefined)
        throw new ShapeMismatch(`index ${outside} is out of bounds for a size of ${size}`)
      const sums = new Float64Array(size * indices.length)
      for (const [k, index] of indices.entries()) sums[k * size + index] = 1
      const matrix: Tensor = { shape: [indices.length, size], data: sums, dtype: 'float64' }
      return swapAxes(b, b.matmul(swapAxes(b, x, at, -1), matrix), at, -1)
    },
  ),
  /** From the last axis of each row the element at its index. */
  takeAlong: composition<{ readonly indices: readonly number[] }, 1>(
    1,
    { indices: { rule: 'a list of whole numbers', isRequired: true } },
    (b, [x], { indices }) => {
      const n = x.shape.at(-1) ?? 0
      const rows = elementCount(x.shape.slice(0, -1))
      const outside = indices.find((index) => index >= n || index < -n)
      if (indices.length !== rows || outside !== undefined) {
        throw new ShapeMismatch(
          outside === undefined
            ? `there are ${indices.length} indices for ${rows} rows`
            : `index ${outside} is out of bounds for rows of ${n}`,
        )
      }
      const flat = b.reshape(x, { shape: [rows * n] })
      const picked = b.take(flat, {
        axis: 0,
        indices: indices.map((index, row) => row * n + (index < 0 ? index + n : index)),
      })
      return b.reshape(picked, { shape: x.shape.slice(0, -1) })
    },
  ),
  /** Rows of a table by their indices, in an array of `shape`. */
  embedding: composition<{ readonly indices: readonly number[]; readonly shape?: readonly number[] }, 1>(
    1,
    {
      indices: { rule: 'a list of whole numbers', isRequired: true },
      shape: { rule: 'a list of whole numbers' },
    },
    (b, [table], { indices, shape }) => {
      const rows = b.take(table, { axis: 0, indices })
      return shape === undefined ? rows : b.reshape(rows, { shape: [...shape, ...table.shape.slice(1)] })
    },
  ),
  dot: binary((b, x, y) => b.matmul(x, y)),
  outer: binary((b, x, y) => {
    const flat = [x, y].map((node) => elementCount(node.shape))
    return b.multiply(b.reshape(x, { shape: [flat[0], 1] }), b.reshape(y, { shape: [flat[1]] }))
  }),
  /** x·wᵀ + bias: w has a row for each output. */
  linear: composition<{ readonly bias?: NodeLike }, 2>(2, { bias: NODE }, (b, [x, w], { bias }) => {
    const product = b.matmul(x, swapAxes(b, w, -1, -2))
    return bias === undefined ? product : b.add(product, bias)
  }),
  conv1d: composition<ConvolutionSettings, 2>(2, CONVOLUTION, (b, [x, w], given) =>
    convolve(b, x, w, 1, given),
  ),
  conv2d: composition<ConvolutionSettings, 2>(2, CONVOLUTION, (b, [x, w], given) =>
    convolve(b, x, w, 2, given),
  ),
  conv3d: composition<ConvolutionSettings, 2>(2, CONVOLUTION, (b, [x, w], given) =>
    convolve(b, x, w, 3, given),
  ),
  convTranspose1d: composition<
    ConvolutionSettings & { readonly outputPadding?: number | readonly number[] },
    2
  >(2, { ...CONVOLUTION, outputPadding: PER_AXIS }, (b, [x, w], given) =>
    convolveTransposed(b, x, w, 1, given),
  ),
  convTranspose2d: composition<
    ConvolutionSettings & { readonly outputPadding?: number | readonly number[] },
    2
  >(2, { ...CONVOLUTION, outputPadding: PER_AXIS }, (b, [x, w], given) =>
    convolveTransposed(b, x, w, 2, given),
  ),
  maxPool1d: composition<PoolSettings, 1>(1, POOL, (b, [x], given) => maxPool(b, x, 1, given)),
  maxPool2d: composition<PoolSettings, 1>(1, POOL, (b, [x], given) => maxPool(b, x, 2, given)),
  avgPool1d: composition<Omit<PoolSettings, 'dilation'>, 1>(1, AVERAGE_POOL, (b, [x], given) =>
    averagePool(b, x, 1, given),
  ),
  avgPool2d: composition<Omit<PoolSettings, 'dilation'>, 1>(1, AVERAGE_POOL, (b, [x], given) =>
    averagePool(b, x, 2, given),
  ),
  /** Over every axis but one, that of channels. */
  batchNorm: composition<NormSettings & { readonly axis?: number }, 1>(
    1,
    { ...NORM, ...AXIS },
    (b, [x], { axis = 1, epsilon = 1e-5, ...given }) => {
      const at = normalizeAxis(axis, x.shape.length)
      return affine(b, b.standardize(x, { axes: others(x, at), epsilon }), given, at)
    },
  ),
  /** Over the last axes, as many as weight or bias have, or `axes`. */
  layerNorm: composition<NormSettings & { readonly axes?: readonly number[] }, 1>(
    1,
    { ...NORM, axes: AXES.axes },
    (b, [x], { axes = [-1], epsilon = 1e-5, weight, bias }) => {
      const normed = b.standardize(x, { axes, epsilon })
      const scaled = weight === undefined ? normed : b.multiply(normed, weight)
      return bias === undefined ? scaled : b.add(scaled, bias)
    },
  ),
  /** Over the channels of each group and what follows them. */
  groupNorm: composition<NormSettings & { readonly groups: number }, 1>(
    1,
    { ...NORM, groups: { rule: 'a whole number ≥ 1', isRequired: true } },
    (b, [x], { groups, epsilon = 1e-5, ...given }) => {
      const [samples, channels, ...rest] = x.shape
      if (channels === undefined) {
        throw new ShapeMismatch(`it takes (samples, channels, …), not ${formatShape(x.shape)}`)
      }
      if (channels % groups !== 0) {
        throw new ShapeMismatch(`${channels} channels do not fall into ${groups} groups`)
      }
      const grouped = b.reshape(x, { shape: [samples, groups, elementCount([channels / groups, ...rest])] })
      return affine(b, b.reshape(b.standardize(grouped, { epsilon }), { shape: x.shape }), given, 1)
    },
  ),
  /** Of each sample and channel. */
  instanceNorm: composition<NormSettings, 1>(1, NORM, (b, [x], { epsilon = 1e-5, ...given }) =>
    affine(b, b.standardize(x, { axes: others(x, 0, 1), epsilon }), given, 1),
  ),
  /** x/√(Σ x² + epsilon) along some axes, the last one where none are given. */
  normalize: composition<{ readonly axes?: readonly number[]; readonly epsilon?: number }, 1>(
    1,
    { axes: AXES.axes, epsilon: { rule: 'a number' } },
    (b, [x], { axes = [-1], epsilon = 0 }) => {
      const count = normalizeAxes(axes, x.shape.length).reduce((product, axis) => product * x.shape[axis], 1)
      return b.multiply(b.rmsNorm(x, { axes, epsilon: epsilon / count }), 1 / Math.sqrt(count))
    },
  ),
  /** Along some axes, the last one where none are given: 1 − |x̂ − ŷ|²/2 of the unit vectors, which keeps its digits near 1. */
  cosineSimilarity: composition<{ readonly axes?: readonly number[] }, 2>(
    2,
    { axes: AXES.axes },
    (b, [x, y], { axes = [-1] }) => {
      const count = normalizeAxes(axes, x.shape.length).reduce((product, axis) => product * x.shape[axis], 1)
      // norms of √n, not of 1: the mean of squares is their sum by n
      const apart = b.subtract(b.rmsNorm(x, { axes }), b.rmsNorm(y, { axes }))
      return b.subtract(1, b.multiply(b.sum(b.square(apart), { axes }), 0.5 / count))
    },
  ),
  /** softmax(q·kᵀ·scale + mask)·v along the last two axes. */
  scaledDotProductAttention: composition<
    { readonly scale?: number; readonly mask?: NodeLike; readonly causal?: boolean },
    3
  >(
    3,
    { scale: { rule: 'a number' }, mask: NODE, causal: { rule: 'true or false' } },
    (b, [q, k, v], { scale, mask, causal = false }) => {
      const width = q.shape.at(-1) ?? 1
      const scores = b.multiply(b.matmul(q, swapAxes(b, k, -1, -2)), scale ?? 1 / Math.sqrt(width))
      const added = mask === undefined ? scores : b.add(scores, mask)
      const last = added.shape.slice(-2)
      const ahead = maskOf(last, (row, column) => column > row)
      const barred = causal
        ? b.add(added, { ...ahead, data: ahead.data.map((is) => (is === 1 ? -1e30 : 0)) })
        : added
      // values that a mask leaves out may be anything
      if (mask !== undefined) return b.matmul(b.softmax(barred), v)
      // Σ p = 1: what all values have in common passes by the softmax, and loses no digits in it
      const common = b.mean(v, { axes: [-2], keepDims: true })
      return b.add(b.matmul(b.softmax(barred), b.subtract(v, common)), common)
    },
  ),
  mseLoss: composition<LossSettings, 2>(2, REDUCTION, (b, [x, y], { reduction }) =>
    reduce(b, b.square(b.subtract(x, y)), reduction),
  ),
  l1Loss: composition<LossSettings, 2>(2, REDUCTION, (b, [x, y], { reduction }) =>
    reduce(b, b.abs(b.subtract(x, y)), reduction),
  ),
  /** Of logits along the last axis and the class of each row. */
  crossEntropy: composition<CrossEntropySettings, 1>(
    1,
    {
      classes: { rule: 'a list of whole numbers', isRequired: true },
      labelSmoothing: { rule: 'a number' },
      weight: { rule: 'a list of numbers' },
      ignoreIndex: { rule: 'a whole number' },
      ...REDUCTION,
    },
    (b, [logits], settings) => crossEntropy(b, logits, settings),
  ),
  /** Of probabilities and targets from 0 to 1. */
  binaryCrossEntropy: composition<LossSettings, 2>(2, REDUCTION, (b, [p, y], { reduction }) => {
    const losses = b.add(b.multiply(y, b.log(p)), b.multiply(b.subtract(1, y), b.log1p(b.negative(p))))
    return reduce(b, b.negative(losses), reduction)
  }),
  /** Σ t·(ln t − x) of log-probabilities x and probabilities t, summed unless a reduction is given. */
  klDiv: composition<LossSettings, 2>(2, REDUCTION, (b, [x, t], { reduction = 'sum' }) =>
    // t·ln t is 0 where t is
    reduce(b, b.subtract(b.multiply(t, b.log(b.maximum(t, SMALLEST))), b.multiply(t, x)), reduction),
  ),
  /** Σ max(0, margin + x_j − x_y) over the other classes of each row by the number of classes, in the mean over rows. */
  multiMarginLoss: composition<
    { readonly classes: readonly number[]; readonly margin?: number } & LossSettings,
    1
  >(
    1,
    {
      classes: { rule: 'a list of whole numbers', isRequired: true },
      margin: { rule: 'a number' },
      ...REDUCTION,
    },
    (b, [x], { classes, margin = 1, reduction }) => {
      const count = x.shape.at(-1) ?? 0
      const { targets } = targetsOf(elementCount(x.shape) / Math.max(1, count), count, { classes })
      const one: Tensor = { shape: [...x.shape], data: targets, dtype: 'float64' }
      const own = b.sum(b.multiply(x, one), { axes: [-1], keepDims: true })
      const margins = b.relu(b.add(b.subtract(x, own), margin))
      const rest: Tensor = { ...one, data: targets.map((is) => 1 - is) }
      return reduce(b, b.mean(b.multiply(margins, rest), { axes: [-1] }), reduction)
    },
  ),
} as const
