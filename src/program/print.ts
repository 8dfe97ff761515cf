import { escapeControls } from '../escape-controls.js'
import { formatShape, unravelIndex } from '../tensor.js'
import type { Program, Source, Value } from './program.js'

/**
 * A program as text, a line a value:
 * `%3 (4, 2) = matmul(%0, %1)   Z1, layer 1, model.py:12`; of a line in a loop with its runs.
 */
export function printProgram({ values, output }: Program): string {
  const lines = values.map((value) => {
    // an input's name is its line
    const place = describeSource(value.kind === 'input' ? { ...value.source, name: undefined } : value.source)
    const { runs } = value.source
    const where = [place, runs === undefined ? '' : `${runs} runs`].filter((part) => part !== '').join(', ')
    const line = `${value.id === output ? '→ ' : '  '}%${value.id} ${formatShape(value.shape)} = ${describe(value)}`
    // names are other people's text
    return escapeControls(where === '' ? line : `${line}   ${where}`)
  })
  return `${lines.join('\n')}\n`
}

function describe(value: Value): string {
  switch (value.kind) {
    case 'input':
      return value.name
    case 'constant':
      return value.data.length === 1 ? String(value.data[0]) : `constant of ${value.data.length} numbers`
    case 'computed': {
      const { name, attributes } = value.operation
      const named = Object.entries(attributes).flatMap(([key, attribute]) =>
        attribute === undefined
          ? []
          : [`${key}=${Array.isArray(attribute) ? formatList(attribute) : attribute}`],
      )
      return `${name}(${[...value.operands.map((id) => `%${id}`), ...named].join(', ')})`
    }
  }
}

/** Numbers of a list beyond which its first ones stand for it. */
const MOST_LISTED = 32
const FIRST_LISTED = 8

const formatList = (list: readonly number[]) =>
  list.length <= MOST_LISTED ? `[${list}]` : `[${list.slice(0, FIRST_LISTED)},… ${list.length} numbers]`

/** `Z1, layer 1, model.py:12:5`: empty where nothing is known. */
export function describeSource({ file, line, column, name, layer }: Source): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  return [name, layer === undefined ? undefined : `layer ${layer}`, place || undefined]
    .filter((part) => part !== undefined)
    .join(', ')
}

/** Where an element of a value stands: `at [3, 0]`, or of a line that ran several times `at [0] in run 4 of 64 of that line`. */
export function describeElement({ shape, source: { runs } }: Value, offset: number): string {
  const index = unravelIndex(offset, shape)
  if (runs === undefined) return `at [${index.join(', ')}]`
  const [run, ...rest] = index
  return `${rest.length === 0 ? '' : `at [${rest.join(', ')}] `}in run ${run + 1} of ${runs} of that line`
}
