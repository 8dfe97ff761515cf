import type { NumbersBaseline } from '../baseline.js'
import { explains, type Prediction, type TensorEvidence } from '../evidence.js'
import type { NumbersHypothesis, TensorExplanation } from '../explanation.js'
import { type Positions, positionsOf } from '../positions.js'

/** The right tensor with every element taken from another place; undefined gives 0. */
function rearranged(
  baseline: NumbersBaseline,
  t: number,
  source: (offset: number) => number | undefined,
): Prediction {
  const [value, rounding] = [baseline.entries(t), baseline.rounding(t)]
  const at = (f: (offset: number) => number) => (offset: number) => {
    const from = source(offset)
    return from === undefined ? 0 : f(from)
  }
  return { value: at(value), rounding: at(rounding) }
}

/** The transpose of a square matrix, or the elements of another one read in the other order. */
export const proposeTransposed: NumbersHypothesis = function* ({ t, parameter }, baseline) {
  const positions = positionsOf(parameter)
  const { rows, columns, isVector } = positions
  if (isVector || parameter.shape.length > 2) return
  if (rows === columns) {
    yield {
      kind: 'transposed',
      cost: 1,
      group: 'transposed',
      costOfAnother: 0.3,
      prediction: rearranged(baseline, t, (offset) => {
        const { row, column } = positions.locate(offset)
        return positions.offsetOf(column, row)
      }),
      describe: ({ names, plural, agreement }) =>
        `${names} ${plural ? 'are' : 'is'} transposed: entry [i, j] is the right gradient's [j, i], ${agreement}`,
    }
    return
  }
  for (const inverse of [false, true]) {
    yield {
      kind: 'reordered',
      cost: 1.1,
      group: 'reordered',
      costOfAnother: 0.3,
      prediction: rearranged(baseline, t, (offset) => reorder(positions, offset, inverse)),
      describe: ({ names, plural, agreement }) =>
        `${names} ${plural ? 'have' : 'has'} the right values in the wrong order, ${agreement}: the array was ` +
        `${inverse ? 'reshaped to its transpose’s shape and then transposed' : 'transposed and then reshaped'}, or row-major data read as column-major`,
    }
  }
}

/** Where the element comes from when the transpose's elements, in row-major order, are given the shape back. */
function reorder({ rows, columns, locate, offsetOf }: Positions, offset: number, inverse: boolean): number {
  const { row, column } = locate(offset)
  if (inverse) {
    const k = column * rows + row
    return offsetOf(Math.floor(k / columns), k % columns)
  }
  const k = row * columns + column
  return offsetOf(k % rows, Math.floor(k / rows))
}

/** What stands where a shift leaves a gap. */
const EDGES = ['wrapped', 'zero', 'repeated', 'kept'] as const

/** Everything moved by one row, one column, or one element in row-major order. */
export const proposeShifted: NumbersHypothesis = function* ({ t, parameter }, baseline) {
  const positions = positionsOf(parameter)
  const { rows, columns, isVector, locate, offsetOf } = positions
  const shift = (
    axis: 'row' | 'column' | 'element',
    by: number,
    edge: (typeof EDGES)[number],
  ): TensorExplanation => ({
    kind: 'shifted',
    cost: edge === 'wrapped' || edge === 'zero' ? 1.25 : 1.3,
    prediction: rearranged(baseline, t, (offset) => {
      const { row, column } = locate(offset)
      const [place, length] =
        axis === 'row'
          ? [row, rows]
          : axis === 'column'
            ? [column, columns]
            : [row * columns + column, rows * columns]
      let from = place - by
      if (from < 0 || from >= length) {
        if (edge === 'zero') return undefined
        from =
          edge === 'wrapped'
            ? (from + length) % length
            : edge === 'kept'
              ? place
              : place < by
                ? 0
                : length - 1
      }
      if (axis === 'row') return offsetOf(from, column)
      return axis === 'column' ? offsetOf(row, from) : offsetOf(Math.floor(from / columns), from % columns)
    }),
    describe({ names, agreement }) {
      const index = isVector
        ? ['[i]', `[i ${by > 0 ? '−' : '+'} 1]`]
        : axis === 'row'
          ? ['[i, j]', `[i ${by > 0 ? '−' : '+'} 1, j]`]
          : ['[i, j]', `[i, j ${by > 0 ? '−' : '+'} 1]`]
      const what = isVector ? 'element' : axis
      const order = axis === 'element' && !isVector ? ', counted through the whole array' : ''
      return `${names} is off by one ${what}: entry ${index[0]} is the right gradient's ${index[1]}${order}, ${agreement}`
    },
  })
  const axes = isVector ? (['element'] as const) : (['row', 'column', 'element'] as const)
  if (rows * columns < 3) return
  for (const edge of EDGES) {
    for (const axis of axes) {
      for (const by of [1, -1]) yield shift(axis, by, edge)
    }
  }
}

/** Everything in reverse order: of the whole array, of its rows, or of each row. */
export const proposeReversed: NumbersHypothesis = function* ({ t, parameter }, baseline) {
  const positions = positionsOf(parameter)
  const { rows, columns, isVector, locate, offsetOf } = positions
  if (rows * columns < 3) return
  const turns: readonly { along: string; rows: boolean; columns: boolean }[] = isVector
    ? [{ along: '', rows: true, columns: true }]
    : [
        { along: ' along both axes, as of a kernel that is not flipped', rows: true, columns: true },
        { along: ', row by row', rows: true, columns: false },
        { along: ' within each row', rows: false, columns: true },
      ]
  for (const turn of turns) {
    yield {
      kind: 'reordered',
      cost: 1.15,
      group: `reversed${turn.along}`,
      costOfAnother: 0.3,
      prediction: rearranged(baseline, t, (offset) => {
        const { row, column } = locate(offset)
        return offsetOf(turn.rows ? rows - 1 - row : row, turn.columns ? columns - 1 - column : column)
      }),
      describe: ({ names, plural, agreement }) =>
        `${names} ${plural ? 'have' : 'has'} the right values in reverse order${turn.along}: every entry agrees with that ${agreement}`,
    }
  }
}

/** The gradient of another tensor of the same shape: the two of them swapped, or one of them taken twice. */
export const proposeOtherTensor: NumbersHypothesis = function* ({ t, parameter }, baseline) {
  for (const other of baseline.evidence) {
    const { parameter: theirs } = other
    const fits = theirs.role === parameter.role && String(theirs.shape) === String(parameter.shape)
    if (other.t === t || !fits) continue
    const prediction = baseline.prediction(other.t)
    const isSwapped = other.isWrong && explains(other, baseline.prediction(t))
    if (isSwapped) yield swapped(baseline.evidence[t], other, prediction)
    else {
      yield {
        kind: 'gradient-of-another-layer',
        cost: 1.15,
        ...(baseline.model === undefined ? {} : { layer: parameter.layer }),
        prediction,
        describe: ({ names, agreement }) =>
          `${names} holds the gradient of ${theirs.name}, not of ${parameter.name}: it agrees with that ${agreement}`,
      }
    }
  }
}

function swapped(evidence: TensorEvidence, other: TensorEvidence, prediction: Prediction): TensorExplanation {
  const [first, second] = [evidence, other].sort((a, b) => a.t - b.t)
  return {
    kind: 'swapped',
    cost: 1.2,
    group: `swapped ${first.t} ${second.t}`,
    costOfAnother: 0,
    prediction,
    describe: ({ agreement }) =>
      `${first.name} and ${second.name} are swapped: each agrees with the other's right gradient ${agreement}`,
  }
}
