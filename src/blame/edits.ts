import type { Argument, Expression } from '../numpy/ast.js'
import { namesRead } from '../numpy/bindings.js'
import { printExpression } from './print-code.js'
import { number, type Visible } from './visible.js'

/** An expression with something changed. */
export interface Edit {
  /** What stands in the place of which parts. */
  readonly expressions: ReadonlyMap<Expression, Expression>
  /** How far from what stands there it is: the nearer, the more likely it is what was meant. */
  readonly cost: number
  /** Whether it reads a name that nothing else reads. */
  readonly isKept: boolean
}

/** What is known of an expression where it stands. */
export interface Surroundings {
  readonly visible: readonly Visible[]
  /** Numbers that stand in the code. */
  readonly literals: readonly number[]
  /** Functions of one argument that the user's files define. */
  readonly functions: readonly string[]
  /** Names that are set where the expression stands, and that nothing reads. */
  readonly unread: ReadonlySet<string>
  /** The shape that an expression has had; undefined of what is no array. */
  shapeOf(expression: Expression): readonly number[] | undefined
}

const at = 0
const binary = (operator: string, left: Expression, right: Expression): Expression => ({
  kind: 'binary',
  operator,
  left,
  right,
  at,
})
const negative = (operand: Expression): Expression => ({ kind: 'unary', operator: '-', operand, at })
const member = (object: Expression, name: string): Expression => ({ kind: 'member', object, name, at })
const call = (callee: Expression, ...given: Expression[]): Expression => ({
  kind: 'call',
  callee,
  arguments: given.map((value): Argument => ({ kind: 'plain', name: undefined, value })),
  at,
})
const numpy = (name: string) => member({ kind: 'name', name: 'np', at }, name)
const named = (name: string, value: Expression): Argument => ({ kind: 'plain', name, value })
const truth = (value: boolean): Expression => ({ kind: 'constant', value, at })
/** The same expression as another one: what is replaced must not stand in what replaces it. */
const again = (expression: Expression): Expression => ({ ...expression })

const ADDITIVE = new Set(['+', '-'])
const PRODUCT_CALLS = new Set(['dot', 'matmul'])
const REDUCTIONS = new Set(['sum', 'mean', 'max', 'min', 'prod', 'std', 'var', 'cumsum'])
/** Functions that are taken for each other. */
const ALIKE: readonly (readonly string[])[] = [
  ['sum', 'mean'],
  ['max', 'min', 'sum'],
  ['maximum', 'minimum'],
  ['argmax', 'argmin'],
  ['exp', 'log'],
  ['sin', 'cos'],
  ['tanh', 'cosh', 'sinh'],
  ['sqrt', 'square'],
  ['zeros_like', 'ones_like'],
  ['zeros', 'ones'],
  ['dot', 'multiply'],
  ['outer', 'multiply'],
  ['repeat', 'tile'],
  ['hstack', 'vstack'],
  ['std', 'var'],
  ['floor', 'ceil'],
]

/** The edits of an expression and of all that stands in it, the likely ones first. */
export function listEdits(root: Expression, around: Surroundings): readonly Edit[] {
  const edits = new Map<string, Edit>()
  const own = printExpression(root)
  const put = (expressions: ReadonlyMap<Expression, Expression>, cost: number) => {
    const key = printExpression(root, expressions)
    if (key === own) return
    // what is kept for the backward pass and read nowhere is likely what is missing
    const isKept =
      around.unread.size > 0 &&
      [...expressions.values()].some((to) => namesRead(to).some((name) => around.unread.has(name)))
    const total = isKept ? Math.max(cost - KEPT, 0.9) : cost
    const known = edits.get(key)
    if (known === undefined || known.cost > total) edits.set(key, { expressions, cost: total, isKept })
  }
  const add: Add = (from, to, cost) => put(new Map([[from, to]]), cost)
  visit(root, (expression, role) => {
    editAlone(expression, role, around, add)
  })
  visit(root, (expression, role, depth) => {
    if (role === 'value') editWithVisible(expression, depth, around, add)
    else if (role === 'index') editIndex(expression, around, add)
  })
  renameAll(root, around, put)
  return [...edits.values()].sort((one, other) => one.cost - other.cost)
}

/** Another name wherever one stands. */
function renameAll(
  root: Expression,
  { visible }: Surroundings,
  put: (expressions: ReadonlyMap<Expression, Expression>, cost: number) => void,
): void {
  const places = new Map<string, Expression[]>()
  visit(root, (expression) => {
    if (expression.kind !== 'name' || isModule(expression)) return
    places.set(expression.name, [...(places.get(expression.name) ?? []), expression])
  })
  for (const [name, list] of places) {
    if (list.length < 2) continue
    for (const { expression: other } of visible) {
      if (other.kind !== 'name' || other.name === name) continue
      put(new Map(list.map((one) => [one, again(other)])), nameCost(list[0], other) + 0.2)
    }
  }
}

