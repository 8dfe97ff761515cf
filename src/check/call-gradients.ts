import { GradcheckError } from '../errors.js'
import type { NamedTensor } from '../network/bind.js'
import type { NamedTensors, Tensor } from '../tensor.js'

/** Where a gradient is computed, read anew at each call. */
export interface PointReader {
  parameters(): NamedTensors
  data(): {
    readonly inputs: NamedTensor
    readonly targets: NamedTensor
    readonly sampleWeights?: NamedTensor
  }
}

/**
 * Calls the function that computes the analytical gradient, and sees that the point is afterwards where it was: of a
 * gradient whose parameters were moved meanwhile nobody can say where it was computed.
 * @throws GradcheckError `bad-usage` when the function changes a parameter or the data; what it throws itself
 */
export async function callGradients(
  compute: (parameters: NamedTensors) => unknown,
  point: PointReader,
): Promise<unknown> {
  const given = new Map(point.parameters())
  const before = copyNumbers(listPoint(given, point))
  const gradients = await compute(given)
  // what it was given, and what else it may reach
  const after = [listPoint(given, point), listPoint(point.parameters(), point)]
  const changed = new Set(after.flatMap((now) => listChanged(before, now)))
  if (changed.size === 0) return gradients
  throw new GradcheckError(
    'bad-usage',
    `the gradient function changed ${[...changed].join(', ')} while it ran: its gradient belongs to no single point`,
    { fix: 'leave the update out of it, or let it work on copies' },
  )
}

type NamedList = readonly (readonly [name: string, tensor: Tensor])[]

function listPoint(parameters: NamedTensors, point: PointReader): NamedList {
  const { inputs, targets, sampleWeights } = point.data()
  const data = sampleWeights === undefined ? [inputs, targets] : [inputs, targets, sampleWeights]
  return [...parameters, ...data.map(({ name, tensor }) => [name, tensor] as const)]
}

const copyNumbers = (tensors: NamedList) =>
  tensors.map(([name, { data }]) => ({ name, values: data.slice() }))

/** Names of the tensors that are gone or hold other numbers; a NaN equals itself. */
function listChanged(before: ReturnType<typeof copyNumbers>, now: NamedList): string[] {
  return before.flatMap(({ name, values }, k) => {
    const same = name === now[k]?.[0] && hasSameNumbers(values, now[k][1]?.data)
    return same ? [] : [name]
  })
}

const hasSameNumbers = (before: Float64Array, now: Float64Array | undefined) =>
  now?.length === before.length && before.every((value, k) => Object.is(value, now[k]))
