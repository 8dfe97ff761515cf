import type { FollowedBackward } from '../check/backward-report.js'
import { GradcheckError } from '../errors.js'
import { listNames } from '../list-names.js'
import type { SourceFile } from '../numpy/source-file.js'
import { type FollowedPair, followPair } from '../numpy/trace-backward.js'
import {
  type ForwardSource,
  type Parse,
  readFiles,
  type TracedForward,
  withinLimits,
} from '../numpy/trace-forward.js'
import type { Tensor } from '../tensor.js'
import { describeLines, listUnjudged } from './describe-lines.js'
import { explain } from './explain.js'
import { movePoint, pointOf } from './points.js'
import { isSame, type Point } from './search.js'

/**
 * Follows a forward pass and the backward pass behind it: the gradients are those that the backward pass makes, and its lines
 * can be judged.
 * @throws GradcheckError `bad-forward` with the place, for what is not understood
 */
export async function traceBackward(source: ForwardSource): Promise<TracedForward> {
  const { files, parse } = await readFiles(source)
  return withinLimits(files, () => {
    const pair = followPair(source, files, parse)
    const { forward, run, followed } = pair
    const gradients = new Map<string, Tensor>()
    for (const [name, { array }] of run.gradients.arrays) {
      gradients.set(name, { shape: array.shape, data: array.numbers.slice(), dtype: 'float64' })
    }
    const traced = forward.describe(followed.program, gradients)
    return { ...traced, backward: followedBackward(pair, source, files, parse, traced.gradientNames) }
  })
}

function followedBackward(
  pair: FollowedPair,
  source: ForwardSource,
  files: readonly SourceFile[],
  parse: Parse,
  gradientNames: ReadonlyMap<string, string>,
): FollowedBackward {
  const { pass, run } = pair
  const about = {
    file: pass.file.name,
    entry: (source.backward ?? '').split(':').at(-1)!,
    bound: [...pass.bound].map(([argument, value]) => ({ argument, value })),
  }
  const gradientOf = (parameter: string) => gradientNames.get(parameter) ?? parameter
  return {
    ...about,
    judge({ wrong, open }) {
      const unjudged = (notice: string) => ({ ...about, lines: listUnjudged(pair), notices: [notice] })
      const point = pointOf(pair)
      const ownWrong = new Set(
        [...point.right.keys()].filter(
          (name) =>
            !isSame(run.gradients.arrays.get(name)?.array.numbers, point.right.get(name), point.scale),
        ),
      )
      const judged = [...point.right.keys()].filter((name) => !open.has(name))
      const disputed = judged.filter((name) => wrong.has(name) !== ownWrong.has(name))
      if (disputed.length > 0) {
        return unjudged(
          `the lines are not judged: the numerical gradient and the derivative of the operations at this very point differ about ${listNames(disputed.map(gradientOf))}, as on a kink`,
        )
      }
      if (open.size > 0 && [...open].some((name) => ownWrong.has(name))) {
        return unjudged(
          `the lines are not judged: the numerical gradient leaves open whether ${listNames([...open].map(gradientOf))} ${open.size === 1 ? 'is' : 'are'} right`,
        )
      }
      const explanation =
        ownWrong.size === 0
          ? undefined
          : explain(point, pointNumber(0), () => [1, 2].flatMap((number) => pointNumber(number) ?? []))
      return { ...about, ...describeLines(pair, point, explanation, gradientOf) }
    },
  }

  /** Another point, at which what is right by chance alone is wrong. */
  function pointNumber(number: number): Point | undefined {
    const names = [...run.gradients.arrays.keys()]
    try {
      const moved = { ...source, arrays: movePoint(source.arrays, names, number) }
      return pointOf(followPair(moved, files, parse, names))
    } catch (error) {
      if (error instanceof GradcheckError) return undefined
      throw error
    }
  }
}
