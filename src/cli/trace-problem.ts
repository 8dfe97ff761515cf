import { lowerModel } from '../check/lower-model.js'
import { bindProblem, type Problem } from '../check/problem.js'
import { escapeControls } from '../escape-controls.js'
import type { Matrix } from '../network/matrix.js'
import { printProgram } from '../program/print.js'
import { formatShape } from '../tensor.js'

/**
 * How a problem was read, as text: which array is what, the loss, and every operation that leads to it.
 * @throws GradcheckError as a check of the problem does
 */
export async function traceProblem(problem: Problem): Promise<string> {
  const { model, gradients, savedCost } = await bindProblem(problem)
  const rows = model.parameters.map(({ name, shape, layer, role }, t) => [
    escapeControls(name),
    formatShape(shape),
    `${role} of layer ${layer + 1}`,
    `gradient ${escapeControls(gradients[t].name)}`,
  ])
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const table = rows.map(
    (row) =>
      `  ${row
        .map((cell, k) => cell.padEnd(widths[k]))
        .join('  ')
        .trimEnd()}`,
  )
  const { counted, total } = model.weighting
  const samples = counted === total ? `${total} samples` : `${counted} of ${total} samples`
  const lines = [
    `parameters, ${model.network.layout} layout`,
    ...table,
    '',
    `data: inputs ${shapeOf(model.inputs)}, targets ${shapeOf(model.targets)}`,
    `loss ${model.cost()}: ${model.network.loss}, ${model.network.reduction} over ${samples}`,
    ...(savedCost === undefined ? [] : [`saved cost ${savedCost.value}`]),
    '',
    'operations, a row for each sample',
  ]
  return [...lines, printProgram(lowerModel(model).program)].join('\n')
}

const shapeOf = ({ rows, columns }: Matrix) => formatShape([rows, columns])
