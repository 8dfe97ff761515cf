import type { Expression, Statement } from '../numpy/ast.js'

/** Code with something changed. */
export interface Change {
  readonly statement: Statement
  readonly expressions: ReadonlyMap<Expression, Expression>
  /** In the place of the statement, where more than expressions changes. */
  readonly statements: readonly Statement[] | undefined
  readonly cost: number
}
