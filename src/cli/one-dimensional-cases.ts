import { relativeError } from '../check/compare.js'
import type { Evaluator } from '../differentiate/evaluator.js'
import { checkFunction } from '../function/check-function.js'
import type { FunctionReport } from '../function/function-report.js'

/** A one-dimensional case of a published notebook. */
export interface OneDimensionalCase {
  readonly name: string
  readonly formula: string
  readonly gradient: string
  readonly at: Readonly<Record<string, number>>
  /** The notebook's step and scheme. */
  readonly step: number
  readonly scheme: 'central' | 'forward'
  /** What the notebook prints: the difference from the gradient, or the numerical derivative. */
  readonly figure: 'difference' | 'derivative'
  /** As it prints it, every digit. */
  readonly published: string
}

/** Where the four notebooks begin. */
export const ONE_DIMENSIONAL_CASES: readonly OneDimensionalCase[] = [
  {
    name: 'theta*x, difference',
    formula: 'theta * x',
    gradient: 'x',
    at: { theta: 4, x: 2 },
    step: 1e-7,
    scheme: 'central',
    figure: 'difference',
    published: '2.919335883291695e-10',
  },
  {
    name: 'x^2 at 1.5',
    formula: 'x^2',
    gradient: '2*x',
    at: { x: 1.5 },
    step: 1e-4,
    scheme: 'central',
    figure: 'derivative',
    published: '2.9999999999996696',
  },
  {
    name: 'x^2 at 3, two-sided',
    formula: 'x^2',
    gradient: '2*x',
    at: { x: 3 },
    step: 1e-2,
    scheme: 'central',
    figure: 'derivative',
    published: '5.999999999999872',
  },
  {
    name: 'x^2 at 3, right-hand',
    formula: 'x^2',
    gradient: '2*x',
    at: { x: 3 },
    step: 1e-2,
    scheme: 'forward',
    figure: 'derivative',
    published: '6.009999999999849',
  },
]

/** What a one-dimensional case gave here. */
export interface OneDimensionalResult {
  readonly published: OneDimensionalCase
  /** By the definition in float64. */
  readonly textbook: number
  /** By difference arithmetic with the same step, on each device present. */
  readonly devices: readonly { readonly report: FunctionReport; readonly figure: number }[]
}

/** Checks a one-dimensional case on several devices. */
export async function runOneDimensionalCase(
  published: OneDimensionalCase,
  evaluators: readonly Evaluator[],
): Promise<OneDimensionalResult> {
  const { formula, gradient, at, step, scheme, figure } = published
  const reports = await Promise.all(
    evaluators.map((evaluator) => checkFunction({ formula, gradient, at }, { evaluator, step, scheme })),
  )
  const figureOf = (analytical: number, value: number) =>
    figure === 'difference' ? relativeError(analytical, value) : value
  const points = reports.map((report) => report.derivatives[0].worst[0])
  return {
    published,
    textbook: figureOf(points[0].analytical, points[0].textbook),
    devices: reports.map((report, k) => ({
      report,
      figure: figureOf(points[k].analytical, points[k].numerical),
    })),
  }
}

/** Whether the textbook's figure is the published one to its last digit and every device finds the gradient right. */
export function isReproduced({ published, textbook, devices }: OneDimensionalResult): boolean {
  return String(textbook) === published.published && devices.every(({ report }) => report.verdict === 'pass')
}
