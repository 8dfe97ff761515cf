import { GradcheckError } from '../errors.js'
import { findNonFinite, formatShape, unravelIndex } from '../tensor.js'
import type { NamedTensor } from './bind.js'
import { findLoss } from './losses.js'
import type { Matrix } from './matrix.js'
import type { Network } from './network.js'
import { isVectorOf, type Targets } from './targets.js'
import { createWeighting, type Weighting } from './weighting.js'

/** The samples that J is made of, and how they add up. */
export interface SelectedSamples {
  readonly inputs: Matrix
  readonly targets: Matrix
  readonly weighting: Weighting
}

/**
 * Takes out the samples that cannot change J: those with an ignored label, which means do not count either, and those
 * of weight 0, which they do count.
 * @param sampleWeights a number for each sample
 * @throws GradcheckError `bad-shape` or `bad-value` for weights that do not fit, or where no sample is left
 */
export function selectSamples(
  network: Network,
  inputs: Matrix,
  { matrix, sums, ignored }: Targets,
  sampleWeights: NamedTensor | undefined,
): SelectedSamples {
  const given = sampleWeights && readSampleWeights(sampleWeights, inputs.rows)
  const all = Array.from({ length: inputs.rows }, (_, s) => s)
  const counted = all.filter((s) => ignored?.[s] !== 1)
  const kept = counted.filter((s) => given?.[s] !== 0)
  if (kept.length === 0) {
    const reason =
      counted.length === 0 ? `has the label ${network.ignoreIndex}` : 'that counts has the weight 0'
    throw new GradcheckError('bad-value', `every sample ${reason}: there is nothing to check`, {
      fix: 'check with samples that count',
    })
  }
  const weightSum = given === undefined ? counted.length : counted.reduce((sum, s) => sum + given[s], 0)
  if (network.reduction === 'weighted-mean' && !(Math.abs(weightSum) > 0)) {
    throw new GradcheckError('bad-value', `the weights in ${sampleWeights?.name} add up to ${weightSum}`, {
      fix: 'a weighted mean needs weights whose sum is not 0',
    })
  }
  const numbers = kept.length === inputs.rows ? undefined : Uint32Array.from(kept)
  const weights = multiplyWeights(kept, given, sums)
  const counts = { counted: counted.length, outputs: matrix.columns, weightSum }
  return {
    inputs: chooseRows(inputs, numbers),
    targets: chooseRows(matrix, numbers),
    weighting: createWeighting(findLoss(network.loss), network.reduction, counts, {
      slack: sums?.reduce((most, sum) => Math.max(most, Math.abs(sum - 1)), 0) ?? 0,
      total: inputs.rows,
      weights,
      numbers,
    }),
  }
}

/** What each sample's loss is multiplied by: its weight, and what its targets add up to. */
function multiplyWeights(
  samples: readonly number[],
  given: Float64Array | undefined,
  sums: Float64Array | undefined,
): Float64Array | undefined {
  const weights = Float64Array.from(samples, (s) => (given?.[s] ?? 1) * (sums?.[s] ?? 1))
  return weights.every((weight) => weight === 1) ? undefined : weights
}

function chooseRows(matrix: Matrix, rows: Uint32Array | undefined): Matrix {
  if (rows === undefined) return matrix
  const { columns } = matrix
  const data = new Float64Array(rows.length * columns)
  for (const [k, s] of rows.entries())
    data.set(matrix.data.subarray(s * columns, (s + 1) * columns), k * columns)
  return { rows: rows.length, columns, data }
}

function readSampleWeights({ name, tensor }: NamedTensor, samples: number): Float64Array {
  if (!isVectorOf(tensor, samples)) {
    throw new GradcheckError(
      'bad-shape',
      `${name} has shape ${formatShape(tensor.shape)}, but ${samples} samples need one weight each: (${samples},)`,
      { fix: 'give one number for each sample; multiply a class weight out by the samples’ classes' },
    )
  }
  const at = findNonFinite(tensor.data)
  if (at !== -1) {
    const index = unravelIndex(at, tensor.shape).join(', ')
    throw new GradcheckError('bad-value', `${name}[${index}] is ${tensor.data[at]}`, {
      fix: 'give finite weights; 0 leaves a sample out',
    })
  }
  return tensor.data
}
