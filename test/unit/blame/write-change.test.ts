import { expect, it } from 'vitest'
import { printStatement } from '../../../src/blame/print-code.js'
import { writeChange } from '../../../src/blame/write-change.js'
import type { Expression, Statement } from '../../../src/numpy/ast.js'
import { loadPythonParser } from '../../../src/numpy/parse-python.js'

const parser = await loadPythonParser()
const statementOf = (text: string): Statement => parser.parse(text)[0]

/** What a line becomes if the value of its assignment is another one. */
function rewrite(written: string, changed: string): string {
  const [from, to] = [statementOf(written), statementOf(changed)]
  if (from.kind !== 'assign' || to.kind !== 'assign') throw new Error('no assignments')
  const expressions = new Map<Expression, Expression>([[from.value, to.value]])
  const change = { statement: from, expressions, statements: undefined, cost: 1 }
  return writeChange(change, printStatement(from, expressions), written)
}

it.each([
  ['dW = 1./m * np.dot(dZ, A.T) * 2', 'dW = 1./m * np.dot(dZ, A.T)', 'dW = 1./m * np.dot(dZ, A.T)'],
  ['db = 4./m*np.sum(dZ, axis = 1)', 'db = 1./m*np.sum(dZ, axis = 1)', 'db = 1./m*np.sum(dZ, axis = 1)'],
  ['dW=np.dot(dZ,A)', 'dW = np.dot(dZ, A.T)', 'dW=np.dot(dZ,A.T)'],
  ['d = a+b', 'd = a-b', 'd = a-b'],
  ['d = g["dW"] * 3', 'd = g["dW"]', 'd = g["dW"]'],
  ['d = x * y  # of x', 'd = x', 'd = x'],
  ['d = np.dot(a,\n           b) * 2', 'd = np.dot(a, b)', 'd = np.dot(a, b)'],
])('%j with a change is written as its author would', (written, changed, wanted) => {
  expect(rewrite(written, changed)).toBe(wanted)
})

it('what cannot be told apart is written anew', () => {
  // brackets that the tree has not
  expect(rewrite('d = (a+b) + (c)', 'd = a - b + c')).toBe('d = a - b + c')
  expect(rewrite('d = a; e = b', 'd = 2 * a')).toBe('d = 2 * a')
})
