import { describe, expect, it } from 'vitest'
import type { Builder, Node } from '../../../src/program/builder.js'
import { buildProgram } from '../../../src/program/builder.js'
import { compactProgram } from '../../../src/program/compact.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import type { ComputedValue, Program } from '../../../src/program/program.js'
import { elementCount, type Tensor, tensor } from '../../../src/tensor.js'
import { Draws } from '../../support/random-network.js'

const draws = new Draws(3)
const draw = (...shape: number[]) => tensor(draws.normals(elementCount(shape), 0.8), shape)
const ARRAYS = new Map<string, Tensor>([
  ['x', draw(6, 4)],
  ['w', draw(4, 4)],
  ['v', draw(4)],
])

/** Operations of a compacted program, which has the value of the one given. */
function compact(build: (b: Builder, arrays: Readonly<Record<string, Node>>) => Node): {
  names: string[]
  computed: ComputedValue[]
} {
  const listed = buildProgram(build, new Map([...ARRAYS].map(([name, { shape }]) => [name, shape])))
  const made = compactProgram(listed)
  const lossOf = (program: Program) => bindProgram(program, ARRAYS).base[program.output][0]
  expect(lossOf(made)).toBeCloseTo(lossOf(listed), 12)
  const computed = made.values.filter((value) => value.kind === 'computed')
  return { names: computed.map(({ operation }) => operation.name), computed }
}

const row = (b: Builder, x: Node, k: number) =>
  b.reshape(b.slice(x, { axis: 0, start: k, stop: k + 1 }), { shape: [4] })
const numbers = (count: number) => [...new Array(count).keys()]

describe('what the output does not need', () => {
  it('is left out, also of stores that others have gone over', () => {
    const { names } = compact((b, { x, v }) => {
      b.exp(x)
      const lost = b.tanh(v)
      const places = [-1, -1, -1, -1, 0, 1, 2, 3]
      const over = b.assemble([lost, b.sin(v)], { shape: [4], places })
      return b.sum(over)
    })
    expect(names).toEqual(['sin', 'sum'])
  })
})

describe('moves of elements', () => {
  it('are one selection where one follows another', () => {
    const { names, computed } = compact((b, { x }) => {
      const turned = b.reshape(b.transpose(x), { shape: [2, 12] })
      return b.sum(b.sin(b.take(b.slice(turned, { axis: 1, step: 2 }), { axis: 1, indices: [0, 5, 5] })))
    })
    expect(names).toEqual(['gather', 'sin', 'sum'])
    expect(computed[0].operation.attributes.indices).toEqual([0, 17, 17, 2, 19, 19])
  })

  it('read an element of a concatenation where it was made', () => {
    const { names } = compact((b, { x, v }) => {
      const all = b.concatenate([b.tanh(v), b.reshape(x, { shape: [24] })])
      return b.sum(b.sin(b.slice(all, { axis: 0, start: 0, stop: 4 })))
    })
    expect(names).toEqual(['tanh', 'sin', 'sum'])
  })

  it('that undo one another are gone, and one alone stays what it is', () => {
    const { names } = compact((b, { x, w }) => b.sum(b.matmul(b.transpose(b.transpose(x)), b.transpose(w))))
    expect(names).toEqual(['transpose', 'matmul', 'sum'])
  })

  it('of constants alone are constants', () => {
    const { names } = compact((b, { v }) =>
      b.sum(b.multiply(v, b.slice(b.constant(draw(8)), { axis: 0, step: 2 }))),
    )
    expect(names).toEqual(['multiply', 'sum'])
  })
})

/** An array with elements gone over, as a store does it. */
function store(b: Builder, into: Node, value: Node, at: readonly number[]): Node {
  const kept = numbers(elementCount(into.shape)).map((k) => (at.includes(k) ? -1 : k))
  return b.assemble([into, value], { shape: into.shape, places: [...kept, ...at] })
}

