import { expect, it } from 'vitest'
import { OPERATIONS } from '../../../src/operations/table.js'
import { program } from '../../../src/program/builder.js'
import { printProgram } from '../../../src/program/print.js'
import { tensor } from '../../../src/tensor.js'

it('a program is printed a line a value, with names and places', () => {
  const loss = program.from((b, { X, W }) => {
    b.at({ file: 'model.ts', line: 3 })
    const Z = b.named('Z', b.matmul(X, W))
    return b.sum(b.multiply(b.leakyRelu(Z, { slope: 0.2 }), 0.5), { axes: [0, 1] })
  })
  const arrays = { X: tensor([1, 2, 3, 4, 5, 6], [2, 3]), W: tensor([1, 2, 3], [3, 1]) }
  expect(loss.print(arrays)).toBe(
    [
      '  %0 (2, 3) = X',
      '  %1 (3, 1) = W',
      '  %2 (2, 1) = matmul(%0, %1)   Z, model.ts:3',
      '  %3 (2, 1) = leakyRelu(%2, slope=0.2)   model.ts:3',
      '  %4 () = 0.5   model.ts:3',
      '  %5 (2, 1) = multiply(%3, %4)   model.ts:3',
      '→ %6 () = sum(%5, axes=[0,1])   model.ts:3',
      '',
    ].join('\n'),
  )
})

it('names cannot forge lines', () => {
  const loss = program.from((b, arrays) => b.sum(b.named('Z\n%9 = x', b.tanh(arrays['a\nb']))))
  expect(loss.print({ 'a\nb': tensor([1], [1]) })).toBe(
    '  %0 (1,) = a\\x0ab\n  %1 (1,) = tanh(%0)   Z\\x0a%9 = x\n→ %2 () = sum(%1)\n',
  )
})

it('lists are cut short, and runs of a line are counted', () => {
  const list = [...new Array(40).keys()]
  const taken = program.from((b, { X }) => b.sum(b.take(X, { axis: 0, indices: list })))
  expect(taken.print({ X: tensor(list, [40]) })).toContain(
    'take(%0, axis=0, indices=[0,1,2,3,4,5,6,7,… 40 numbers])',
  )
  const value = {
    kind: 'computed',
    id: 0,
    shape: [64],
    operation: OPERATIONS.tanh.make('tanh', {}),
    operands: [],
    source: { file: 'model.py', line: 3, runs: 64 },
  } as const
  expect(printProgram({ values: [value], output: 0 })).toBe('→ %0 (64,) = tanh()   model.py:3, 64 runs\n')
})
