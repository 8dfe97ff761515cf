import { formatShape } from '../tensor.js'
import { NdArray, type Tracer } from './arrays.js'
import type { Expression, Statement } from './ast.js'
import { GRADIENT_NAMES } from './gradient-names.js'
import { PyInstance as Instance, PyDict, type PyInstance, PyList, PyTuple, type Value } from './values.js'

/** The gradients that a backward pass made, by their parameters. */
export interface FoundGradients {
  readonly arrays: ReadonlyMap<string, { readonly array: NdArray; readonly at: string }>
  /** Arrays that stand beside a gradient in lists of parameters and gradients, and are no parameters as yet. */
  readonly further: readonly string[]
}

/** Where a backward pass may have left its gradients. */
export interface GradientPlaces {
  readonly result: Value
  /** What it returned, as it is written. */
  readonly returned: Expression | undefined
  readonly locals: ReadonlyMap<string, Value>
  readonly self: PyInstance | undefined
  /** In the order in which unnamed ones are given back. */
  readonly parameters: readonly string[]
  /** The arrays that the code has asked for, as they are in this run. */
  readonly asked: ReadonlyMap<string, NdArray>
  readonly tracer: Tracer
}

/** Finds gradients: in what was returned by its names, in attributes, or in names at the end. */
export function findGradients(places: GradientPlaces): FoundGradients {
  const named = new Map<string, { array: NdArray; at: string }>()
  const add = (name: string, value: Value, at: string) => {
    if (value instanceof NdArray && !named.has(name)) named.set(name, { array: value, at })
  }
  collect(places.result, '', add, places.returned)
  if (places.self !== undefined) collectOf(places.self, 'self', add)
  for (const [name, value] of places.locals) {
    add(name, value, name)
    if (value instanceof PyDict) collect(value, name, add, undefined)
  }
  const arrays = new Map<string, { array: NdArray; at: string }>()
  for (const parameter of places.parameters) {
    const found = namesOfGradient(parameter).flatMap((name) => named.get(name) ?? [])[0]
    const own = found ?? ownEntry(places, parameter)
    if (own !== undefined) arrays.set(parameter, own)
  }
  const further: string[] = []
  for (const [name, found] of pairedLists(places)) {
    if (!places.parameters.includes(name)) further.push(name)
    else if (!arrays.has(name)) arrays.set(name, found)
  }
  // what is given back without a name, in the order of what is left
  const { result, parameters } = places
  const items = result instanceof PyTuple || result instanceof PyList ? result.items : [result]
  const used = new Set([...arrays.values()].map(({ array }) => array))
  const given = items.filter((item): item is NdArray => item instanceof NdArray && !used.has(item))
  const left = parameters.filter((parameter) => !arrays.has(parameter))
  if (left.length > 0 && given.length === left.length) {
    const isFitting = left.every((parameter, k) => {
      const own = places.asked.get(parameter)
      return arrays.size === 0 || own === undefined || formatShape(own.shape) === formatShape(given[k].shape)
    })
    if (isFitting)
      for (const [k, parameter] of left.entries())
        arrays.set(parameter, { array: given[k], at: `result ${items.indexOf(given[k]) + 1}` })
  }
  return { arrays, further }
}

/** Gradients in lists beside lists of the arrays themselves, as `params` and `grads` of an object. */
function pairedLists({ self, asked }: GradientPlaces): Map<string, { array: NdArray; at: string }> {
  const found = new Map<string, { array: NdArray; at: string }>()
  if (self === undefined) return found
  const names = new Map([...asked].map(([name, { storage }]) => [storage, name]))
  const lists = [...self.attributes].flatMap(([name, value]) =>
    value instanceof PyList ? [{ name, value }] : [],
  )
  for (const { name, value } of lists) {
    if (!/^(params?|parameters|weights)$/i.test(name)) continue
    const beside = lists.find(
      (other) =>
        /^(d_?params?|grads?|gradients?)$/i.test(other.name) &&
        other.value.items.length === value.items.length,
    )
    if (beside === undefined) continue
    for (const [k, item] of value.items.entries()) {
      const own = item instanceof NdArray ? names.get(item.storage) : undefined
      const gradient = beside.value.items[k]
      if (own !== undefined && gradient instanceof NdArray)
        found.set(own, { array: gradient, at: `self.${beside.name}[${k}]` })
    }
  }
  return found
}

/** Every name that the gradient of an array may have. */
export const namesOfGradient = (parameter: string): readonly string[] =>
  GRADIENT_NAMES.map((nameOf) => nameOf(parameter))

/** `{'W1': …}`: a dictionary that is returned, or one called gradients, may have the parameters' own names. */
function ownEntry(
  { result, self, locals }: GradientPlaces,
  parameter: string,
): { array: NdArray; at: string } | undefined {
  const returned = result instanceof PyTuple || result instanceof PyList ? result.items : [result]
  const kept = [...(self?.attributes ?? new Map<string, Value>()), ...locals].flatMap(([name, value]) =>
    /^(d|g|grads?|gradients?|dparams|derivatives|nabla|deltas?)$/i.test(name) || /grad/i.test(name)
      ? [value]
      : [],
  )
  for (const place of [...returned, ...kept]) {
    if (!(place instanceof PyDict)) continue
    const value = place.get(parameter)
    if (value instanceof NdArray) return { array: value, at: `['${parameter}']` }
  }
  return undefined
}

