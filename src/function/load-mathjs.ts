/** What is used of a node of mathjs's parse tree. */
export interface MathNode {
  readonly type: string
  toString(): string
}

export interface ConstantNode extends MathNode {
  readonly type: 'ConstantNode'
  readonly value: unknown
}

export interface SymbolNode extends MathNode {
  readonly type: 'SymbolNode'
  readonly name: string
}

export interface ParenthesisNode extends MathNode {
  readonly type: 'ParenthesisNode'
  readonly content: AnyNode
}

export interface OperatorNode extends MathNode {
  readonly type: 'OperatorNode'
  readonly op: string
  readonly fn: string
  readonly args: readonly AnyNode[]
}

export interface FunctionNode extends MathNode {
  readonly type: 'FunctionNode'
  /** What is called: a plain name is a `SymbolNode`. */
  readonly fn: AnyNode
  readonly args: readonly AnyNode[]
}

export interface ConditionalNode extends MathNode {
  readonly type: 'ConditionalNode'
  readonly condition: AnyNode
  readonly trueExpr: AnyNode
  readonly falseExpr: AnyNode
}

/** A node that a formula may have. Whatever else mathjs parses has another `type`, and is refused. */
export type AnyNode =
  | ConstantNode
  | SymbolNode
  | ParenthesisNode
  | OperatorNode
  | FunctionNode
  | ConditionalNode

/** The part of mathjs that is used: its parser and its symbolic derivative, on plain numbers. */
export interface Mathjs {
  parse(text: string): AnyNode
  derivative(node: AnyNode, variable: AnyNode, options: { simplify: boolean }): AnyNode
  simplify(node: AnyNode): AnyNode
  readonly SymbolNode: new (name: string) => SymbolNode
  readonly ConstantNode: new (value: number) => ConstantNode
  readonly OperatorNode: new (op: string, fn: string, args: readonly AnyNode[]) => OperatorNode
  readonly FunctionNode: new (name: string, args: readonly AnyNode[]) => FunctionNode
  readonly ConditionalNode: new (condition: AnyNode, then: AnyNode, otherwise: AnyNode) => ConditionalNode
}

let loading: Promise<Mathjs> | undefined

/** Loads mathjs where a formula is first used: about 53 kB gzipped, its parser and what its `derivative` needs. */
export function loadMathjs(): Promise<Mathjs> {
  loading ??= import('./mathjs-subset.js').then((subset) => subset.mathjs as unknown as Mathjs)
  return loading
}
