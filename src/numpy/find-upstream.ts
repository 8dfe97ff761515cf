import { GradcheckError } from '../errors.js'
import { listNames } from '../list-names.js'
import { suggestName } from '../suggest.js'
import { formatShape, type NamedTensors } from '../tensor.js'

/** What the gradient of an output is called, where nothing else is said. */
const UPSTREAM_NAMES = ['dout', 'd_out', 'dy', 'dO', 'doutput', 'grad_output', 'grad_out']
/** What an output is saved as, where nothing else is said. */
const OUTPUT_NAMES = ['out', 'y', 'O', 'output']

/** Whether an array may be what an output is multiplied by, by its name. */
export const mayBeUpstream = (name: string, own: string | undefined) =>
  own === undefined ? UPSTREAM_NAMES.includes(name) : name === own

/** What is known of the arrays once the code has been followed. */
export interface FollowedCode {
  readonly arrays: NamedTensors
  /** Names that the code asked for. */
  readonly read: ReadonlySet<string>
  /** The gradients' names by those of their arrays. */
  readonly gradients: ReadonlyMap<string, string>
  /** Whether the user said which arrays are parameters: their gradients are nothing else. */
  readonly isChosen: boolean
}

/**
 * The array that an output which is no number is multiplied by. What the code reads is none, nor is the gradient of what
 * it reads.
 * @param own its name, where the user says it
 * @returns undefined where there is none
 * @throws GradcheckError for a name or a shape that does not fit, and where several may be it
 */
export function findUpstream(
  { arrays, read, gradients, isChosen }: FollowedCode,
  shape: readonly number[],
  own: string | undefined,
): string | undefined {
  if (own !== undefined) {
    const found = arrays.get(own)
    if (found === undefined) {
      throw new GradcheckError(
        'missing-array',
        `the output is to be multiplied by ${own}, and there is no such array${suggestName(own, [...arrays.keys()])}`,
      )
    }
    if (formatShape(found.shape) === formatShape(shape)) return own
    throw new GradcheckError(
      'bad-shape',
      `the output has shape ${formatShape(shape)}, and ${own} has ${formatShape(found.shape)}`,
      { fix: 'save the gradient of the loss by the output, in the shape of the output' },
    )
  }
  const taken = new Set(
    [...gradients].flatMap(([name, gradient]) => (isChosen || read.has(name) ? [gradient] : [])),
  )
  const free = UPSTREAM_NAMES.filter((name) => arrays.has(name) && !taken.has(name) && !read.has(name))
  const fitting = free.filter((name) => formatShape(arrays.get(name)!.shape) === formatShape(shape))
  if (fitting.length > 1) {
    throw new GradcheckError(
      'bad-usage',
      `each of ${listNames(fitting)} may be what the output is multiplied by`,
      {
        fix: `say which by upstream: ${fitting[0]}`,
      },
    )
  }
  if (fitting.length === 0 && free.length > 0) {
    throw new GradcheckError(
      'bad-shape',
      `the output has shape ${formatShape(shape)}, and ${free[0]} has ${formatShape(arrays.get(free[0])!.shape)}`,
      { fix: 'save the gradient of the loss by the output, in the shape of the output' },
    )
  }
  return fitting[0]
}

/**
 * The array that the output was saved as. What the code reads, such as labels called y, is none.
 * @param own its name, where the user says it
 * @throws GradcheckError for a name or a shape that does not fit
 */
export function findSavedOutput(
  { arrays, read }: FollowedCode,
  shape: readonly number[],
  own: string | undefined,
): string | undefined {
  if (own === undefined) {
    const isIt = (name: string) =>
      !read.has(name) && formatShape(arrays.get(name)?.shape ?? [-1]) === formatShape(shape)
    return OUTPUT_NAMES.find(isIt)
  }
  const found = arrays.get(own)
  if (found === undefined) {
    throw new GradcheckError(
      'missing-array',
      `the output was to be saved as ${own}, and there is no such array${suggestName(own, [...arrays.keys()])}`,
    )
  }
  if (read.has(own)) {
    throw new GradcheckError('bad-usage', `${own} is read by the code: it is no output`, {
      fix: 'save the output under a name of its own',
    })
  }
  if (formatShape(found.shape) === formatShape(shape)) return own
  throw new GradcheckError(
    'bad-shape',
    `the output has shape ${formatShape(shape)}, and ${own} has ${formatShape(found.shape)}`,
  )
}
