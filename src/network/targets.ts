import { GradcheckError } from '../errors.js'
import { formatShape, type Tensor, unravelIndex } from '../tensor.js'
import { samplesComeFirst } from './layout.js'
import { findLoss } from './losses.js'
import { createMatrix, type Matrix, transpose } from './matrix.js'
import type { Network } from './network.js'

/**
 * Reads the targets as samples × outputs. A loss over classes takes class numbers (0 … outputs − 1) or one-hot
 * targets and gives one-hot rows.
 * @throws GradcheckError `bad-shape` or `bad-value`
 */
export function readTargets(
  network: Network,
  targets: { name: string; tensor: Tensor },
  samples: number,
  outputs: number,
): Matrix {
  const loss = findLoss(network.loss)
  if (loss.readsClasses) {
    if (outputs === 1) {
      throw new GradcheckError('bad-network', `${loss.name} over one output is always 0`, {
        fix: 'use sigmoid with binary-cross-entropy for one output',
      })
    }
    if (isVectorOf(targets.tensor, samples)) return readClassNumbers(targets, samples, outputs)
  }
  const matrix = readMatrix(network, targets, samples, outputs, loss.readsClasses)
  if (loss.readsClasses) requireOneHot(targets.name, matrix)
  if (loss.name === 'binary-cross-entropy') requireProbabilities(targets)
  return matrix
}

/** True for `length` elements along one axis, the others being of length 1. */
function isVectorOf({ shape, data }: Tensor, length: number): boolean {
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
): Matrix {
  const result = createMatrix(samples, outputs)
  for (let s = 0; s < samples; s++) {
    const target = tensor.data[s]
    if (!Number.isInteger(target) || target < 0 || target >= outputs) {
      const index = unravelIndex(s, tensor.shape).join(', ')
      throw new GradcheckError(
        'bad-value',
        `${name}[${index}] is ${target}, but ${outputs} outputs have the classes 0 to ${outputs - 1}`,
        target === outputs ? { fix: 'number the classes from 0' } : {},
      )
    }
    result.data[s * outputs + target] = 1
  }
  return result
}

function requireOneHot(name: string, matrix: Matrix): void {
  for (let s = 0; s < matrix.rows; s++) {
    const row = matrix.data.subarray(s * matrix.columns, (s + 1) * matrix.columns)
    const ones = row.filter((value) => value === 1).length
    const zeros = row.filter((value) => value === 0).length
    if (ones !== 1 || zeros !== matrix.columns - 1) {
      throw new GradcheckError(
        'bad-value',
        `${name} is not one-hot at sample ${s}: it has ${ones} ones and ${zeros} zeros among ${matrix.columns}`,
        { fix: 'give class numbers, or rows with a single 1' },
      )
    }
  }
}

function requireProbabilities({ name, tensor }: { name: string; tensor: Tensor }): void {
  const at = tensor.data.findIndex((value) => !(value >= 0 && value <= 1))
  if (at === -1) return
  const index = unravelIndex(at, tensor.shape).join(', ')
  throw new GradcheckError(
    'bad-value',
    `${name}[${index}] is ${tensor.data[at]}, but binary-cross-entropy needs targets from 0 to 1`,
    tensor.data[at] === -1 ? { fix: 'recode the targets −1 and 1 as 0 and 1' } : {},
  )
}
