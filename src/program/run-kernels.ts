import type { GatherKernel, PickKernel, Read, SpreadKernel, SumKernel } from '../operations/kernels.js'
import type { Launch } from './plan-carry.js'
import { runProduct } from './run-products.js'
import { runSoftmax, runStandardize } from './run-rows.js'
import { runRule } from './run-rules.js'

/** Where a kernel's numbers are, and where it counts crossings. */
export interface Run {
  readonly launch: Launch
  /** h, with its sign. */
  readonly step: number
  readonly read: (from: Read) => Float64Array
  /** Perturbations × lanes of the block that is carried. */
  readonly crossings: Uint32Array
}

/**
 * Runs a kernel in float64.
 * @param result perturbations × the kernel's size: what a product is added to, or a spread put into; else whatever is left there
 */
export function runKernel(run: Run, result: Float64Array): void {
  const { kernel } = run.launch
  switch (kernel.kind) {
    case 'rule':
      runRule(run, kernel, result)
      break
    case 'product':
      runProduct(run, kernel, result)
      break
    case 'sum':
      runSum(run, kernel, result)
      break
    case 'gather':
      runGather(run, kernel, result)
      break
    case 'spread':
      runSpread(run, kernel, result)
      break
    case 'pick':
      runPick(run, kernel, result)
      break
    case 'softmax':
      runSoftmax(run, kernel, result)
      break
    case 'standardize':
      runStandardize(run, kernel, result)
  }
}

function runSum(
  { launch, read }: Run,
  { from, before, rows: { outer, inner }, factor }: SumKernel,
  result: Float64Array,
): void {
  const data = read(from)
  for (let p = 0; p < launch.block.count; p++) {
    for (let r = 0; r < outer.length; r++) {
      const start = p * before + outer[r]
      let sum = 0
      for (let q = 0; q < inner.length; q++) sum += data[start + inner[q]]
      result[p * outer.length + r] = factor * sum
    }
  }
}

function runGather({ launch, read }: Run, { from, before, order }: GatherKernel, result: Float64Array): void {
  const data = read(from)
  const size = order.length
  for (let p = 0; p < launch.block.count; p++) {
    const [start, to] = [p * before, p * size]
    for (let e = 0; e < size; e++) result[to + e] = order[e] < 0 ? 0 : data[start + order[e]]
  }
}

function runPick(
  { launch, step, read, crossings }: Run,
  { from, before, members, width, sign, gaps, place, lanes }: PickKernel,
  result: Float64Array,
): void {
  const data = read(from)
  const size = members.length / width
  const signed = sign * step
  for (let p = 0; p < launch.block.count; p++) {
    for (let e = 0; e < size; e++) {
      const own = width * (place.starts[p] + place.inner[e])
      const from = p * before
      let winner = -1
      let most = Number.NEGATIVE_INFINITY
      let lowest = Number.POSITIVE_INFINITY
      let highest = Number.NEGATIVE_INFINITY
      for (let q = 0; q < width; q++) {
        const at = members[e * width + q]
        if (at < 0) continue
        const change = data[from + at]
        const gap = gaps[own + q]
        const after = signed * change - gap
        if (after > most) {
          winner = q
          most = after
        }
        if (gap === 0) {
          if (change < lowest) lowest = change
          if (change > highest) highest = change
        }
      }
      // of what is no number nothing wins
      const gap = winner === -1 ? Number.NaN : gaps[own + winner]
      result[p * size + e] = (winner === -1 ? 0 : data[from + members[e * width + winner]]) - gap / signed
      // another wins, or those that are equal part
      if (gap !== 0 || lowest !== highest) {
        crossings[p * lanes.count + (Math.floor(e / lanes.apart) % lanes.count)]++
      }
    }
  }
}

function runSpread({ launch, read }: Run, kernel: SpreadKernel, result: Float64Array): void {
  const { from, starts, inner, size, onto } = kernel
  const data = read(from)
  if (onto === undefined) result.fill(0)
  for (let p = 0; p < launch.block.count; p++) {
    const start = p * size + starts[p]
    for (let e = 0; e < inner.length; e++) {
      if (inner[e] >= 0) result[start + inner[e]] = data[p * inner.length + e]
    }
  }
}
