import { formatShape } from '../../tensor.js'
import type { Origin } from './origins.js'
import { canStack } from './stack-runs.js'
import { fewestOf, placeKey, type Step, type Steps } from './steps.js'

/** Runs of an operation that are made one, or a step by itself. */
export type Group = readonly Step[]

/**
 * Groups runs of the same operation on the same line, on operands of the same shapes, none of which needs what another one
 * makes. A line in a loop whose runs wait for one another stays as it is, but for what is as deep in it.
 * @returns groups in an order in which they can be evaluated
 */
export function groupRuns({ steps, output }: Steps): Group[] {
  const groups = dissolveLosses(listIndependent(steps), steps, output)
  return schedule(steps, groups)
}

/** Runs that do not depend on one another: of a class, those behind which equally many others of the class lie. */
function listIndependent(steps: readonly Step[]): Group[] {
  const classes = new Map<string, Step[]>()
  for (const step of steps) {
    if (!canStack(step.operation)) continue
    const shapes = [...step.operands, step].map(({ shape }) => formatShape(shape))
    const key = `${placeKey(step)}|${shapes.join()}`
    const known = classes.get(key)
    if (known === undefined) classes.set(key, [step])
    else known.push(step)
  }
  const numbers = new Map(steps.map(({ id }, k) => [id, k]))
  const operands = steps.map((step) => {
    const found = new Set(step.operands.flatMap(({ roots }) => roots))
    return [...found].flatMap((root) => numbers.get(root) ?? [])
  })
  return [...classes.values()].flatMap((members) => {
    if (members.length < fewestOf(members[0].source)) return []
    const isMember = new Uint8Array(steps.length)
    for (const { id } of members) isMember[numbers.get(id)!] = 1
    const depths = new Int32Array(steps.length)
    const byDepth = new Map<number, Step[]>()
    for (let k = numbers.get(members[0].id)!; k < steps.length; k++) {
      let depth = 0
      for (const operand of operands[k]) if (depths[operand] > depth) depth = depths[operand]
      depths[k] = depth + isMember[k]
      if (isMember[k] === 0) continue
      const alike = byDepth.get(depths[k])
      if (alike === undefined) byDepth.set(depths[k], [steps[k]])
      else alike.push(steps[k])
    }
    return [...byDepth.values()].filter((group) => group.length >= fewestOf(group[0].source))
  })
}

/**
 * Takes groups apart that make a program no shorter: where each run reads a whole value and a whole value is read of it,
 * both have to be copied.
 */
function dissolveLosses(given: readonly Group[], steps: readonly Step[], output: Origin): Group[] {
  const readers = new Map<number, { origin: Origin; reader: number | undefined }[]>()
  const read = (origin: Origin, reader: number | undefined) => {
    for (const root of origin.roots) {
      const known = readers.get(root)
      if (known === undefined) readers.set(root, [{ origin, reader }])
      else known.push({ origin, reader })
    }
  }
  for (const { id, operands } of steps) for (const operand of operands) read(operand, id)
  read(output, undefined)
  const grouped = new Map<number, Group>()
  for (const group of given) for (const { id } of group) grouped.set(id, group)
  const isWhole = ({ at }: Origin) => at === undefined
  const saved = (group: Group): number => {
    let count = group.length - 1
    for (const k of group[0].operands.keys()) {
      const own = new Set(group.map(({ operands }) => operands[k]))
      if (own.size === 1) continue
      const ofGroup = new Set([...own].flatMap(({ roots }) => roots.map((root) => grouped.get(root))))
      const isStackedAlready =
        ofGroup.size === 1 && !ofGroup.has(undefined) && [...own].every(isWhole) && own.size === group.length
      const before = [...own].filter((origin) => !isWhole(origin)).length
      count += before - (isStackedAlready ? 0 : 1)
    }
    // what others read of single runs is a copy of its own from now on
    const copies = new Set<Origin>()
    for (const { id } of group) {
      for (const { origin, reader } of readers.get(id) ?? []) {
        if (isWhole(origin) && (reader === undefined || !grouped.has(reader))) copies.add(origin)
      }
    }
    return count - copies.size
  }
  let groups = [...given]
  for (;;) {
    const losses = groups.filter((group) => saved(group) <= 0)
    if (losses.length === 0) return groups
    for (const group of losses) for (const { id } of group) grouped.delete(id)
    groups = groups.filter(([{ id }]) => grouped.has(id))
  }
}

/**
 * Puts groups and the other steps in order. Where groups wait for one another, one of them is split into what is ready and
 * the rest.
 */
function schedule(steps: readonly Step[], groups: readonly Group[]): Group[] {
  const unitOf = new Map<number, number>()
  const units: Step[][] = []
  const add = (members: readonly Step[]) => {
    const unit = units.push([...members]) - 1
    for (const { id } of members) unitOf.set(id, unit)
    return unit
  }
  for (const group of groups) add(group)
  for (const step of steps) if (!unitOf.has(step.id)) add([step])
  const users = new Map<number, Step[]>()
  const waiting = new Map<number, number>()
  for (const step of steps) {
    const needs = new Set(step.operands.flatMap(({ roots }) => roots.filter((root) => unitOf.has(root))))
    waiting.set(step.id, needs.size)
    for (const root of needs) {
      const known = users.get(root)
      if (known === undefined) users.set(root, [step])
      else known.push(step)
    }
  }
  const isReady = ({ id }: Step) => waiting.get(id) === 0
  const readyCounts = units.map((members) => members.filter(isReady).length)
  const ready = [...units.keys()].filter((unit) => readyCounts[unit] === units[unit].length)
  const first = new Map(steps.map(({ id }, k) => [id, k]))
  ready.sort((one, other) => first.get(units[one][0].id)! - first.get(units[other][0].id)!)
  const ordered: Group[] = []
  const isDone = new Set<number>()
  let left = steps.length
  for (let k = 0; left > 0; k++) {
    if (k === ready.length) {
      // what most of is ready goes first, the rest behind it
      let best = -1
      for (const unit of units.keys()) {
        if (!isDone.has(unit) && (best === -1 || readyCounts[unit] > readyCounts[best])) best = unit
      }
      const rest = units[best].filter((step) => !isReady(step))
      units[best] = units[best].filter(isReady)
      readyCounts[add(rest)] = 0
      ready.push(best)
    }
    const unit = ready[k]
    isDone.add(unit)
    ordered.push(units[unit])
    left -= units[unit].length
    for (const { id } of units[unit]) {
      for (const user of users.get(id) ?? []) {
        const count = waiting.get(user.id)! - 1
        waiting.set(user.id, count)
        if (count > 0) continue
        const own = unitOf.get(user.id)!
        readyCounts[own]++
        if (readyCounts[own] === units[own].length) ready.push(own)
      }
    }
  }
  return ordered
}