type Add = (name: string, value: Value, at: string) => void

function collect(value: Value, path: string, add: Add, written: Expression | undefined, depth = 0): void {
  if (depth > 4) return
  if (value instanceof PyTuple || value instanceof PyList) {
    const items = written?.kind === 'tuple' || written?.kind === 'list' ? written.items : []
    for (const [k, item] of value.items.entries()) {
      const name = items[k] === undefined ? undefined : nameOf(items[k])
      if (name !== undefined) add(name, item, name)
      if (path !== '') add(`${path}[${k}]`, item, `${path}[${k}]`)
      if (!(item instanceof NdArray))
        collect(item, path === '' ? '' : `${path}[${k}]`, add, undefined, depth + 1)
    }
  } else if (value instanceof PyDict) {
    for (const { key, value: item } of value.entries.values()) {
      if (typeof key === 'string') {
        add(key, item, `['${key}']`)
        collect(item, key, add, undefined, depth + 1)
      } else if (typeof key === 'bigint' && path !== '') {
        add(`${path}[${key}]`, item, `${path}[${key}]`)
        add(`${path}${key}`, item, `${path}[${key}]`)
      }
    }
  } else if (value instanceof Instance) collectOf(value, path, add, depth + 1)
  else if (written !== undefined) {
    const name = nameOf(written)
    if (name !== undefined) add(name, value, name)
  }
}

function collectOf(object: PyInstance, path: string, add: Add, depth = 0): void {
  for (const [name, value] of object.attributes) {
    add(name, value, `${path}.${name}`)
    if (value instanceof NdArray || depth > 3) continue
    collect(value, name, add, undefined, depth + 1)
  }
}

/** What a returned expression is called: `dW`, `self.dW`, `grads['dW']`. */
function nameOf(expression: Expression): string | undefined {
  switch (expression.kind) {
    case 'name':
    case 'member':
      return expression.name
    case 'index':
      return expression.index.kind === 'string' ? expression.index.value : nameOf(expression.object)
    case 'call': {
      // dW.copy(), dW.reshape(…), np.array(dW)
      const { callee } = expression
      if (
        callee.kind === 'member' &&
        callee.object.kind === 'name' &&
        !/^(np|numpy|torch)$/.test(callee.object.name)
      )
        return callee.object.name
      return expression.arguments[0] === undefined ? undefined : nameOf(expression.arguments[0].value)
    }
    default:
      return undefined
  }
}

/**
 * The arrays whose gradients the text of a backward pass seems to make: those of which a name, a key or the beginning of one
 * is what their gradient may be called.
 */
export function guessParameters(names: readonly string[], backward: readonly Statement[]): string[] {
  const words = new Set<string>()
  const keys = new Set<string>()
  const starts = new Set<string>()
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      node.forEach(visit)
      return
    }
    if (node === null || typeof node !== 'object') return
    const record = node as Record<string, unknown> & { kind?: string }
    switch (record.kind) {
      case 'name':
      case 'member':
        words.add(String(record.name))
        break
      case 'string': {
        const text = String(record.value)
        words.add(text)
        const start = /^([A-Za-z_]\w*?)(%[ds]|\{\w*\})/.exec(text)
        if (start !== null) starts.add(start[1])
        break
      }
      case 'format':
        if (Array.isArray(record.parts) && typeof record.parts[0] === 'string') starts.add(record.parts[0])
        break
      case 'binary': {
        const left = record.left as { kind?: string; value?: unknown; left?: unknown }
        if (record.operator === '+' && left.kind === 'string') starts.add(String(left.value))
        break
      }
      case 'dictionary':
        for (const { key } of record.entries as { key?: { kind?: string; value?: unknown } }[])
          if (key?.kind === 'string') keys.add(String(key.value))
        break
      case 'assign':
      case 'update':
        for (const target of ((record.targets ?? [record.target]) as Expression[]).flatMap(flatten))
          if (target.kind === 'index' && target.index.kind === 'string') keys.add(target.index.value)
        break
      case 'call': {
        const callee = record.callee as { kind?: string; name?: string }
        if (callee.kind === 'name' && callee.name === 'dict')
          for (const { name } of record.arguments as { name?: string }[])
            if (name !== undefined) keys.add(name)
      }
    }
    for (const child of Object.values(record)) visit(child)
  }
  visit(backward)
  return names.filter((name) => {
    if (keys.has(name)) return true
    const plain = /^(.*?)\d+$/.exec(name)?.[1]
    return (
      GRADIENT_NAMES.some(
        (nameOf) => words.has(nameOf(name)) || (plain !== undefined && starts.has(nameOf(plain))),
      ) ||
      (plain !== undefined && plain !== '' && starts.has(plain))
    )
  })
}

const flatten = (target: Expression): readonly Expression[] =>
  target.kind === 'tuple' || target.kind === 'list' ? target.items.flatMap(flatten) : [target]
