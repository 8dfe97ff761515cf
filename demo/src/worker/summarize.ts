import type { GradientEntries } from 'webgpu-gradcheck'
import { relativeError } from '../../../src/check/compare.js'
import { unravelIndex } from '../../../src/tensor.js'
import type { EntrySummary, ErrorHistogram, GradientSummary, ScatterPoints } from './protocol.js'

/** Relative errors below 10 to this power share the first class of the histogram. */
export const LOWEST_POWER = -17
/** Classes in a decade. */
export const CLASSES_PER_DECADE = 2
const CLASSES = -LOWEST_POWER * CLASSES_PER_DECADE
const LARGEST = 12
/** Points of a scatter; none that lies outside is left out, up to as many again. */
const MOST_POINTS = 8_000

/** Counts and sorts the entries of all tensors. */
export function summarize(gradients: readonly GradientEntries[]): GradientSummary {
  const whole = createCounts()
  const each = gradients.map((entries) => countErrors(entries, whole))
  return {
    histograms: [whole, ...each],
    scatters: gradients.map(choosePoints),
    largest: findLargest(gradients),
  }
}

interface Counts extends ErrorHistogram {
  counts: number[]
  outside: number[]
  exact: number
}

const createCounts = (): Counts => ({
  counts: new Array<number>(CLASSES).fill(0),
  outside: new Array<number>(CLASSES).fill(0),
  exact: 0,
})

function countErrors({ analytical, numerical, allowed }: GradientEntries, whole: Counts): ErrorHistogram {
  const own = createCounts()
  for (let k = 0; k < analytical.length; k++) {
    const error = relativeError(analytical[k], numerical[k])
    if (error === 0) {
      own.exact++
      whole.exact++
      continue
    }
    if (!Number.isFinite(error)) continue
    const at = Math.floor((Math.log10(error) - LOWEST_POWER) * CLASSES_PER_DECADE)
    const inside = Math.min(CLASSES - 1, Math.max(0, at))
    own.counts[inside]++
    whole.counts[inside]++
    if (Math.abs(analytical[k] - numerical[k]) <= allowed[k]) continue
    own.outside[inside]++
    whole.outside[inside]++
  }
  return own
}

/** By how much an entry lies outside what is allowed comes first; among those inside, the relative error. */
function findLargest(gradients: readonly GradientEntries[]): EntrySummary[] {
  const found: { tensor: number; at: number; error: number; isOutside: boolean }[] = []
  let least = -1
  for (const [tensor, { analytical, numerical, allowed }] of gradients.entries()) {
    for (let at = 0; at < analytical.length; at++) {
      const error = relativeError(analytical[at], numerical[at])
      const isOutside = !(Math.abs(analytical[at] - numerical[at]) <= allowed[at])
      const rank = rankOf(error, isOutside)
      if (rank <= least) continue
      found.push({ tensor, at, error, isOutside })
      if (found.length < 64 * LARGEST) continue
      keepLargest(found)
      least = rankOf(found[LARGEST - 1].error, found[LARGEST - 1].isOutside)
    }
  }
  keepLargest(found)
  return found.map(({ tensor, at, error, isOutside }) => ({
    tensor,
    index: unravelIndex(gradients[tensor].offsets[at], gradients[tensor].shape),
    analytical: gradients[tensor].analytical[at],
    numerical: gradients[tensor].numerical[at],
    relativeError: error,
    isOutside,
  }))
}

/** A value that is not finite ranks above all. */
const rankOf = (error: number, isOutside: boolean) =>
  (isOutside ? 2 : 0) + (Number.isFinite(error) ? error : 2)

function keepLargest(found: { error: number; isOutside: boolean }[]): void {
  found.sort((a, b) => rankOf(b.error, b.isOutside) - rankOf(a.error, a.isOutside))
  found.length = Math.min(found.length, LARGEST)
}

function choosePoints({ analytical, numerical, allowed }: GradientEntries): ScatterPoints {
  const every = Math.max(1, Math.ceil(analytical.length / MOST_POINTS))
  const chosen: number[] = []
  const isOutside: number[] = []
  let crosses = 0
  for (let at = 0; at < analytical.length; at++) {
    if (!Number.isFinite(numerical[at])) continue
    const outside = !(Math.abs(analytical[at] - numerical[at]) <= allowed[at])
    if (at % every !== 0 && !(outside && crosses < MOST_POINTS)) continue
    if (outside) crosses++
    chosen.push(at)
    isOutside.push(outside ? 1 : 0)
  }
  return {
    numerical: Float64Array.from(chosen, (at) => numerical[at]),
    analytical: Float64Array.from(chosen, (at) => analytical[at]),
    isOutside: Uint8Array.from(isOutside),
  }
}
