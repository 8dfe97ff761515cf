import { DifferenceSum } from '../check/compare.js'
import type { BoundNetwork } from '../check/problem.js'
import { createDerivatives, type DifferenceSettings, type Evaluator } from '../differentiate/evaluator.js'
import { planPerturbations } from '../differentiate/plan.js'
import { refineKinks } from '../differentiate/refine-kinks.js'
import { selectAll, selectUnits } from '../differentiate/selection.js'
import { workPerColumn } from '../differentiate/work.js'
import type { Model } from '../network/model.js'

/** How fast one evaluator gives the numerical gradient of one network. */
export interface EvaluatorSpeed {
  readonly parameters: number
  /** Parameters that were perturbed; fewer than all where all would have taken too long. */
  readonly measured: number
  /** Seconds that the measured parameters took. */
  readonly measuredSeconds: number
  /** Seconds for all parameters: measured, or scaled by the multiply-adds of the measured ones. */
  readonly seconds: number
  readonly scaled: boolean
  readonly parametersPerSecond: number
  /** Of difference arithmetic for every parameter by itself; where outputs are moved, far fewer are done. */
  readonly multiplyAddsPerSecond: number
  /** ‖g − ĝ‖/(‖g‖ + ‖ĝ‖) against float64 backpropagation, over the measured parameters. */
  readonly difference: number
}

/** Steps whose truncation stays below what the precision rounds, or is known from float64's. */
const settingsOf = ({ precision }: Evaluator): DifferenceSettings => ({
  step: precision === 'extended' ? 1e-6 : 1e-5,
  scheme: 'central',
})

/** Times an evaluator on a problem, on all parameters or on as large a sample as `seconds` allow. */
export async function measureEvaluator(
  { model, gradients }: BoundNetwork,
  evaluator: Evaluator,
  seconds: number,
): Promise<EvaluatorSpeed> {
  const total = model.parameters.reduce((sum, { size }) => sum + size, 0)
  // the first run compiles shaders and starts workers; the second one foretells how long the rest takes
  const few = selectUnits(model, 0, 1)
  await time(model, evaluator, few)
  const trial = await time(model, evaluator, few)
  const share = (seconds / trial.seconds) * (countWork(model, few) / countWork(model, selectAll(model)))
  const run = await time(model, evaluator, share >= 1 ? selectAll(model) : selectUnits(model, share, 2))
  const sum = new DifferenceSum()
  for (const [t, tensor] of run.results.entries()) {
    for (let k = 0; k < tensor.done; k++)
      sum.add(gradients[t].values[tensor.entries[k]], tensor.derivatives[k])
  }
  const work = countWork(model, run.results)
  const wholeWork = countWork(model, selectAll(model))
  const measured = run.results.reduce((count, tensor) => count + tensor.done, 0)
  const allSeconds = run.seconds * (wholeWork / work)
  return {
    parameters: total,
    measured,
    measuredSeconds: run.seconds,
    seconds: allSeconds,
    scaled: measured < total,
    parametersPerSecond: total / allSeconds,
    multiplyAddsPerSecond: work / run.seconds,
    difference: sum.difference,
  }
}

async function time(model: Model, evaluator: Evaluator, selection: ReturnType<typeof selectAll>) {
  const settings = settingsOf(evaluator)
  const perturbed = planPerturbations(model, selection, settings)
  const results = createDerivatives(selection, (t) => perturbed[t])
  const start = performance.now()
  await evaluator.evaluate(model, results, settings)
  await refineKinks(model, evaluator, results, settings)
  return { results, seconds: (performance.now() - start) / 1000 }
}

function countWork(model: Model, selection: ReturnType<typeof selectAll>): number {
  return selection.reduce(
    (sum, { parameter, entries }) =>
      sum + 2 * model.samples * entries.length * workPerColumn(model, parameter.layer),
    0,
  )
}