/** What reading a name that nothing else reads takes off the cost of an edit. */
const KEPT = 1.1

/** Other arrays of whole numbers in the place of one that says which elements. */
function editIndex(expression: Expression, { visible, shapeOf }: Surroundings, add: Add): void {
  const shape = shapeOf(expression)
  if (shape === undefined || shape.length === 0 || !['name', 'member', 'index'].includes(expression.kind))
    return
  for (const other of visible)
    if (sameShape(other.shape, shape) && other.numbers.every(Number.isInteger))
      add(expression, again(other.expression), nameCost(expression, other.expression))
}

type Add = (from: Expression, to: Expression, cost: number) => void
/** Whether an expression is computed with, or says which elements or which shape. */
type Role = 'value' | 'index' | 'shape'

function visit(root: Expression, look: (expression: Expression, role: Role, depth: number) => void): void {
  const go = (expression: Expression | undefined, role: Role, depth: number): void => {
    if (expression === undefined) return
    look(expression, role, depth)
    const next = depth + 1
    switch (expression.kind) {
      case 'unary':
        go(expression.operand, role, next)
        return
      case 'binary':
      case 'logic':
        go(expression.left, role, next)
        go(expression.right, role, next)
        return
      case 'compare':
        go(expression.first, role, next)
        for (const { value } of expression.rest) go(value, role, next)
        return
      case 'choice':
        go(expression.condition, role, next)
        go(expression.then, role, next)
        go(expression.otherwise, role, next)
        return
      case 'call': {
        const { callee } = expression
        if (callee.kind === 'member') go(callee.object, role, next)
        const isShape =
          callee.kind === 'member' &&
          /^(reshape|transpose|zeros|ones|full|sum|mean|repeat|swapaxes)$/.test(callee.name)
        const isMethod = callee.kind === 'member' && !isModule(callee.object)
        for (const [k, { name, value }] of expression.arguments.entries()) {
          const says = name !== undefined || (isShape && (isMethod || k > 0))
          go(value, says ? 'shape' : role, next)
        }
        return
      }
      case 'member':
        go(expression.object, role, next)
        return
      case 'index':
        go(expression.object, role, next)
        go(expression.index, 'index', next)
        return
      case 'slice':
        go(expression.start, 'index', next)
        go(expression.stop, 'index', next)
        go(expression.step, 'index', next)
        return
      case 'tuple':
      case 'list':
      case 'set':
        for (const item of expression.items) go(item, role, next)
        return
      case 'dictionary':
        for (const { value } of expression.entries) go(value, role, next)
        return
      case 'comprehension':
        go(expression.value, role, next)
        for (const { list, conditions } of expression.clauses) {
          go(list, role, next)
          for (const condition of conditions) go(condition, role, next)
        }
        return
      case 'lambda':
        go(expression.body, role, next)
        return
      default:
    }
  }
  go(root, 'value', 0)
}

export const isModule = (expression: Expression) =>
  expression.kind === 'name' && /^(np|numpy|torch|math|F)$/.test(expression.name)

const sameShape = (one: readonly number[] | undefined, other: readonly number[] | undefined) =>
  one !== undefined &&
  other !== undefined &&
  one.length === other.length &&
  one.every((length, k) => length === other[k])

/** Whether an array of one shape spreads over another. */
function spreads(one: readonly number[], over: readonly number[]): boolean {
  if (one.length > over.length) return false
  const lead = over.length - one.length
  return one.every((length, k) => length === over[lead + k] || length === 1)
}

