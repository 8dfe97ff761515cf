import { listOffsets, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { formatShape } from '../tensor.js'
import { type Contraction, contraction, type Index } from './contraction.js'
import type { Definition } from './definition.js'
import type { Application, Operation, OtherRule } from './operation.js'
import { perAxis, windowsAlong } from './rows.js'

/** One number for each axis that the kernel is moved along. */
export interface ConvolutionAttributes {
  /** How far the kernel is moved at a time. @default 1 */
  readonly stride?: readonly number[]
  /** How far apart the elements are that neighbours of the kernel meet. @default 1 */
  readonly dilation?: readonly number[]
  /** Whether axis 1 of the input and axis 0 of the kernel are groups that do not mix. @default false */
  readonly grouped?: boolean
}

/**
 * Cross-correlations, as networks call convolution, without padding: of an input (n, c, …) with kernels (o, c, …), or of
 * groups (n, g, c, …) with (g, o, c, …).
 */
function convolution(name: string, attributes: ConvolutionAttributes): Operation {
  return contraction(name, {
    attributes: { ...attributes },
    indicesOf: (kernel, input) => convolutionIndices(kernel, input, attributes),
    mistakes: (application, operand, operation) => listMistakes(application, operand, operation, attributes),
  })
}

function convolutionIndices(
  kernel: Shape,
  input: Shape,
  { stride, dilation, grouped = false }: ConvolutionAttributes,
): Contraction {
  const groups = grouped ? 1 : 0
  const before = 2 + groups
  const count = input.length - before
  if (count < 1 || kernel.length !== input.length) {
    const [ofInput, ofKernel] = grouped ? ['(n, g, c, …)', '(g, o, c, …)'] : ['(n, c, …)', '(o, c, …)']
    throw new ShapeMismatch(
      `it takes kernels ${ofKernel} and an input ${ofInput} with as many axes, not ${formatShape(kernel)} and ${formatShape(input)}`,
    )
  }
  const channels = 1 + groups
  if (input[channels] !== kernel[channels]) {
    throw new ShapeMismatch(
      `kernels ${formatShape(kernel)} are of ${kernel[channels]} channels, and the input ${formatShape(input)} has ${input[channels]}${grouped ? ' in each group' : ''}`,
    )
  }
  if (grouped && input[1] !== kernel[0]) {
    throw new ShapeMismatch(`the input has ${input[1]} groups, and there are kernels for ${kernel[0]}`)
  }
  const moves = perAxis('stride', stride, count, 1)
  const steps = perAxis('dilation', dilation, count, 1)
  const along = moves.map((move, k) => windowsAlong(input[before + k], kernel[before + k], move, steps[k]))
  const at = (axis: number, step = 1) => ({ axis, step })
  const samples: Index = { length: input[0], right: at(0) }
  const grouping: Index = { length: input[1], left: at(0), right: at(1) }
  return {
    batches: grouped ? [samples, grouping] : [samples],
    rows: [{ length: kernel[groups], left: at(groups) }],
    columns: along.map((axis, k) => ({ length: axis.count, right: at(before + k, axis.stride) })),
    terms: [
      { length: input[channels], left: at(channels), right: at(channels) },
      ...along.map(
        (axis, k): Index => ({
          length: axis.kernel,
          left: at(before + k),
          right: at(before + k, axis.dilation),
        }),
      ),
    ],
  }
}

/** The kernel turned round where it is to be kept, or kept where it is to be turned. */
function* listMistakes(
  application: Application,
  operand: number,
  operation: Operation,
  { grouped = false }: ConvolutionAttributes,
): Generator<OtherRule> {
  const [kernel] = application.operands
  const { shape } = kernel
  const before = grouped ? 3 : 2
  if (shape.slice(before).every((length) => length === 1)) return
  const strides = stridesOf(shape)
  const last = shape.reduce(
    (sum, length, axis) => sum + (axis < before ? 0 : (length - 1) * strides[axis]),
    0,
  )
  const turned = listOffsets(
    shape,
    strides.map((stride, axis) => (axis < before ? stride : -stride)),
  ).map((offset) => offset + last)
  const turn = (data: Float64Array) => Float64Array.from(turned, (k) => data[k])
  if (operand === 0) {
    yield {
      kind: 'kernel-flipped',
      text: 'is turned round along the kernel’s axes',
      passBack: (cotangent) => turn(operation.pullBack(application, cotangent, 0)),
    }
    return
  }
  const operands = application.operands.with(0, { shape, data: turn(kernel.data) })
  yield {
    kind: 'kernel-flipped',
    text: 'comes through the kernel turned the wrong way round',
    passBack: (cotangent) => operation.pullBack({ ...application, operands }, cotangent, 1),
  }
}

const PER_AXIS = { rule: 'a list of whole numbers' } as const

export const CONVOLUTIONS = {
  /** Of kernels (o, c, …) over an input (n, c, …), without padding; grouped, of (g, o, c, …) over (n, g, c, …). */
  convolution: {
    arity: 2,
    attributes: { stride: PER_AXIS, dilation: PER_AXIS, grouped: { rule: 'true or false' } },
    examples: [
      {
        shapes: [
          [3, 2, 2, 3],
          [2, 2, 4, 4],
        ],
      },
      {
        attributes: { stride: [2], dilation: [2] },
        shapes: [
          [2, 3, 2],
          [2, 3, 7],
        ],
      },
      {
        attributes: { grouped: true },
        shapes: [
          [2, 2, 1, 2],
          [2, 2, 1, 4],
        ],
      },
    ],
    make: convolution,
  } satisfies Definition<ConvolutionAttributes, 2>,
}
