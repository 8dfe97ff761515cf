/** Where something is written: an offset in its source. */
interface Placed {
  readonly at: number
}

/** An argument of a call. */
export interface Argument {
  readonly kind: 'plain' | 'spread' | 'spread-names'
  /** Of an argument that is named. */
  readonly name: string | undefined
  readonly value: Expression
}

/** A parameter of a function. */
export interface Parameter {
  readonly name: string
  readonly kind: 'plain' | 'rest' | 'names' | 'named-only'
  readonly usual: Expression | undefined
}

/** `for target in list if conditions` of a comprehension. */
export interface Clause {
  readonly target: Expression
  readonly list: Expression
  readonly conditions: readonly Expression[]
}

/** A part of a formatted string: text, or `{value!conversion:format}`. */
export type FormatPart =
  | string
  | {
      readonly value: Expression
      readonly conversion: string | undefined
      readonly format: readonly FormatPart[]
    }

/** `except of as name: body` */
export interface Handler extends Placed {
  readonly of: Expression | undefined
  readonly name: string | undefined
  readonly body: readonly Statement[]
}

/** Python's expressions, as its own parser groups them. */
export type Expression = Placed &
  (
    | { readonly kind: 'number'; readonly value: number; readonly isInteger: boolean }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'format'; readonly parts: readonly FormatPart[] }
    | { readonly kind: 'constant'; readonly value: boolean | null }
    | { readonly kind: 'ellipsis' }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
    | {
        readonly kind: 'binary'
        readonly operator: string
        readonly left: Expression
        readonly right: Expression
      }
    | {
        readonly kind: 'logic'
        readonly operator: 'and' | 'or'
        readonly left: Expression
        readonly right: Expression
      }
    | {
        readonly kind: 'compare'
        readonly first: Expression
        readonly rest: readonly { readonly operator: string; readonly value: Expression }[]
      }
    | {
        readonly kind: 'choice'
        readonly condition: Expression
        readonly then: Expression
        readonly otherwise: Expression
      }
    | { readonly kind: 'lambda'; readonly parameters: readonly Parameter[]; readonly body: Expression }
    | { readonly kind: 'call'; readonly callee: Expression; readonly arguments: readonly Argument[] }
    | { readonly kind: 'member'; readonly object: Expression; readonly name: string }
    | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
    | {
        readonly kind: 'slice'
        readonly start: Expression | undefined
        readonly stop: Expression | undefined
        readonly step: Expression | undefined
      }
    | { readonly kind: 'tuple' | 'list' | 'set'; readonly items: readonly Expression[] }
    | {
        readonly kind: 'dictionary'
        readonly entries: readonly { readonly key: Expression | undefined; readonly value: Expression }[]
      }
    | {
        readonly kind: 'comprehension'
        readonly makes: 'list' | 'set' | 'generator' | 'dictionary'
        readonly key: Expression | undefined
        readonly value: Expression
        readonly clauses: readonly Clause[]
      }
    | { readonly kind: 'starred'; readonly value: Expression }
    | { readonly kind: 'walrus'; readonly name: string; readonly value: Expression }
    | { readonly kind: 'yield'; readonly isFrom: boolean; readonly value: Expression | undefined }
    | { readonly kind: 'broken'; readonly what: string }
  )

/** Python's statements, as far as they are understood. */
export type Statement = Placed &
  (
    | { readonly kind: 'expression'; readonly value: Expression }
    | {
        readonly kind: 'assign'
        readonly targets: readonly Expression[]
        readonly value: Expression
        /** Whether a type stands at it: a field of a data class. */
        readonly isTyped?: boolean
      }
    | {
        readonly kind: 'update'
        readonly target: Expression
        readonly operator: string
        readonly value: Expression
      }
    | { readonly kind: 'return'; readonly value: Expression | undefined }
    | {
        readonly kind: 'if'
        readonly branches: readonly { readonly condition: Expression; readonly body: readonly Statement[] }[]
        readonly otherwise: readonly Statement[]
      }
    | {
        readonly kind: 'for'
        readonly target: Expression
        readonly list: Expression
        readonly body: readonly Statement[]
        readonly otherwise: readonly Statement[]
      }
    | {
        readonly kind: 'while'
        readonly condition: Expression
        readonly body: readonly Statement[]
        readonly otherwise: readonly Statement[]
      }
    | FunctionDefinition
    | ClassDefinition
    | { readonly kind: 'import'; readonly module: string; readonly as: string }
    | {
        readonly kind: 'import-from'
        readonly module: string
        readonly names: readonly { readonly name: string; readonly as: string }[]
      }
    | { readonly kind: 'assert'; readonly condition: Expression; readonly message: Expression | undefined }
    | { readonly kind: 'raise'; readonly value: Expression | undefined }
    | {
        readonly kind: 'with'
        readonly items: readonly { readonly value: Expression; readonly target: Expression | undefined }[]
        readonly body: readonly Statement[]
      }
    | {
        readonly kind: 'try'
        readonly body: readonly Statement[]
        readonly handlers: readonly Handler[]
        readonly otherwise: readonly Statement[]
        readonly last: readonly Statement[]
      }
    | { readonly kind: 'delete'; readonly targets: readonly Expression[] }
    /** `name: type` without a value. */
    | { readonly kind: 'declare'; readonly target: Expression }
    | { readonly kind: 'global'; readonly isNonlocal: boolean; readonly names: readonly string[] }
    | { readonly kind: 'pass' | 'break' | 'continue' }
    | { readonly kind: 'broken'; readonly what: string }
  )

export interface FunctionDefinition extends Placed {
  readonly kind: 'function'
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly body: readonly Statement[]
  readonly decorators: readonly string[]
}

export interface ClassDefinition extends Placed {
  readonly kind: 'class'
  readonly name: string
  readonly bases: readonly Expression[]
  readonly body: readonly Statement[]
  readonly decorators: readonly string[]
}