describe('stores', () => {
  it('in a chain are one selection, the last of each place', () => {
    const { names, computed } = compact((b, { x }) => {
      let out = b.constant(tensor(new Array(6).fill(0), [6]))
      // each goes over half of what the one before has stored
      for (const k of numbers(5)) out = store(b, out, b.slice(row(b, x, k), { axis: 0, stop: 2 }), [k, k + 1])
      return b.sum(b.sin(out))
    })
    expect(names).toEqual(['gather', 'sin', 'sum'])
    expect(computed[0].operation.attributes.indices).toEqual([0, 4, 8, 12, 16, 17])
  })

  it('are passed by what reads them before the next one', () => {
    const { names } = compact((b, { v }) => {
      let out = b.constant(tensor(new Array(5).fill(0), [5]))
      out = store(b, out, b.slice(v, { axis: 0, stop: 1 }), [0])
      for (const k of numbers(4)) {
        out = store(b, out, b.sin(b.slice(out, { axis: 0, start: k, stop: k + 1 })), [k + 1])
      }
      return b.sum(b.slice(out, { axis: 0, start: 4 }))
    })
    // the element that the recurrence begins with, its steps, and the sum over one element
    expect(names).toEqual(['slice', 'sin', 'sin', 'sin', 'sin', 'sum'])
  })
})

describe('what a loop adds up', () => {
  it('is one sum', () => {
    const { names, computed } = compact((b, { x }) => {
      let total = b.constant(0)
      for (const k of numbers(6)) {
        b.at({ file: 'model.py', line: 3 })
        const term = b.sum(b.sin(row(b, x, k)))
        b.at({ file: 'model.py', line: 4 })
        total = b.add(total, term)
      }
      return total
    })
    expect(names).toEqual(['sin', 'sum', 'sum'])
    expect(computed.map(({ source }) => [source.line, source.runs])).toEqual([
      [3, 6],
      [3, 6],
      [4, undefined],
    ])
  })

  it('is subtracted once where it is subtracted', () => {
    const { names } = compact((b, { x, v }) => {
      let total = b.sum(v)
      b.at({ file: 'model.py', line: 4 })
      for (const k of numbers(6))
        total = b.subtract(total, b.reshape(b.slice(row(b, x, k), { axis: 0, stop: 1 }), { shape: [] }))
      return total
    })
    expect(names).toEqual(['sum', 'gather', 'sum', 'subtract'])
  })

  it('stays as it is where something reads it on the way', () => {
    const { names } = compact((b, { x }) => {
      let total = b.constant(0)
      let others = b.constant(0)
      for (const k of numbers(6)) {
        b.at({ file: 'model.py', line: 4 })
        total = b.add(total, b.reshape(b.slice(row(b, x, k), { axis: 0, stop: 1 }), { shape: [] }))
        b.at({ file: 'model.py', line: 5 })
        others = b.add(others, b.sin(total))
      }
      return others
    })
    expect(names.filter((name) => name === 'add').length).toBe(6)
  })
})

