import { GradcheckError } from '../errors.js'
import { type AnyNode, loadMathjs, type Mathjs, type OperatorNode } from './load-mathjs.js'
import { type Formula, parseFormula } from './parse-formula.js'

/** Nodes up to which a formula is derived: mathjs's rules and its simplification recurse, and grow products. */
const MOST_NODES = 400
/** Nodes up to which a derivative is simplified. */
const MOST_SIMPLIFIED_NODES = 300

/** Functions that mathjs does not derive, or not everywhere: each with its partial derivatives. */
type Rules = Readonly<Record<string, (math: Mathjs, operands: readonly AnyNode[]) => AnyNode[]>>

const call = (math: Mathjs, name: string, ...operands: AnyNode[]) => new math.FunctionNode(name, operands)
const constant = (math: Mathjs, value: number) => new math.ConstantNode(value)
const plus = (math: Mathjs, a: AnyNode, b: AnyNode) => new math.OperatorNode('+', 'add', [a, b])
const times = (math: Mathjs, a: AnyNode, b: AnyNode) => new math.OperatorNode('*', 'multiply', [a, b])
const over = (math: Mathjs, a: AnyNode, b: AnyNode) => new math.OperatorNode('/', 'divide', [a, b])

const RULES: Rules = {
  abs: (math, [u]) => [call(math, 'sign', u)],
  sign: (math) => [constant(math, 0)],
  step: (math) => [constant(math, 0)],
  relu: (math, [u]) => [call(math, 'step', u)],
  sigmoid: (math, [u]) => [
    times(
      math,
      call(math, 'sigmoid', u),
      call(math, 'sigmoid', new math.OperatorNode('-', 'unaryMinus', [u])),
    ),
  ],
  softplus: (math, [u]) => [call(math, 'sigmoid', u)],
  expm1: (math, [u]) => [call(math, 'exp', u)],
  log1p: (math, [u]) => [over(math, constant(math, 1), plus(math, constant(math, 1), u))],
  ln: (math, [u]) => [over(math, constant(math, 1), u)],
  log2: (math, [u]) => [over(math, constant(math, Math.LOG2E), u)],
  cbrt: (math, [u]) => [
    over(
      math,
      constant(math, 1),
      times(math, constant(math, 3), call(math, 'square', call(math, 'cbrt', u))),
    ),
  ],
  square: (math, [u]) => [times(math, constant(math, 2), u)],
  cube: (math, [u]) => [times(math, constant(math, 3), call(math, 'square', u))],
  sum: (math, operands) => operands.map(() => constant(math, 1)),
}

/** The derivative of a formula, by mathjs. */
export interface SymbolicDerivative {
  readonly text: string
  readonly formula: Formula
}

/**
 * Derives a formula by mathjs's `derivative`, and what mathjs does not know (sigmoid, relu, min, conditions …) by
 * rules of our own: such a part stands for a variable of its own in what mathjs sees.
 * @returns undefined where the formula is too long to be derived
 */