/** Edits for which nothing else need be known. */
function editAlone(expression: Expression, role: Role, around: Surroundings, add: Add): void {
  const shape = around.shapeOf(expression)
  switch (expression.kind) {
    case 'number': {
      const { value, isInteger } = expression
      const others = new Set(
        isInteger
          ? role === 'value'
            ? [value + 1, value - 1, 2 * value, -value, 1, 0, 2]
            : [value + 1, value - 1, -value, 0, 1, -1, 2]
          : [-value, 2 * value, value / 2, 1, 1 - value, 0, value ** 2, value * 10, value / 10],
      )
      if (isInteger && value % 2 === 0 && role === 'value') others.add(value / 2)
      others.delete(value)
      for (const other of others) {
        if (Object.is(other, -0)) continue
        add(expression, number(other, isInteger && Number.isInteger(other)), role === 'value' ? 2 : 1.5)
      }
      if (role === 'value' && isInteger) add(expression, number(0.5, false), 2)
      for (const other of around.literals)
        if (other !== value && Number.isInteger(other) === isInteger)
          add(expression, number(other, isInteger), 2.2)
      return
    }
    case 'constant':
      if (typeof expression.value === 'boolean') add(expression, truth(!expression.value), 1)
      return
    case 'unary':
      if (expression.operator === '-') add(expression, again(expression.operand), 1)
      if (expression.operator === 'not') add(expression, again(expression.operand), 1)
      return
    case 'binary': {
      const { operator, left, right } = expression
      if (operator === '+') {
        add(expression, again(left), 2)
        add(expression, again(right), 2)
        add(expression, binary('-', left, right), 1)
        add(expression, binary('-', right, left), 1.6)
        add(expression, binary('*', left, right), 2)
      } else if (operator === '-') {
        add(expression, again(left), 2)
        add(expression, negative(right), 2)
        add(expression, binary('+', left, right), 1)
        add(expression, binary('-', right, left), 1)
        add(expression, again(right), 2.4)
      } else if (operator === '*') {
        add(expression, again(left), 1.8)
        add(expression, again(right), 1.8)
        add(expression, binary('/', left, right), 1.5)
        add(expression, binary('/', right, left), 2)
        add(expression, binary('@', left, right), 2)
        add(expression, binary('+', left, right), 2.2)
      } else if (operator === '/') {
        add(expression, again(left), 1.8)
        add(expression, binary('/', right, left), 1.6)
        add(expression, binary('*', left, right), 1.5)
        add(expression, again(right), 2.4)
        add(expression, binary('/', left, binary('*', right, again(right))), 2.5)
      } else if (operator === '@') editProduct(expression, left, right, (a, b) => binary('@', a, b), add)
      else if (operator === '**') {
        add(expression, again(left), 1.5)
        if (right.kind === 'number') {
          add(right, number(right.value + 1, right.isInteger), 1.2)
          add(right, number(right.value - 1, right.isInteger), 1.2)
        }
      } else if (operator === '//' || operator === '%') {
        add(expression, binary(operator === '%' ? '//' : '%', left, right), 1.5)
        add(expression, binary('//', again(expression), number(2)), 3)
      }
      if (operator !== '@') add(expression, negative(again(expression)), ADDITIVE.has(operator) ? 1.4 : 1.2)
      return
    }
    case 'compare': {
      const [{ operator, value }, ...others] = expression.rest
      if (others.length > 0) return
      const rest = (other: string) => ({ ...expression, rest: [{ operator: other, value }] })
      for (const other of ['>', '>=', '<', '<=', '==', '!='])
        if (other !== operator) add(expression, rest(other), 1.5)
      add(value, number(0), 2)
      return
    }
    case 'choice':
      add(expression, exchanged(expression), 1.5)
      add(expression, again(expression.then), 2)
      add(expression, again(expression.otherwise), 2)
      return
    case 'call':
      editCall(expression, shape, around, add)
      return
    case 'member':
      if (expression.name === 'T') add(expression, again(expression.object), 1)
      if (expression.name === 'size') {
        const { object } = expression
        add(expression, call(member(object, 'sum')), 1.8)
        for (let k = 0; k < 3; k++)
          add(expression, { kind: 'index', object: member(object, 'shape'), index: number(k), at }, 1.8)
      }
      return
    case 'slice':
      editSlice(expression, add)
      return
    case 'index': {
      const { index, object } = expression
      if (role === 'value') add(expression, again(object), 2.5)
      if (index.kind === 'name') {
        for (const { expression: list, shape: own, numbers } of around.visible)
          if (own.length === 1 && numbers.every(Number.isInteger))
            add(index, { kind: 'index', object: again(list), index: again(index), at }, 2.2)
        add(index, binary('+', again(index), number(1)), 1.2)
        add(index, binary('-', again(index), number(1)), 1.2)
      }
      if (index.kind === 'binary' && ADDITIVE.has(index.operator)) {
        add(index, again(index.left), 1.2)
        add(index, binary(index.operator === '+' ? '-' : '+', index.left, index.right), 1.3)
      }
      if (index.kind === 'tuple' && index.items.length > 1) {
        const items = [...index.items]
        for (let k = 0; k + 1 < items.length; k++) {
          const swapped = [...items]
          ;[swapped[k], swapped[k + 1]] = [items[k + 1], items[k]]
          add(index, { ...index, items: swapped }, 1.6)
        }
        editAllSlices(expression, index, around, add)
        // a column for a row
        const [rows, column, ...more] = items
        if (more.length === 0 && rows?.kind === 'slice' && column?.kind !== 'slice')
          add(index, again(column), 1.4)
        for (const item of items) {
          if (item.kind !== 'name') continue
          add(item, binary('+', again(item), number(1)), 1.5)
          add(item, binary('-', again(item), number(1)), 1.5)
        }
      }
      return
    }
    default:
  }
}

