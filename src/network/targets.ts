import { GradcheckError } from '../errors.js'
import { setting } from '../settings.js'
import { formatShape, type Tensor, unitRoundoff, unravelIndex } from '../tensor.js'
import { samplesComeFirst } from './layout.js'
import { findLoss } from './losses.js'
import { createMatrix, type Matrix, mapMatrix, transpose } from './matrix.js'
import type { Network } from './network.js'

/** What the losses of the samples are computed against. */
export interface Targets {
  /** samples × outputs; classes as one-hot rows, probabilities divided by their sum. */
  readonly matrix: Matrix
  /** What the probabilities of each sample add up to, where that is not 1 throughout. */
  readonly sums?: Float64Array
  /** 1 for a sample with an ignored label; absent where there is none. */
  readonly ignored?: Uint8Array
}

/** How far from 1 the sum of a sample's probabilities may be, beside what their precision makes of it. */
const SUM_TOLERANCE = 1e-6

/**
 * Reads the targets. A loss over classes takes class numbers (0 … outputs − 1, or the network's `ignoreIndex`), one-hot
 * targets, or the probabilities of the classes.
 * @throws GradcheckError `bad-shape` or `bad-value`
 */
export function readTargets(
  network: Network,
  targets: { name: string; tensor: Tensor },
  samples: number,
  outputs: number,
): Targets {
  const loss = findLoss(network.loss)
  if (loss.readsClasses) {
    if (outputs === 1) {
      throw new GradcheckError('bad-network', `${loss.name} over one output is always 0`, {
        fix: 'use sigmoid with binary-cross-entropy for one output',
      })
    }
    if (isVectorOf(targets.tensor, samples)) {
      return readClassNumbers(targets, samples, outputs, network.ignoreIndex)
    }
  }
  const matrix = readMatrix(network, targets, samples, outputs, loss.readsClasses)
  if (loss.readsClasses) {
    if (network.ignoreIndex !== undefined) {
      throw new GradcheckError('bad-value', `${targets.name} has no class numbers that could be ignored`, {
        fix: 'give class numbers, or leave the samples that do not count out',
      })
    }
    requireProbabilities(targets, loss.name)
    return readProbabilities(targets.name, matrix, unitRoundoff(targets.tensor.dtype))
  }
  if (loss.name === 'binary-cross-entropy') requireProbabilities(targets, loss.name)
  return { matrix }
}

/** True for `length` elements along one axis, the others being of length 1. */
export function isVectorOf({ shape, data }: Tensor, length: number): boolean {
  return data.length === length && shape.filter((axis) => axis !== 1).length <= 1
}

function readMatrix(
  network: Network,
  { name, tensor }: { name: string; tensor: Tensor },
  samples: number,
  outputs: number,
  orClasses: boolean,
): Matrix {
  const samplesFirst = samplesComeFirst(network.layout)
  const needed = samplesFirst ? [samples, outputs] : [outputs, samples]
  const { shape, data } = tensor
  if (outputs === 1 && isVectorOf(tensor, samples)) {
    return { rows: samples, columns: 1, data: data.slice() }
  }
  if (shape.length !== 2 || shape[0] !== needed[0] || shape[1] !== needed[1]) {
    const turned = shape.length === 2 && shape[0] === needed[1] && shape[1] === needed[0]
    const classes = orClasses ? ` or class numbers of shape (${samples},)` : ''
    throw new GradcheckError(
      'bad-shape',
      `${name} has shape ${formatShape(shape)}, but ${samples} samples of ${outputs} outputs need ${formatShape(needed)}${classes}`,
      turned
        ? { fix: `transpose ${name}, or try another layout (this is ${network.layout})` }
        : { fix: `give a target for every output and sample (layout ${network.layout})` },
    )
  }
  return {
    rows: samples,
    columns: outputs,
    data: samplesFirst ? data.slice() : transpose(data, outputs, samples),
  }
}

function readClassNumbers(
  { name, tensor }: { name: string; tensor: Tensor },
  samples: number,
  outputs: number,
  ignoreIndex: number | undefined,
): Targets {
  const matrix = createMatrix(samples, outputs)
  const ignored = new Uint8Array(samples)
  for (let s = 0; s < samples; s++) {
    const target = tensor.data[s]
    if (target === ignoreIndex) {
      ignored[s] = 1
      continue
    }
    if (!Number.isInteger(target) || target < 0 || target >= outputs) {
      const index = unravelIndex(s, tensor.shape).join(', ')
      throw new GradcheckError(
        'bad-value',
        `${name}[${index}] is ${target}, but ${outputs} outputs have the classes 0 to ${outputs - 1}`,
        { fix: fixClassNumber(target, outputs) },
      )
    }
    matrix.data[s * outputs + target] = 1
  }
  return ignored.includes(1) ? { matrix, ignored } : { matrix }
}

function fixClassNumber(target: number, outputs: number): string {
  if (target === outputs) return 'number the classes from 0'
  if (!Number.isInteger(target)) return 'give whole numbers, or a row of probabilities for each sample'
  return `leave the samples out that have no class, or declare the label that is ignored, ${setting('ignoreIndex', target)}`
}

/** Divides each sample's probabilities by their sum, which is to be 1 but for rounding. */
function readProbabilities(name: string, matrix: Matrix, roundoff: number): Targets {
  const { rows, columns } = matrix
  const sums = new Float64Array(rows)
  for (const [k, y] of matrix.data.entries()) sums[Math.floor(k / columns)] += y
  const allowed = SUM_TOLERANCE + columns * roundoff
  const s = sums.findIndex((sum) => !(Math.abs(sum - 1) <= allowed))
  if (s !== -1) {
    throw new GradcheckError(
      'bad-value',
      `the targets of sample ${s} in ${name} add up to ${Number(sums[s].toPrecision(6))}, not to 1`,
      { fix: 'give class numbers, rows with a single 1, or probabilities that add up to 1' },
    )
  }
  if (sums.every((sum) => sum === 1)) return { matrix }
  return { matrix: mapMatrix(matrix, (y, k) => y / sums[Math.floor(k / columns)]), sums }
}

function requireProbabilities({ name, tensor }: { name: string; tensor: Tensor }, loss: string): void {
  const at = tensor.data.findIndex((value) => !(value >= 0 && value <= 1))
  if (at === -1) return
  const index = unravelIndex(at, tensor.shape).join(', ')
  throw new GradcheckError(
    'bad-value',
    `${name}[${index}] is ${tensor.data[at]}, but ${loss} needs targets from 0 to 1`,
    tensor.data[at] === -1 ? { fix: 'recode the targets −1 and 1 as 0 and 1' } : {},
  )
}
