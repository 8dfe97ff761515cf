import type { Statement } from '../numpy/ast.js'
import type { Recording } from './record.js'
import type { Search, Slot } from './search.js'
import type { Truth } from './truths.js'

/** Derivatives of the loss in the place of what a statement gives. */
export interface Patch {
  readonly statement: Statement
  readonly slot: Slot
  /** For each execution. */
  readonly values: readonly Float64Array[]
  readonly truth: Truth
  /** What the derivatives are multiplied by. */
  readonly scale: number
  readonly fixed: ReadonlySet<string>
}

/** Steps of a forward pass that the backward pass may leave out, such as the state before the first. */
const MOST_MORE = 2
/** Values of a backward pass beyond which what is made of itself is not patched. */
const MOST_VALUES = 1200
/** Derivatives of one shape beyond which none are divided by each other. */
const MOST_RATIOS = 60
/** Executions of a statement beyond which it is not patched. */
const MOST_EXECUTIONS = 64

/** Patches of a statement that make all wrong gradients right, those of the same name first. */
export function findPatches(
  search: Search,
  truths: readonly Truth[],
  statement: Statement,
  named: string | undefined,
  most = 1,
): Patch[] {
  const slots = search.slotsOf(statement)
  if (statement.kind !== 'assign' && statement.kind !== 'update') return []
  if (slots.length !== 1) return []
  const [slot] = slots
  const { nodes } = slot
  const { recording, sensitivity } = search
  if (nodes.length === 0 || nodes.length > MOST_EXECUTIONS || nodes.every((node) => node < recording.start))
    return []
  const isChained = nodes.length > 1 && sensitivity.isChained(nodes)
  // every row is a pass back through all of it
  if (isChained && recording.values.length - recording.start > MOST_VALUES) return []
  const rows = sensitivity.rowsOf(nodes, isChained)
  const found: Patch[] = []
  for (const { truth, values, isRatio } of listCandidates(recording, nodes, truths, named)) {
    const scale = search.scaleFor(rows, nodes, values)
    if (scale === undefined || (isRatio && Math.abs(Math.abs(scale) - 1) > 1e-6)) continue
    const scaled = values.map((value) => value.map((x) => scale * x))
    const fixed = search.fixedByValues(slot, scaled)
    if (fixed.size === 0) continue
    found.push({ statement, slot, values: scaled, truth, scale, fixed })
    if (found.length >= most) break
  }
  return found
}

interface Candidate {
  readonly truth: Truth
  readonly values: readonly Float64Array[]
  readonly isRatio?: boolean
}

function listCandidates(
  recording: Recording,
  nodes: readonly number[],
  truths: readonly Truth[],
  named: string | undefined,
): Candidate[] {
  const shape = recording.values[nodes[0]].shape
  const fitting = truths.flatMap((truth) => {
    const numbers = fitted(truth, shape)
    return numbers === undefined ? [] : [{ truth, numbers }]
  })
  const isNamed = ({ truth }: { truth: Truth }) => named !== undefined && truth.names.has(named)
  const ordered = [...fitting.filter(isNamed), ...fitting.filter((one) => !isNamed(one))]
  if (nodes.length === 1)
    return [...ordered.map(({ truth, numbers }) => ({ truth, values: [numbers] })), ...ratios(fitting)]
  // what one line of the forward pass made again and again, or uses of one value
  const families = new Map<string, typeof fitting>()
  for (const one of ordered) {
    const { truth } = one
    const keys =
      truth.of === 'value' ? [...truth.names, truth.maker] : truth.of === 'use' ? [`use ${truth.node}`] : []
    for (const key of keys) {
      const list = families.get(key) ?? []
      list.push(one)
      families.set(key, list)
    }
  }
  return [...families.values()].flatMap((family) => {
    const more = family.length - nodes.length
    if (more < 0 || more > MOST_MORE) return []
    const sorted = family
      .toSorted((one, other) => one.truth.node - other.truth.node)
      .map(({ numbers }) => numbers)
    const { truth } = family[0]
    return Array.from({ length: more + 1 }, (_, k) => sorted.slice(k, k + nodes.length)).flatMap((values) => [
      { truth, values: values.toReversed() },
      { truth, values },
    ])
  })
}

/** Derivatives of one value by another, element by element: what an activation passes back is multiplied by. */
function ratios(fitting: readonly { readonly truth: Truth; readonly numbers: Float64Array }[]): Candidate[] {
  if (fitting.length > MOST_RATIOS) return []
  return fitting.flatMap(({ truth, numbers }) =>
    fitting.flatMap(({ truth: by, numbers: others }) =>
      by === truth || by.of !== 'value' || truth.of !== 'value' || others.some((x) => x === 0)
        ? []
        : [{ truth, values: [numbers.map((x, k) => x / others[k])], isRatio: true }],
    ),
  )
}

function fitted({ shape: own, numbers }: Truth, shape: readonly number[]): Float64Array | undefined {
  const bare = (of: readonly number[]) => of.filter((length) => length !== 1).join()
  if (bare(own) === bare(shape)) return numbers
  if (own.length !== 2 || shape.length !== 2 || own[0] !== shape[1] || own[1] !== shape[0]) return undefined
  const [rows, columns] = shape
  const turned = new Float64Array(numbers.length)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[i * columns + j] = numbers[j * rows + i]
  return turned
}
