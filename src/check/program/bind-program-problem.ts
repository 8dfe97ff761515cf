import { GradcheckError } from '../../errors.js'
import type { AnalyticalGradient } from '../../network/bind.js'
import type { ProgramDefinition } from '../../program/builder.js'
import { compactProgram } from '../../program/compact.js'
import { type BoundProgram, bindProgram } from '../../program/evaluate.js'
import { describeElement, describeSource } from '../../program/print.js'
import { type InputValue, inputsOf, type Program } from '../../program/program.js'
import { simplifyProgram } from '../../program/simplify.js'
import { isRecord, requireRecord } from '../../requirements.js'
import { suggestName } from '../../suggest.js'
import {
  findNonFinite,
  formatShape,
  type NamedTensors,
  requireTensor,
  type Tensor,
  unravelIndex,
} from '../../tensor.js'
import type { FollowedBackward } from '../backward-report.js'
import type { TensorsByName } from '../problem.js'
import type { ForwardReport } from '../report.js'
import { readSavedCost, type SavedCost } from '../setup/saved-cost.js'
import type { SavedIntermediate } from './check-intermediates.js'
import { compareOutput, type OutputComparison, type SavedOutput } from './saved-output.js'

/** A loss that is built of operations, the point it is checked at, and the gradient somebody wrote. */
export interface ProgramProblem {
  readonly program: ProgramDefinition
  /** Every array that the program reads, data too, under the names it reads them by. */
  readonly parameters: TensorsByName
  /** The analytical gradient of some of them, under their own names or with a `d` before: those are checked. */
  readonly gradients: TensorsByName
  /** What the program's output is multiplied by and summed, where it is no single number: of its shape. */
  readonly upstream?: Tensor
  /** J as the user's code computed it. */
  readonly cost?: number | Tensor | undefined
  /** What gradients are called where they were saved, by their parameters. @default their names above */
  readonly gradientNames?: ReadonlyMap<string, string> | undefined
  /** What the array that the loss is made of was saved as, to be compared. */
  readonly output?: SavedOutput | undefined
  /** What the program was read from, for the report. */
  readonly forward?: ForwardReport | undefined
  /** Saved gradients of values inside the program, by the names of those: they say where a wrong one comes from. */
  readonly intermediates?: ReadonlyMap<string, SavedIntermediate> | undefined
  /** The backward pass that made the gradients: its lines are judged where one of them is wrong. */
  readonly backward?: FollowedBackward | undefined
}

/** A parameter with its analytical gradient. */
export interface CheckedParameter {
  readonly input: InputValue
  readonly gradient: AnalyticalGradient
}

/** A problem that has been read and found sound. */
export interface BoundProgramProblem {
  readonly bound: BoundProgram
  readonly checked: readonly CheckedParameter[]
  readonly savedCost: SavedCost | undefined
  /** The program as it was built, and its arrays. */
  readonly built: { readonly program: Program; readonly arrays: NamedTensors }
  readonly output: OutputComparison | undefined
}

/**
 * @param options.asWritten leaves the program's operations as they are, with what they lose to rounding
 * @throws GradcheckError for anything missing, misshapen or not finite, a program that does not fit its arrays
 */