/** The same of every slice that looks alike: what is cut off on both sides. */
function editAllSlices(
  expression: Expression,
  index: Extract<Expression, { kind: 'tuple' | 'list' | 'set' }>,
  { visible }: Surroundings,
  add: Add,
): void {
  void expression
  const isCut = (item: Expression) =>
    item.kind === 'slice' && (item.start !== undefined || item.stop !== undefined)
  if (index.items.filter(isCut).length < 2) return
  const whole = visible.filter(({ isNumber, isWhole, numbers: [value] }) => isNumber && isWhole && value > 0)
  const all = (change: (slice: Extract<Expression, { kind: 'slice' }>) => Expression, cost: number) =>
    add(
      index,
      {
        ...index,
        items: index.items.map((item) => (item.kind === 'slice' && isCut(item) ? change(item) : item)),
      },
      cost,
    )
  const plus = (one: Expression, other: Expression) => binary('+', one, again(other))
  for (const { expression: by } of [...whole, { expression: number(1) }]) {
    const name = () => again(by)
    all((slice) => ({ ...slice, start: name(), stop: negative(name()) }), 2)
    all(
      ({ start, stop, ...slice }) => ({
        ...slice,
        start: start === undefined ? name() : plus(start, by),
        stop: stop === undefined ? undefined : plus(stop, by),
      }),
      2,
    )
    all(
      ({ start, stop, ...slice }) => ({
        ...slice,
        start: start === undefined ? undefined : binary('-', start, name()),
        stop: stop === undefined ? undefined : binary('-', stop, name()),
      }),
      2,
    )
    all(({ start, ...slice }) => ({ ...slice, start: start === undefined ? name() : plus(start, by) }), 2.2)
  }
}

/** The two sides of a choice the other way round. */
function exchanged(choice: Extract<Expression, { kind: 'choice' }>): Expression {
  const { then: one, otherwise: other, ...rest } = choice
  // biome-ignore lint/suspicious/noThenProperty: it is the syntax tree's, and nothing waits for it
  return { ...rest, then: other, otherwise: one }
}

/** Operands of a product in other orders and orientations. */
function editProduct(
  expression: Expression,
  left: Expression,
  right: Expression,
  make: (left: Expression, right: Expression) => Expression,
  add: Add,
): void {
  const flip = (of: Expression) => (of.kind === 'member' && of.name === 'T' ? of.object : member(of, 'T'))
  add(expression, make(flip(left), right), 1)
  add(expression, make(left, flip(right)), 1)
  add(expression, make(flip(left), flip(right)), 1.5)
  add(expression, make(right, left), 1)
  add(expression, make(flip(right), left), 1.5)
  add(expression, make(right, flip(left)), 1.5)
  add(expression, make(flip(right), flip(left)), 1.5)
  add(expression, again(left), 2.4)
  add(expression, again(right), 2.4)
  add(expression, binary('*', left, right), 2)
  add(expression, negative(again(expression)), 1.2)
}

function editSlice(slice: Extract<Expression, { kind: 'slice' }>, add: Add): void {
  for (const side of ['start', 'stop'] as const) {
    const bound = slice[side]
    if (bound === undefined) {
      for (const other of side === 'start' ? [1] : [-1]) add(slice, { ...slice, [side]: number(other) }, 1.8)
      continue
    }
    const { [side]: _, ...without } = slice
    add(slice, { ...without, [side]: undefined } as Expression, 1.8)
    add(bound, binary('+', again(bound), number(1)), 1.5)
    add(bound, binary('-', again(bound), number(1)), 1.5)
  }
  if ((slice.start === undefined) !== (slice.stop === undefined))
    add(slice, { ...slice, start: slice.stop, stop: slice.start }, 1.4)
  if (slice.step === undefined) add(slice, { ...slice, step: number(-1) }, 2)
  else add(slice, { ...slice, step: undefined }, 1.5)
}