export async function deriveFormula(
  formula: Formula,
  variable: string,
): Promise<SymbolicDerivative | undefined> {
  if (countNodes(formula.node) > MOST_NODES) return undefined
  const math = await loadMathjs()
  const taken = new Set(formula.variables)
  let node: AnyNode
  try {
    const deriver = new Deriver(math, variable, taken)
    node = deriver.derive(formula.node)
    if (countNodes(node) <= MOST_SIMPLIFIED_NODES) node = deriver.simplify(node)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  const text = node.toString()
  try {
    return { text, formula: await parseFormula(text, formula.variables) }
  } catch (error) {
    // a derivative may be longer or deeper than a formula may be
    if (error instanceof GradcheckError && error.code === 'bad-formula') return undefined
    throw error
  }
}

class Deriver {
  readonly #math: Mathjs
  readonly #variable: string
  readonly #taken: Set<string>

  constructor(math: Mathjs, variable: string, taken: Set<string>) {
    this.#math = math
    this.#variable = variable
    this.#taken = taken
  }

  /** ∂E/∂x + Σ ∂E/∂s·ds/dx over the parts s of E that mathjs does not derive. */
  derive(node: AnyNode): AnyNode {
    const math = this.#math
    const parts = new Map<string, AnyNode>()
    const known = this.#replace(node, parts, isUnderivable)
    let total = this.#deriveKnown(known, this.#variable, parts)
    for (const [name, part] of parts) {
      const own = this.#derivePart(part)
      if (own === undefined) continue
      const term = times(math, this.#deriveKnown(known, name, parts), own)
      total = isZero(total) ? term : plus(math, total, term)
    }
    return total
  }

  /** mathjs's simplification, of what is between the conditions, which it does not know. */
  simplify(node: AnyNode): AnyNode {
    const parts = new Map<string, AnyNode>()
    const known = this.#replace(node, parts, ({ type }) => type === 'ConditionalNode')
    return transform(this.#math, this.#math.simplify(known), (name) => parts.get(name))
  }

  #deriveKnown(node: AnyNode, variable: string, parts: ReadonlyMap<string, AnyNode>): AnyNode {
    const derived = this.#math.derivative(node, new this.#math.SymbolNode(variable), { simplify: true })
    return transform(this.#math, derived, (name) => parts.get(name))
  }

  /** A copy of a node in which each outermost part of some kind is a variable. */
  #replace(node: AnyNode, parts: Map<string, AnyNode>, isPart: (node: AnyNode) => boolean): AnyNode {
    if (isPart(node)) {
      let name = 's'
      while (this.#taken.has(name)) name += 's'
      this.#taken.add(name)
      parts.set(name, node)
      return new this.#math.SymbolNode(name)
    }
    return mapOperands(this.#math, node, (operand) => this.#replace(operand, parts, isPart))
  }

  /** The derivative of a part that mathjs does not derive; undefined where it is 0. */
  #derivePart(part: AnyNode): AnyNode | undefined {
    const math = this.#math
    if (part.type === 'ConditionalNode') {
      return this.#choose(part.condition, part.trueExpr, part.falseExpr)
    }
    if (part.type !== 'FunctionNode') return undefined
    const name = functionName(part)
    if (name === 'min' || name === 'max') {
      const [first, ...rest] = part.args
      if (rest.length === 0) return this.derive(first)
      const other = rest.length === 1 ? rest[0] : call(math, name, ...rest)
      const [op, fn] = name === 'min' ? ['<=', 'smallerEq'] : ['>=', 'largerEq']
      return this.#choose(new math.OperatorNode(op, fn, [first, other]), first, other)
    }
    let total: AnyNode | undefined
    const slopes = RULES[name](math, part.args)
    for (const [k, operand] of part.args.entries()) {
      const inner = this.derive(operand)
      if (isZero(inner) || isZero(slopes[k])) continue
      const term = times(math, slopes[k], inner)
      total = total === undefined ? term : plus(math, total, term)
    }
    return total
  }

  #choose(condition: AnyNode, then: AnyNode, otherwise: AnyNode): AnyNode | undefined {
    const branches = [this.derive(then), this.derive(otherwise)]
    if (branches.every(isZero)) return undefined
    return new this.#math.ConditionalNode(condition, branches[0], branches[1])
  }
}

const functionName = (node: AnyNode) =>
  node.type === 'FunctionNode' && node.fn.type === 'SymbolNode' ? node.fn.name : ''

const hasOwnRule = (node: AnyNode) =>
  Object.hasOwn(RULES, functionName(node)) || ['min', 'max'].includes(functionName(node))

const isComparison = (node: OperatorNode) => ['larger', 'largerEq', 'smaller', 'smallerEq'].includes(node.fn)

const isUnderivable = (node: AnyNode) =>
  node.type === 'ConditionalNode' ||
  (node.type === 'FunctionNode' && hasOwnRule(node)) ||
  (node.type === 'OperatorNode' && isComparison(node))

const isZero = (node: AnyNode) => node.type === 'ConstantNode' && node.value === 0

function operandsOf(node: AnyNode): readonly AnyNode[] {
  switch (node.type) {
    case 'OperatorNode':
    case 'FunctionNode':
      return node.args
    case 'ParenthesisNode':
      return [node.content]
    case 'ConditionalNode':
      return [node.condition, node.trueExpr, node.falseExpr]
    default:
      return []
  }
}

/** A copy of a node with other operands; brackets are left out, since the tree says what they say. */
function mapOperands(math: Mathjs, node: AnyNode, change: (operand: AnyNode) => AnyNode): AnyNode {
  switch (node.type) {
    case 'OperatorNode':
      return new math.OperatorNode(node.op, node.fn, node.args.map(change))
    case 'FunctionNode':
      return new math.FunctionNode(functionName(node), node.args.map(change))
    case 'ParenthesisNode':
      return change(node.content)
    case 'ConditionalNode':
      return new math.ConditionalNode(change(node.condition), change(node.trueExpr), change(node.falseExpr))
    default:
      return node
  }
}

function transform(math: Mathjs, node: AnyNode, replace: (name: string) => AnyNode | undefined): AnyNode {
  if (node.type === 'SymbolNode') return replace(node.name) ?? node
  return mapOperands(math, node, (operand) => transform(math, operand, replace))
}

function countNodes(node: AnyNode): number {
  let count = 0
  const pending: AnyNode[] = [node]
  for (let next = pending.pop(); next !== undefined && count <= MOST_NODES; next = pending.pop()) {
    count++
    pending.push(...operandsOf(next))
  }
  return count
}
