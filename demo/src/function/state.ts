import type { Scheme } from 'webgpu-gradcheck'

/** What the function view is set to. */
export interface FunctionState {
  formula: string
  /** Empty: mathjs derives it. */
  gradient: string
  at: number
  step: number
  scheme: Scheme
}

/** A function worth looking at, and what it shows. */
export interface FunctionExample {
  readonly title: string
  readonly formula: string
  readonly gradient: string
  readonly at: number
  readonly lesson: string
}

export const FUNCTION_EXAMPLES: readonly FunctionExample[] = [
  {
    title: 'A parabola',
    formula: 'x^2',
    gradient: '2 * x',
    at: 1.5,
    lesson:
      'The slope of x² at 1.5 is 3. The secant through two points, one on each side, has the same slope as the tangent, however far apart they are: the central scheme is exact for a parabola.',
  },
  {
    title: 'A straight line',
    formula: '2 * theta',
    gradient: '2',
    at: 4,
    lesson:
      'The simplest loss there is, J = xθ with x = 2. Secant and tangent are one line, so all that is left to see is rounding: it grows as h shrinks, because two nearly equal numbers are subtracted.',
  },
  {
    title: 'One side or two',
    formula: 'x^3',
    gradient: '3 * x^2',
    at: 2,
    lesson:
      'The forward scheme uses one side and is off by about h; the central one uses both and is off by about h². At h = 10⁻³ that is the difference between three right digits and six.',
  },
  {
    title: 'A wrong derivative',
    formula: 'exp(2 * x)',
    gradient: 'exp(2 * x)',
    at: 0.5,
    lesson:
      'The chain rule’s factor 2 is missing. No h brings the secant near this slope: an error that does not shrink with h is not the method’s, it is the formula’s.',
  },
  {
    title: 'A kink',
    formula: 'relu(x)',
    gradient: 'x > 0 ? 1 : 0',
    at: 0.001,
    lesson:
      'ReLU bends at 0. With h above 0.001 one point of the secant lies beyond the bend, and the slope is that of neither side. Smaller steps stay on one side.',
  },
  {
    title: 'A saturated unit',
    formula: 'tanh(x)',
    gradient: '1 - tanh(x)^2',
    at: 4,
    lesson:
      'Far out tanh is nearly flat. Its two values agree in most digits, so the textbook’s subtraction keeps few of them; difference arithmetic computes the change itself and keeps all.',
  },
]

function createFunctionState(): FunctionState {
  const { formula, gradient, at } = FUNCTION_EXAMPLES[0]
  return { formula, gradient, at, step: 0.1, scheme: 'central' }
}

export function parseFunctionState(fields: ReadonlyMap<string, string>): FunctionState {
  const state = createFunctionState()
  const formula = fields.get('f')
  if (formula !== undefined && formula.length <= 10_000) {
    state.formula = formula
    state.gradient = fields.get('d') ?? ''
  }
  const at = Number(fields.get('at') ?? Number.NaN)
  if (Number.isFinite(at)) state.at = at
  const step = Number(fields.get('h'))
  if (step >= 1e-14 && step <= 1) state.step = step
  if (fields.get('scheme') === 'forward') state.scheme = 'forward'
  return state
}

export function formatFunctionState(state: FunctionState): Record<string, string | undefined> {
  return {
    f: state.formula,
    d: state.gradient,
    at: String(state.at),
    h: String(Number(state.step.toPrecision(4))),
    scheme: state.scheme === 'forward' ? 'forward' : undefined,
  }
}
