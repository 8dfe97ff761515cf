import type { FollowedPair } from '../numpy/trace-backward.js'
import type { NamedTensors } from '../tensor.js'
import type { Point } from './search.js'
import { createRandom } from './sensitivity.js'
import { listTruths } from './truths.js'

/** What is known at the point of a forward pass and of the backward pass behind it. */
export function pointOf({ followed, forward, pass, run }: FollowedPair): Point {
  const { program } = followed
  forward.tracer.forget(pass.start)
  const base = forward.tracer.base.slice(0, program.values.length)
  const { truths, right } = listTruths({ program, base }, pass.names)
  const checked = new Map(
    [...run.gradients.arrays.keys()].flatMap((name) => {
      const gradient = right.get(name)
      return gradient === undefined ? [] : [[name, gradient] as const]
    }),
  )
  const scale = Math.max(...[...checked.values()].flatMap((gradient) => [...gradient].map(Math.abs)), 0)
  return { pass, right: checked, truths, scale }
}

/**
 * The same arrays with other parameters: data stays what it is.
 * @param number 0 for a point near by, from 1 on for others that have nothing of it but its sizes
 */
export function movePoint(arrays: NamedTensors, parameters: Iterable<string>, number = 0): NamedTensors {
  const random = createRandom(3 + number)
  const moved = new Map(arrays)
  for (const name of parameters) {
    const tensor = arrays.get(name)!
    const size = tensor.data.reduce((sum, x) => sum + Math.abs(x), 0) / Math.max(1, tensor.data.length)
    const data = tensor.data.map((x) =>
      number === 0 ? x + (0.4 * Math.abs(x) + 0.2 * (size || 1)) * random() : (size || 1) * 1.7 * random(),
    )
    moved.set(name, { ...tensor, data })
  }
  return moved
}