function editCall(
  expression: Extract<Expression, { kind: 'call' }>,
  shape: readonly number[] | undefined,
  around: Surroundings,
  add: Add,
): void {
  const { callee, arguments: given } = expression
  if (callee.kind !== 'member' && callee.kind !== 'name') return
  const isMethod = callee.kind === 'member' && !isModule(callee.object)
  const operands = isMethod
    ? [callee.object, ...given.map(({ value }) => value)]
    : given.map(({ value }) => value)
  const { name } = callee
  const [first, second] = operands
  if (first === undefined) return
  if (name === 'len') {
    add(expression, member(first, 'size'), 1.8)
    for (let k = 0; k < 3; k++)
      add(expression, { kind: 'index', object: member(first, 'shape'), index: number(k), at }, 1.8)
  }
  if (isMethod && name === 'append') add(expression, call(member(first, 'insert'), number(0), second), 1.3)
  if (isMethod && name === 'insert' && operands.length === 3)
    add(expression, call(member(first, 'append'), operands[2]), 1.3)
  if (isMethod && name === 'pop')
    add(expression, given.length === 0 ? call(callee, number(0)) : call(callee), 1.3)
  const withArguments = (others: readonly Argument[]): Expression => ({ ...expression, arguments: others })
  if (PRODUCT_CALLS.has(name) && operands.length === 2) {
    editProduct(
      expression,
      first,
      second,
      (a, b) => (isMethod ? call(member(a, name), b) : call(callee, a, b)),
      add,
    )
    return
  }
  const inner = around.shapeOf(first)
  // the call left out
  if (sameShape(inner, shape) || (shape === undefined && inner === undefined))
    add(expression, again(first), 2)
  for (const alike of ALIKE) {
    if (!alike.includes(name)) continue
    for (const other of alike)
      if (other !== name)
        add(
          expression,
          { ...expression, callee: { ...callee, name: other } as Expression },
          other === 'sum' || other === 'mean' ? 1.2 : 1.8,
        )
  }
  if (name === 'zeros_like' || name === 'ones_like') add(expression, call(member(again(first), 'copy')), 1.8)
  if (REDUCTIONS.has(name)) {
    const rank = inner?.length ?? 0
    const axisAt = given.findIndex(
      ({ name: key, kind }, k) =>
        kind === 'plain' && (key === 'axis' || (key === undefined && (isMethod ? k === 0 : k === 1))),
    )
    const keeps = given.some(({ name: key }) => key === 'keepdims')
    for (let axis = 0; axis < rank; axis++) {
      const others = given.filter((_, k) => k !== axisAt)
      add(expression, withArguments([...others, named('axis', number(axis))]), 1)
      if (!keeps)
        add(
          expression,
          withArguments([...others, named('axis', number(axis)), named('keepdims', truth(true))]),
          1.4,
        )
    }
    for (let axis = 0; axis + 1 < rank; axis++) {
      for (let other = axis + 1; other < rank; other++) {
        const pair: Expression = { kind: 'tuple', items: [number(axis), number(other)], at }
        add(expression, withArguments([...given.filter((_, k) => k !== axisAt), named('axis', pair)]), 1.5)
      }
    }
    if (axisAt !== -1) add(expression, withArguments(given.filter((_, k) => k !== axisAt)), 1.5)
    if (inner !== undefined) add(expression, again(first), 2)
  }
  if (name === 'where' && operands.length === 3) {
    const [condition, then, otherwise] = operands
    add(expression, call(callee, condition, otherwise, then), 1.2)
    add(expression, again(then), 2)
  }
  // the order of axes
  const orders =
    given.length === 1 && given[0].value.kind === 'tuple'
      ? given[0].value.items
      : given.map(({ value }) => value)
  const axes = isMethod ? orders : orders.slice(given.length === 1 ? 0 : 1)
  const isOrder =
    (name === 'transpose' || name === 'permute') &&
    axes.length > 1 &&
    axes.length <= 5 &&
    axes.every(({ kind }) => kind === 'number')
  const order = isOrder
    ? axes
    : name === 'transpose' && !isMethod && second?.kind === 'tuple'
      ? second.items
      : []
  if (order.length > 1) {
    for (const other of permutations(Array.from(order, (_, k) => k))) {
      add(
        expression,
        isMethod
          ? call(callee, ...other.map((k) => number(k)))
          : call(callee, first, { kind: 'tuple', items: other.map((k) => number(k)), at }),
        1.5,
      )
    }
  }
  if (
    name === 'transpose' &&
    order.length > 1 &&
    first.kind === 'call' &&
    first.callee.kind === 'member' &&
    first.callee.name === 'reshape'
  ) {
    const lengths = first.arguments.map(({ value }) => value)
    if (lengths.length === order.length && lengths.length <= 4)
      for (const other of permutations(lengths.map((_, k) => k)))
        add(expression, call(first.callee, ...other.map((k) => lengths[k])), 2)
  }
  if (name === 'transpose' && order.length === 0) add(expression, again(first), 1)
  if (name === 'reshape' && inner !== undefined && shape !== undefined) {
    for (const other of permutations(inner.map((_, k) => k)).slice(1)) {
      add(first, call(member(again(first), 'transpose'), ...other.map((k) => number(k))), 2)
    }
    const target = isMethod ? given : given.slice(1)
    const lengths =
      target.length === 1 && target[0].value.kind === 'tuple'
        ? target[0].value.items
        : target.map(({ value }) => value)
    if (lengths.length > 1 && lengths.length <= 6) {
      for (const other of otherOrders(lengths.length)) {
        const moved = call(isMethod ? callee : member(first, 'reshape'), ...other.map((k) => lengths[k]))
        // another order of lengths, and the axes put back
        add(expression, moved, 2)
        const back = other.map((_, k) => other.indexOf(k))
        add(expression, call(member(moved, 'transpose'), ...back.map((k) => number(k))), 2.2)
      }
    }
  }
  if (name === 'swapaxes' || name === 'moveaxis' || name === 'rollaxis') add(expression, again(first), 2)
  // two plain arguments the other way round
  const plain = given.filter(({ name: key, kind }) => key === undefined && kind === 'plain')
  if (plain.length === 2 && given.length === 2 && !isMethod)
    add(expression, call(callee, plain[1].value, plain[0].value), 1.6)
  if (name === 'einsum' && first.kind === 'string') editEinsum(first, add)
}