export function bindProgramProblem(
  problem: ProgramProblem,
  { asWritten = false }: { asWritten?: boolean } = {},
): BoundProgramProblem {
  requireRecord('the problem', problem, 'give program, parameters and gradients')
  const { program, upstream } = problem
  if (!isRecord(program) || program.kind !== 'program' || typeof program.build !== 'function') {
    throw new GradcheckError('bad-program', 'program is none that program.from made', {
      fix: 'describe the loss: program.from((b, { W, X }) => b.sum(b.tanh(b.matmul(X, W))))',
    })
  }
  const arrays = readTensors('parameters', problem.parameters)
  const gradients = readTensors('gradients', problem.gradients)
  const shapes = new Map([...arrays].map(([name, { shape }]) => [name, shape]))
  const built = program.build(
    shapes,
    upstream === undefined ? undefined : requireTensor('upstream', upstream),
  )
  const listed = asWritten ? built : compactProgram(simplifyProgram(built))
  const bound = bindProgram(listed, arrays)
  requireFiniteValues(bound)
  const inputs = new Map(inputsOf(listed).map((input) => [input.name, input]))
  const checked = [...gradients].map(([name, tensor]) => {
    const { input, gradient } = pairGradient(name, tensor, inputs)
    const own = problem.gradientNames?.get(input.name)
    return { input, gradient: own === undefined ? gradient : { ...gradient, name: own } }
  })
  const twice = checked.find(({ input }, t) => checked.findIndex((other) => other.input === input) < t)
  if (twice !== undefined) {
    throw new GradcheckError('bad-usage', `there are two gradients of ${twice.input.name}`, {
      fix: `give ${twice.input.name} or d${twice.input.name}, not both`,
    })
  }
  if (checked.length === 0) {
    throw new GradcheckError('missing-array', 'there is no gradient to check', {
      fix: `give the gradient of one of ${[...inputs.keys()].join(', ')} at least`,
    })
  }
  const savedCost =
    problem.cost === undefined
      ? undefined
      : readSavedCost(problem.cost, [...arrays.values(), ...gradients.values()])
  const output = problem.output && compareOutput(problem.output, arrays)
  return { bound, checked, savedCost, output, built: { program: built, arrays } }
}

function readTensors(what: string, given: TensorsByName): NamedTensors {
  requireRecord(what, given, `give an object or a Map of tensors by name`)
  const entries = given instanceof Map ? [...given] : Object.entries(given)
  return new Map(
    entries.map(([name, tensor]) => {
      const read = requireTensor(name, tensor)
      const at = findNonFinite(read.data)
      if (at === -1) return [name, read]
      throw new GradcheckError(
        'bad-value',
        `${name}[${unravelIndex(at, read.shape).join(', ')}] is ${read.data[at]}: only finite numbers can be checked`,
      )
    }),
  )
}

function pairGradient(
  name: string,
  tensor: Tensor,
  inputs: ReadonlyMap<string, InputValue>,
): CheckedParameter {
  const input = inputs.get(name) ?? (name.startsWith('d') ? inputs.get(name.slice(1)) : undefined)
  if (input === undefined) {
    const candidates = [...inputs.keys()].flatMap((known) => [known, `d${known}`])
    throw new GradcheckError(
      'unknown-name',
      `${name} is the gradient of no array of the program${suggestName(name, candidates)}`,
      {
        fix: `name gradients by their arrays, or with a d before: ${[...inputs.keys()].map((known) => `d${known}`).join(', ')}`,
      },
    )
  }
  if (formatShape(tensor.shape) !== formatShape(input.shape)) {
    const isTransposed = formatShape([...tensor.shape].reverse()) === formatShape(input.shape)
    throw new GradcheckError(
      'bad-shape',
      `${name} has shape ${formatShape(tensor.shape)}, but ${input.name} has ${formatShape(input.shape)}`,
      { fix: isTransposed ? `transpose ${name}` : `give the gradient of ${input.name} in its own shape` },
    )
  }
  return { input, gradient: { name, values: tensor.data, dtype: tensor.dtype } }
}

/** @throws GradcheckError with the first operation whose operands are finite and whose value is not */
function requireFiniteValues({ program, base }: BoundProgram): void {
  for (const value of program.values) {
    const at = findNonFinite(base[value.id])
    if (at === -1 || value.kind !== 'computed') continue
    const where = describeSource(value.source)
    const { runs } = value.source
    const operands = value.operands.map((id) => {
      const { source, shape } = program.values[id]
      // of one run where there are several
      const isStacked = runs !== undefined && shape[0] === runs && shape.length >= value.shape.length
      return `${source.name ?? `%${id}`} ${formatShape(isStacked ? shape.slice(1) : shape)}`
    })
    throw new GradcheckError(
      'bad-value',
      `${where === '' ? '' : `${where}: `}${value.operation.name} of ${operands.join(' and ')} is ${base[value.id][at]} ${describeElement(value, at)}`,
      { fix: 'check at a point where every value of the program is a finite number' },
    )
  }
}
