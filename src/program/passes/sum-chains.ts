import { OPERATIONS } from '../../operations/table.js'
import { elementCount, formatShape } from '../../tensor.js'
import { broadcastStrides, listOffsets, type Shape } from '../shapes.js'
import type { Origin, Origins } from './origins.js'
import { fewestOf, keepNeeded, placeKey, type Step, type Steps } from './steps.js'

/**
 * Makes one sum of what a loop adds up: `total += x[i]` on one line is a chain of additions, each the only one that reads
 * the one before. What is subtracted in a loop is summed up and subtracted once.
 */
export function collapseSumChains(given: Steps): Steps {
  const { steps, output, origins } = given
  const byId = new Map(steps.map((step) => [step.id, step]))
  const uses = countUses(steps, output)
  /** The addition that a step adds to, if nothing else reads that one. */
  const before = (step: Step): { link: Step; operand: number } | undefined => {
    const { name } = step.operation
    if (name !== 'add' && name !== 'subtract') return undefined
    for (const operand of name === 'add' ? [0, 1] : [0]) {
      const origin = step.operands[operand]
      const link = origin.at === undefined ? byId.get(origin.roots[0]) : undefined
      const isLink =
        link !== undefined &&
        uses.get(link.id) === 1 &&
        elementCount(link.shape) === elementCount(step.shape) &&
        formatShape(origin.shape) === formatShape(step.shape) &&
        formatShape(link.shape) === formatShape(step.shape) &&
        placeKey(link) === placeKey(step)
      if (isLink) return { link, operand }
    }
    return undefined
  }
  const gone = new Set<number>()
  let next = given.program.values.length
  const collapsed: Step[] = []
  for (const last of steps.toReversed()) {
    if (gone.has(last.id)) continue
    const terms: Origin[] = []
    const links: number[] = []
    let first = last
    for (;;) {
      const found = before(first)
      if (found === undefined) break
      terms.push(first.operands[1 - found.operand])
      links.push(found.link.id)
      first = found.link
    }
    if (links.length + 1 < fewestOf(last.source)) {
      collapsed.push(last)
      continue
    }
    for (const link of links) gone.add(link)
    const isAdded = last.operation.name === 'add'
    const all = isAdded
      ? [first.operands[0], first.operands[1], ...terms.reverse()]
      : [first.operands[1], ...terms.reverse()]
    const telling = all.filter(({ roots }) => !isZero(given, roots))
    const stacked = stackTerms(origins, last.shape, telling.length === 0 ? all : telling)
    const sum = OPERATIONS.sum.make('sum', { axes: [0], keepDims: false })
    if (isAdded) {
      collapsed.push({ ...last, operation: sum, operands: [stacked] })
    } else {
      const id = next++
      const { name: _name, ...source } = last.source
      // the steps are listed from the last to the first
      collapsed.push({ ...last, operands: [first.operands[0], origins.whole(id, last.shape)] })
      collapsed.push({ id, operation: sum, operands: [stacked], shape: last.shape, source })
    }
  }
  return { ...given, steps: keepNeeded(collapsed.reverse(), output) }
}

/** Whether elements of these are all 0, as what a loop begins with. */
function isZero({ program }: Steps, roots: readonly number[]): boolean {
  if (roots.length === 0) return true
  const value = program.values[roots[0]]
  return roots.length === 1 && value?.kind === 'constant' && value.data.every((number) => number === 0)
}

/** How many operands read elements of each step; the output is one more. */
function countUses(steps: readonly Step[], output: Origin): Map<number, number> {
  const uses = new Map<number, number>()
  for (const { roots } of [output, ...steps.flatMap(({ operands }) => operands)]) {
    for (const root of roots) uses.set(root, (uses.get(root) ?? 0) + 1)
  }
  return uses
}

/** Terms along a new first axis, each broadcast to the shape of the sum. */
function stackTerms(origins: Origins, shape: Shape, terms: readonly Origin[]): Origin {
  const size = elementCount(shape)
  const indices = new Int32Array(terms.length * size)
  let start = 0
  for (const [k, term] of terms.entries()) {
    const offsets = listOffsets(shape, broadcastStrides(term.shape, shape))
    for (let e = 0; e < size; e++) indices[k * size + e] = start + offsets[e]
    start += elementCount(term.shape)
  }
  return origins.pick([terms.length, ...shape], terms, indices)
}
