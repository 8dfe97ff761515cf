import { reversePass } from '../backward/reverse-pass.js'
import { applicationOf, type BoundProgram } from '../program/evaluate.js'

/** A derivative of the loss that a right backward pass may hold. */
export interface Truth {
  readonly shape: readonly number[]
  readonly numbers: Float64Array
  /** What the user calls the forward value, in whatever function. */
  readonly names: ReadonlySet<string>
  /** The line of the forward pass that makes it. */
  readonly line: number | undefined
  /** What makes it, and where: the same of what a loop makes again and again. */
  readonly maker: string
  /** Of the value as a whole, through one of its uses, or of several of those. */
  readonly of: 'value' | 'use' | 'uses'
  /** The value of the forward program. */
  readonly node: number
}

/** Uses of one value beyond which no sums of some of them are listed. */
const MOST_USES = 64

/**
 * Every derivative ∂loss/∂value of a program at its point, and what comes through single uses of a value.
 * @param namesOf every name that a value of the program has
 */
export function listTruths(
  bound: BoundProgram,
  namesOf: ReadonlyMap<number, ReadonlySet<string>>,
): { readonly truths: readonly Truth[]; readonly right: Map<string, Float64Array> } {
  const { program } = bound
  const cotangents = reversePass(bound, { wanted: program.values.map(({ id }) => id) })
  const uses = new Map<number, Float64Array[]>()
  for (const value of program.values) {
    const cotangent = cotangents[value.id]
    if (value.kind !== 'computed' || cotangent === undefined) continue
    const application = applicationOf(bound, value)
    for (const [operand, from] of value.operands.entries()) {
      const list = uses.get(from) ?? []
      list.push(value.operation.pullBack(application, cotangent, operand))
      uses.set(from, list)
    }
  }
  const truths: Truth[] = []
  const right = new Map<string, Float64Array>()
  for (const { id, shape, source, ...value } of program.values) {
    const numbers = cotangents[id]
    if (numbers === undefined || value.kind === 'constant') continue
    const own = value.kind === 'input' ? value.name : source.name
    const names = new Set([...(namesOf.get(id) ?? []), ...(own === undefined ? [] : [own])])
    const line = source.line
    const maker = `${value.kind === 'computed' ? value.operation.name : value.kind} ${line}:${source.column}`
    truths.push({ shape, numbers, names, line, maker, of: 'value', node: id })
    if (value.kind === 'input') right.set(value.name, numbers)
    const through = uses.get(id) ?? []
    if (through.length < 2 || through.length > MOST_USES) continue
    const sumOf = (parts: readonly Float64Array[]) => {
      const sum = parts[0].slice()
      for (const part of parts.slice(1)) for (let k = 0; k < sum.length; k++) sum[k] += part[k]
      return sum
    }
    for (const [k, use] of through.entries()) {
      truths.push({ shape, numbers: use, names, line, maker, of: 'use', node: id })
      if (through.length === 2) continue
      if (k > 0 && k < through.length - 1)
        truths.push({
          shape,
          numbers: sumOf(through.slice(0, k + 1)),
          names,
          line,
          maker,
          of: 'uses',
          node: id,
        })
      if (k > 0)
        truths.push({ shape, numbers: sumOf(through.slice(k)), names, line, maker, of: 'uses', node: id })
    }
  }
  return { truths, right }
}