/** Letters of one operand, or of the result, in another order. */
function editEinsum(subscripts: Extract<Expression, { kind: 'string' }>, add: Add): void {
  const parts = subscripts.value.replaceAll(' ', '').split(/(,|->)/)
  for (const [k, part] of parts.entries()) {
    if (!/^[a-zA-Z]+$/.test(part) || part.length > 4) continue
    for (const order of permutations([...part].map((_, i) => i)).slice(1)) {
      const other = parts.map((own, i) => (i === k ? order.map((j) => part[j]).join('') : own))
      add(subscripts, { ...subscripts, value: other.join('') }, 1.5)
    }
  }
}

/** Other orders of axes: all of a few, two changed places of many. */
function otherOrders(count: number): number[][] {
  const plain = Array.from({ length: count }, (_, k) => k)
  if (count <= 5) return permutations(plain).slice(1)
  return plain.flatMap((one) =>
    plain.slice(one + 1).map((other) => plain.map((k) => (k === one ? other : k === other ? one : k))),
  )
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, k) =>
    permutations([...items.slice(0, k), ...items.slice(k + 1)]).map((rest) => [item, ...rest]),
  )
}

/** Edits that read what can be seen where the expression stands. */
function editWithVisible(expression: Expression, depth: number, around: Surroundings, add: Add): void {
  const { visible } = around
  const shape = around.shapeOf(expression)
  const isRead = ['name', 'member', 'index'].includes(expression.kind)
  const numbers = visible.filter(({ isNumber }) => isNumber)
  const arrays = visible.filter(({ isNumber, isContainer }) => !isNumber && !isContainer)
  if (isRead && shape === undefined && !(expression.kind === 'name' && isModule(expression))) {
    for (const { expression: other, isContainer } of visible)
      if (isContainer) add(expression, again(other), nameCost(expression, other))
  }
  if (isRead && shape !== undefined) {
    for (const other of arrays) {
      if (sameShape(other.shape, shape))
        add(expression, again(other.expression), nameCost(expression, other.expression))
      else if (spreads(other.shape, shape)) add(expression, again(other.expression), 3)
      if (other.shape.length === 2 && other.shape[0] === shape[1] && other.shape[1] === shape[0])
        add(expression, member(other.expression, 'T'), 2.6)
    }
  }
  if ((isRead && shape === undefined) || expression.kind === 'number') {
    if (expression.kind === 'name' && isModule(expression)) return
    for (const other of numbers)
      add(
        expression,
        again(other.expression),
        expression.kind === 'number'
          ? expression.value === 1
            ? 1.9
            : 2.6
          : nameCost(expression, other.expression),
      )
    if (
      expression.kind === 'index' &&
      expression.object.kind === 'member' &&
      expression.object.name === 'shape' &&
      expression.index.kind === 'number'
    )
      for (let k = 0; k < 4; k++) add(expression.index, number(k), 1.2)
    for (const { expression: array, shape: lengths } of arrays.slice(0, 12))
      for (let k = 0; k < lengths.length; k++)
        add(expression, { kind: 'index', object: member(array, 'shape'), index: number(k), at }, 3.4)
  }
  if (isRead && shape !== undefined && depth === 0)
    add(expression, call(numpy('zeros_like'), again(expression)), 2)
  if (isRead && shape !== undefined && depth > 0) {
    for (const own of around.functions)
      add(expression, call({ kind: 'name', name: own, at }, again(expression)), 2.4)
    for (const own of ['tanh', 'exp', 'log', 'sqrt', 'square', 'abs'])
      add(expression, call(numpy(own), again(expression)), 2.6)
    add(expression, binary('-', number(1), again(expression)), 2.4)
    add(expression, binary('**', again(expression), number(2)), 2.2)
  }
  const isLength =
    expression.kind === 'index' && expression.object.kind === 'member' && expression.object.name === 'shape'
  if (
    shape === undefined &&
    !isLength &&
    depth < 2 &&
    ['number', 'binary', 'unary', 'name', 'index'].includes(expression.kind)
  ) {
    for (const {
      expression: one,
      numbers: [value],
      isWhole,
    } of numbers) {
      if (value === 0 || value === 1) continue
      add(expression, binary('/', again(expression), again(one)), isWhole ? 2 : 2.6)
      add(expression, binary('*', again(expression), again(one)), isWhole ? 2 : 2.4)
    }
    add(expression, binary('*', number(2), again(expression)), 2)
    add(expression, binary('/', again(expression), number(2)), 2)
  }
  if (shape === undefined) return
  const lengths = new Set<number>()
  for (const {
    expression: one,
    numbers: [value],
    isWhole,
  } of numbers) {
    if (value === 0 || value === 1 || !Number.isFinite(value)) continue
    if (isWhole) lengths.add(value)
    add(expression, binary('/', again(expression), again(one)), isWhole ? 2 : 2.6)
    add(expression, binary('*', again(expression), again(one)), isWhole ? 2 : 2.4)
    if (!isWhole) add(expression, binary('*', again(expression), binary('-', number(1), again(one))), 3)
  }
  for (const { expression: array, shape: sides } of arrays) {
    for (const [k, side] of sides.entries()) {
      if (side < 2 || lengths.has(side)) continue
      lengths.add(side)
      const length: Expression = { kind: 'index', object: member(array, 'shape'), index: number(k), at }
      add(expression, binary('/', again(expression), length), 2.6)
      add(expression, binary('*', again(expression), length), 2.6)
    }
  }
  add(expression, binary('*', number(2), again(expression)), 1.8)
  add(expression, binary('/', again(expression), number(2)), 1.8)
  add(expression, negative(again(expression)), 1.2)
  add(expression, call(member(again(expression), 'copy')), 1.5)
  if (shape.length === 2 && shape[0] === shape[1]) add(expression, member(again(expression), 'T'), 1.5)
  if (shape.length === 3 && shape[1] === shape[2])
    add(expression, call(member(again(expression), 'transpose'), number(0), number(2), number(1)), 1.8)
  const size = shape.reduce((product, length) => product * length, 1)
  if (depth > 3 || size < 2) return
  for (const { expression: other, shape: own } of arrays) {
    if (!spreads(own, shape)) continue
    const of = () => again(other)
    const times = (factor: Expression, cost: number) =>
      add(expression, binary('*', again(expression), factor), cost + depth / 10)
    times(of(), 2.6)
    add(expression, binary('/', again(expression), of()), 2.8)
    times(binary('*', of(), binary('-', number(1), of())), 2.8)
    times(binary('-', number(1), binary('**', of(), number(2))), 2.8)
    times({ kind: 'compare', first: of(), rest: [{ operator: '>', value: number(0) }], at }, 2.6)
    times(binary('-', number(1), of()), 3)
    times(call(numpy('exp'), of()), 3.4)
    times(call(numpy('cos'), of()), 3.6)
    times(call(numpy('sign'), of()), 3.4)
    times(binary('-', number(1), binary('**', call(numpy('tanh'), of()), number(2))), 3.4)
    add(expression, binary('/', again(expression), binary('**', of(), number(2))), 3.2)
    add(expression, binary('*', again(expression), binary('**', of(), number(2))), 3.4)
    const logistic = (): Expression =>
      binary('/', number(1), binary('+', number(1), call(numpy('exp'), negative(of()))))
    times(logistic(), 3.6)
    times(binary('*', logistic(), binary('-', number(1), logistic())), 3.6)
    if (sameShape(own, shape) || spreads(own, shape)) {
      add(expression, binary('+', again(expression), of()), 2.4 + (sameShape(own, shape) ? 0 : 0.4))
      add(expression, binary('-', again(expression), of()), 2.4 + (sameShape(own, shape) ? 0 : 0.4))
    }
    // a term with a factor that nothing else reads
    for (const { expression: kept, shape: keptShape } of arrays) {
      if (
        kept.kind !== 'name' ||
        !around.unread.has(kept.name) ||
        !spreads(keptShape, shape) ||
        kept === other
      )
        continue
      const term = () => binary('*', of(), again(kept))
      add(expression, binary('-', again(expression), term()), 3.4)
      add(expression, binary('+', again(expression), term()), 3.4)
    }
    if (!sameShape(own, shape)) continue
    // a term with the size of a penalty, of a mean
    for (const { expression: factor, isWhole } of numbers) {
      if (isWhole) continue
      const term = binary('*', again(factor), of())
      add(expression, binary('+', again(expression), term), 3)
      add(expression, binary('+', again(expression), binary('*', number(2), term)), 3.4)
      for (const { expression: length, isWhole: isLength } of numbers)
        if (isLength) add(expression, binary('+', again(expression), binary('/', term, again(length))), 3.4)
    }
    // off the diagonal: what a softmax, a norm passes from one element to the others
    for (let axis = 0; axis < shape.length; axis++) {
      const reduced = (inner: Expression): Expression => ({
        kind: 'call',
        callee: numpy('sum'),
        arguments: [
          { kind: 'plain', name: undefined, value: inner },
          named('axis', number(axis)),
          named('keepdims', truth(true)),
        ],
        at,
      })
      const sum = reduced(binary('*', again(expression), of()))
      add(expression, binary('*', of(), binary('-', again(expression), sum)), 3.6)
      add(expression, binary('-', again(expression), sum), 3.6)
      add(expression, binary('-', again(expression), binary('*', of(), reduced(again(expression)))), 3.6)
      add(expression, binary('-', again(expression), binary('*', of(), sum)), 3.8)
    }
  }
  for (let axis = 0; axis < shape.length && shape.length > 0; axis++) {
    for (const reduction of ['mean', 'sum']) {
      const reduced: Expression = {
        kind: 'call',
        callee: numpy(reduction),
        arguments: [
          { kind: 'plain', name: undefined, value: again(expression) },
          named('axis', number(axis)),
          named('keepdims', truth(true)),
        ],
        at,
      }
      add(expression, binary('-', again(expression), reduced), 3.4)
      if (depth === 0) {
        add(expression, reduced, reduction === 'sum' ? 1.9 : 2.6)
        const bare =
          reduced.kind === 'call' ? { ...reduced, arguments: reduced.arguments.slice(0, 2) } : reduced
        add(expression, bare, reduction === 'sum' ? 1.9 : 2.6)
      }
    }
  }
  if (depth <= 1) addProducts(expression, shape, arrays, add)
}

