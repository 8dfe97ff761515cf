import type { ParameterTensor } from '../../network/model.js'
import type { Products } from '../../network/products.js'
import { contract, type OutputSlopes } from '../contract.js'
import { type EvaluationHooks, FINE_STEP, type TensorDerivatives } from '../evaluator.js'
import { type Part, splitByUnits, unitsOf } from '../units.js'
import { workPerColumn } from '../work.js'
import { type BatchContext, evaluatePerturbations, type PendingPerturbations } from './batches.js'

/** Multiply-adds between two times that derivatives are filled in: some seconds on a software adapter. */
const RANGE_WORK = 1e10
/** Units and samples that are held at once. */
const MOST_SLOPES = 2 ** 22
/** Units of a range at least: whole groups. */
const FEWEST_UNITS = 32

/**
 * Evaluates what is left of one layer's tensors by moving its pre-activations, and contracts on the host. Fills in
 * Σ over samples of (J_s(Z + t) − J_s(Z − t))/2t · A, without the loss's scale and the L2 term.
 */
export async function evaluateByOutputs(
  context: BatchContext,
  tensors: readonly TensorDerivatives[],
  products: Products,
  hooks: EvaluationHooks,
): Promise<void> {
  const { model } = context
  const l = tensors[0].parameter.layer
  const work = 2 * model.samples * workPerColumn(model, l)
  const units = Math.min(MOST_SLOPES / model.samples, RANGE_WORK / work)
  const ranges = splitByUnits(model, tensors, [...tensors.keys()], Math.max(FEWEST_UNITS, Math.floor(units)))
  for (const parts of ranges) {
    const selection = parts.map(({ tensor, from, to }) => ({
      parameter: tensors[tensor].parameter,
      entries: tensors[tensor].entries.subarray(from, to),
    }))
    const moved = await moveUnits(context, l, unitsOf(model, selection), hooks)
    if (moved === undefined) return
    for (const [p, part] of parts.entries()) {
      const { derivatives, kinks } = contract(moved, context.network.inputs[l], selection[p], products)
      take(tensors[part.tensor], part, derivatives, kinks)
    }
    hooks.onProgress?.(0)
  }
}

function take(tensor: TensorDerivatives, part: Part, derivatives: Float64Array, kinks: Uint8Array): void {
  tensor.derivatives.set(derivatives, part.from)
  tensor.kinks.set(kinks, part.from)
  tensor.done = part.to
}

/** Moves units at every sample; where a step crosses a kink, again by next to nothing. Nothing when the signal aborts. */
async function moveUnits(
  context: BatchContext,
  l: number,
  units: Uint32Array,
  hooks: EvaluationHooks,
): Promise<OutputSlopes | undefined> {
  const { model, settings } = context
  const { samples } = model
  const pending = perturbOutputs(context, l, units)
  await evaluatePerturbations(context, pending, { signal: hooks.signal })
  if (pending.done < units.length) return undefined
  const { values, kinks } = pending
  const crosses = (place: number) => kinks.subarray(place * samples, (place + 1) * samples).some((n) => n > 0)
  const crossing = Uint32Array.from(units.keys()).filter(crosses)
  if (crossing.length > 0) {
    const finer = perturbOutputs(
      context,
      l,
      crossing.map((place) => units[place]),
    )
    const fine = { ...context, settings: { ...settings, step: Math.fround(FINE_STEP * settings.step) } }
    await evaluatePerturbations(fine, finer, { signal: hooks.signal })
    if (finer.done < crossing.length) return undefined
    for (const [k, place] of crossing.entries()) {
      for (let s = 0; s < samples; s++) {
        const at = place * samples + s
        if (kinks[at] === 0) continue
        values[at] = finer.values[k * samples + s]
        kinks[at] = finer.kinks[k * samples + s]
      }
    }
  }
  // the kernels add up both sides, each over h where the unit moves by h over its scale
  const scales = settings.scales?.units[l]
  for (let at = 0; at < values.length; at++) {
    values[at] *= (scales?.[units[Math.floor(at / samples)]] ?? 1) / 2
  }
  return { units, slopes: values, open: kinks }
}

/** A unit's pre-activation moves as a bias of the unit does, whether there is one or not. */
function perturbOutputs({ model }: BatchContext, l: number, units: Uint32Array): PendingPerturbations {
  const { outputs } = model.layers[l]
  const parameter: ParameterTensor = {
    name: `the outputs of layer ${l + 1}`,
    shape: [outputs],
    layer: l,
    role: 'biases',
    size: outputs,
    transposed: false,
  }
  return {
    parameter,
    entries: units,
    resultsEach: model.samples,
    values: new Float64Array(units.length * model.samples),
    kinks: new Uint8Array(units.length * model.samples),
    done: 0,
  }
}