describe('runs of a line', () => {
  const SOURCE = { file: 'model.py', line: 7 }

  it('are one operation, and what all of them read is read once', () => {
    const { names, computed } = compact((b, { x, w, v }) => {
      b.at(SOURCE)
      const rows = numbers(6).map((k) => b.tanh(b.add(b.matmul(row(b, x, k), w), v)))
      b.at({})
      return b.sum(b.stack(rows))
    })
    // the rows are the array itself
    expect(names).toEqual(['matmul', 'add', 'tanh', 'sum'])
    expect(computed[0]).toMatchObject({ shape: [6, 4], operands: [0, 1], source: { ...SOURCE, runs: 6 } })
  })

  it('of other lines are kept apart', () => {
    const { names } = compact((b, { x }) => {
      const rows = numbers(6).map((k) => {
        b.at({ file: 'model.py', line: k })
        return b.tanh(row(b, x, k))
      })
      return b.sum(b.stack(rows))
    })
    expect(names.filter((name) => name === 'tanh').length).toBe(6)
  })

  it('that wait for one another stay one behind the other, with what is as deep beside them', () => {
    const { names, computed } = compact((b, { x, w }) => {
      // six sequences of three steps
      const states = numbers(6).map((k) => {
        let state = row(b, x, k)
        b.at(SOURCE)
        for (let step = 0; step < 3; step++) state = b.tanh(b.matmul(state, w))
        return state
      })
      b.at({})
      return b.sum(b.stack(states))
    })
    expect(names).toEqual(['matmul', 'tanh', 'matmul', 'tanh', 'matmul', 'tanh', 'sum'])
    expect(computed.slice(0, 6).every(({ source }) => source.runs === 6)).toBe(true)
  })

  it('that wait for those of another line are split where there is no order otherwise', () => {
    const { computed } = compact((b, { x }) => {
      // the sines of the first half wait for nothing, and of the second half for the cosines; so have it the cosines
      const rows = numbers(6).map((k) => row(b, x, k))
      const sine = (node: Node) => {
        b.at({ file: 'model.py', line: 1 })
        return b.sin(node)
      }
      const cosine = (node: Node) => {
        b.at({ file: 'model.py', line: 2 })
        return b.cos(node)
      }
      const ends = [0, 1, 2].flatMap((k) => [cosine(sine(rows[k])), sine(cosine(rows[k + 3]))])
      b.at({})
      return b.sum(b.stack(ends))
    })
    const runs = computed.filter(({ source }) => source.runs !== undefined)
    expect(runs.map(({ operation, source }) => [operation.name, source.runs])).toEqual([
      ['sin', 3],
      ['cos', 6],
      ['sin', 3],
    ])
  })

  it('without a line are taken together where there are many', () => {
    const of = (count: number) =>
      compact((b, { v }) => {
        const terms = numbers(count).map((k) => b.sin(b.multiply(v, k + 1)))
        return b.sum(b.stack(terms))
      }).names.filter((name) => name === 'sin').length
    expect(of(7)).toBe(7)
    expect(of(8)).toBe(1)
  })

  it.each<[string, (b: Builder, row: Node, k: number, arrays: Readonly<Record<string, Node>>) => Node]>([
    ['softmax', (b, x) => b.softmax(x)],
    ['logSumExp', (b, x) => b.logSumExp(b.reshape(x, { shape: [2, 2] }), { axes: [-1] })],
    ['max', (b, x) => b.max(b.reshape(x, { shape: [2, 2] }), { axes: [0], keepDims: true })],
    ['mean', (b, x) => b.mean(x)],
    ['standardize', (b, x) => b.standardize(x, { epsilon: 0.1 })],
    ['matmul', (b, x, _, { w }) => b.matmul(w, x)],
    ['matmul', (b, x) => b.matmul(b.reshape(x, { shape: [2, 2] }), b.reshape(x, { shape: [2, 2] }))],
    ['matmul', (b, x) => b.matmul(x, x)],
    ['matmul', (b, x, _, { w }) => b.matmul(b.reshape(x, { shape: [1, 1, 4] }), w)],
    ['matmul', (b, _, _k, { w, v }) => b.matmul(v, w)],
    ['averagePool', (b, x) => b.averagePool(b.reshape(x, { shape: [1, 4] }), { kernel: [2] })],
    ['maxPool', (b, x) => b.maxPool(b.reshape(x, { shape: [1, 4] }), { kernel: [2] })],
    ['softmaxCrossEntropy', (b, x) => b.softmaxCrossEntropy(x, tensor([0, 1, 0, 0], [4]))],
    ['select', (b, x, _, { v }) => b.where(v, x, b.constant(1))],
    ['multiply', (b, x, k) => b.multiply(b.reshape(x, { shape: [4, 1] }), k)],
    ['exp', (b, _, _k, { v }) => b.exp(v)],
  ])('of %s are one', (name, run) => {
    const { names } = compact((b, arrays) => {
      b.at(SOURCE)
      const made = numbers(6).map((k) => run(b, row(b, arrays.x, k), k, arrays))
      b.at({ file: 'model.py', line: 9 })
      return b.sum(b.sin(b.stack(made)))
    })
    expect(names.filter((other) => other === name).length).toBe(1)
  })

  it('of what is made of windows of the channels stay as they are', () => {
    const { names } = compact((b, { x, w }) => {
      b.at(SOURCE)
      const kernel = b.reshape(b.slice(w, { axis: 0, stop: 2 }), { shape: [2, 2, 2] })
      const made = numbers(5).map((k) => b.conv1d(b.reshape(row(b, x, k), { shape: [1, 2, 2] }), kernel))
      b.at({ file: 'model.py', line: 9 })
      return b.sum(b.stack(made))
    })
    expect(names.filter((name) => name.startsWith('conv')).length).toBe(5)
  })
})