/** The product of two matrices that can be seen, as one more term, or in the place of what is there. */
function addProducts(
  expression: Expression,
  shape: readonly number[],
  arrays: readonly Visible[],
  add: Add,
): void {
  if (shape.length !== 2) return
  const matrices = arrays.filter((one) => one.shape.length === 2)
  const sides = matrices.flatMap(({ expression: own, shape: [rows, columns] }) => [
    { own, rows, columns, cost: 0 },
    { own: member(own, 'T'), rows: columns, columns: rows, cost: 0.2 },
  ])
  let count = 0
  for (const left of sides) {
    if (left.rows !== shape[0]) continue
    for (const right of sides) {
      if (right.columns !== shape[1] || right.rows !== left.columns || ++count > 2000) continue
      const product = binary('@', again(left.own), again(right.own))
      add(expression, binary('+', again(expression), product), 4 + left.cost + right.cost)
      add(expression, product, 4 + left.cost + right.cost)
    }
  }
}

/** The likelier that one name was taken for the other, the less. */
function nameCost(one: Expression, other: Expression): number {
  const [a, b] = [printExpression(one), printExpression(other)]
  const bare = (text: string) => text.replaceAll(/\d+/g, '').toLowerCase()
  if (bare(a) === bare(b)) return 1.4
  if (/^\w$/.test(a) && /^\w$/.test(b)) return 1.5
  const digits = (text: string) => /\d+/.exec(text)?.[0]
  if (digits(a) !== undefined && digits(a) === digits(b)) return 1.6
  return 2.2
}
