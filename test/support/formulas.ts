import fc from 'fast-check'

/** The variables of generated formulas. */
export const VARIABLES = ['x', 'y'] as const

/** A formula, and the same in functions that mathjs derives by itself: to compare with its derivative. */
export interface GeneratedFormula {
  readonly text: string
  readonly derivable: string
}

type Unary = readonly [text: (u: string) => string, derivable?: (u: string) => string]

/** Functions with arguments kept where they are smooth and moderate. */
const UNARY: readonly Unary[] = [
  [(u) => `exp(-(${u})^2)`],
  [(u) => `exp(tanh(${u}))`],
  [(u) => `log(1 + (${u})^2)`],
  [(u) => `sqrt(1 + (${u})^2)`],
  [(u) => `sin(${u})`],
  [(u) => `cos(${u})`],
  [(u) => `tan(tanh(${u}))`],
  [(u) => `tanh(${u})`],
  [(u) => `sinh(tanh(${u}))`],
  [(u) => `cosh(sin(${u}))`],
  [(u) => `atan(${u})`],
  [(u) => `sigmoid(${u})`, (u) => `(1 / (1 + exp(-(${u}))))`],
  [(u) => `softplus(${u})`, (u) => `log(1 + exp(${u}))`],
  [(u) => `relu(${u})`, (u) => `(((${u}) + abs(${u})) / 2)`],
  [(u) => `abs(${u})`],
  [(u) => `(${u})^2`],
  [(u) => `(${u})^3`],
  [(u) => `(1 + (${u})^2)^1.7`],
  [(u) => `(2 + sin(${u}))^(-0.4)`],
  [(u) => `1 / (1.5 + cos(${u}))`],
  [(u) => `-(${u})`],
]

type Binary = readonly [text: (u: string, v: string) => string, derivable?: (u: string, v: string) => string]

const BINARY: readonly Binary[] = [
  [(u, v) => `(${u}) + (${v})`],
  [(u, v) => `(${u}) - (${v})`],
  [(u, v) => `(${u}) * (${v})`],
  [(u, v) => `(${u}) / (1 + (${v})^2)`],
  [(u, v) => `(1.2 + sin(${u}))^(${v})`],
  [(u, v) => `max(${u}, ${v})`, (u, v) => `(((${u}) + (${v}) + abs((${u}) - (${v}))) / 2)`],
  [(u, v) => `min(${u}, ${v})`, (u, v) => `(((${u}) + (${v}) - abs((${u}) - (${v}))) / 2)`],
  [(u, v) => `sum(${u}, ${v}, 0.5)`, (u, v) => `(${u} + ${v} + 0.5)`],
]

const leaf: fc.Arbitrary<GeneratedFormula> = fc
  .oneof(
    { arbitrary: fc.constantFrom(...VARIABLES), weight: 5 },
    { arbitrary: fc.constantFrom('0.7', '1.3', '2', '-0.4'), weight: 1 },
  )
  .map((text) => ({ text, derivable: text }))

/** Formulas of x and y, nested up to so many levels deep. */
export const formulas = (maxDepth: number): fc.Arbitrary<GeneratedFormula> =>
  fc.letrec<{ node: GeneratedFormula }>((tie) => ({
    node: fc.oneof(
      { maxDepth, depthSize: maxDepth > 4 ? 'medium' : 'small' },
      { arbitrary: leaf, weight: 1 },
      {
        arbitrary: fc.tuple(fc.constantFrom(...UNARY), tie('node')).map(([[text, derivable = text], u]) => ({
          text: text(u.text),
          derivable: derivable(u.derivable),
        })),
        weight: 4,
      },
      {
        arbitrary: fc
          .tuple(fc.constantFrom(...BINARY), tie('node'), tie('node'))
          .map(([[text, derivable = text], u, v]) => ({
            text: text(u.text, v.text),
            derivable: derivable(u.derivable, v.derivable),
          })),
        weight: 5,
      },
    ),
  })).node
