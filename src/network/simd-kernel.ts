/**
 * A WebAssembly module with one function, C = A·B in float64, written out as bytes: no tool is needed to build it, and
 * it is small enough to be compiled at once. Two lanes of a vector hold neighbouring columns; 4 × 4 sums stay in
 * registers while the depth runs through. Each sum is taken in its order, product by product, so that it has the very
 * bits of a plain loop.
 *
 *     multiply(A, panelBytes, B, C, rowBytes, rowPanels, columnPanels, places, depth)
 *
 * All but the counts are addresses and sizes in bytes. A is held in panels of 4 rows, each depth × 4, `panelBytes`
 * apart; B in panels of 4 columns, each depth × 4; C by rows, `rowBytes` apart. `places` lists where in a panel of A the
 * terms of the sum stand, one 32-bit offset each: what is left out of it is left out of the sum. Depth, rows and
 * columns are at least 1.
 *
 * Opcodes: https://webassembly.github.io/spec/core/binary/instructions.html
 */

type Bytes = readonly number[]

const I32 = 0x7f
const V128 = 0x7b
const LOOP: Bytes = [0x03, 0x40]
const END: Bytes = [0x0b]
const ADD: Bytes = [0x6a]
const LANES = 2
/** Rows, or columns, of a panel. */
export const TILE = 4
export const FLOAT64_BYTES = 8
const VECTOR_BYTES = LANES * FLOAT64_BYTES
/** Bytes that a term takes in a panel. */
export const TERM_BYTES = TILE * FLOAT64_BYTES
const PLACE_BYTES = 4
const PAGE_BYTES = 2 ** 16

/** An unsigned number of variable length (LEB128). */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80)
  return [...bytes, left]
}

const list = (items: readonly Bytes[]): number[] => [...unsigned(items.length), ...items.flat()]
const section = (id: number, content: Bytes): number[] => [id, ...unsigned(content.length), ...content]
const get = (local: number): number[] => [0x20, ...unsigned(local)]
const set = (local: number): number[] => [0x21, ...unsigned(local)]
/** A constant below 64: signed, it fits into one byte. */
const constant = (value: number): number[] => [0x41, value]
const simd = (opcode: number, ...immediate: number[]): number[] => [0xfd, ...unsigned(opcode), ...immediate]
const loadVector = (offset: number) => simd(0, 3, ...unsigned(offset))
const loadIntoBothLanes = (offset: number) => simd(10, 3, ...unsigned(offset))
const storeVector = (offset: number) => simd(11, 3, ...unsigned(offset))
const ZERO = simd(12, ...new Array<number>(VECTOR_BYTES).fill(0))
const ADD_LANES = simd(0xf0)
const MULTIPLY_LANES = simd(0xf2)
const LOAD_PLACE: Bytes = [0x28, 2, 0]

/** local += amount */
const advance = (local: number, amount: Bytes): number[] => [...get(local), ...amount, ...ADD, ...set(local)]
/** Goes round the innermost loop again until local is counted down to 0. */
const repeat = (local: number): number[] => [
  ...get(local),
  ...constant(1),
  0x6b,
  0x22,
  ...unsigned(local),
  0x0d,
  0,
]

const PARAMETERS = ['A', 'panelBytes', 'B', 'C', 'rowBytes', 'rowPanels', 'columnPanels', 'places', 'depth']
const ADDRESSES = ['fromB', 'toC', 'columns', 'terms', 'place', 'term']
const local = (name: string) => [...PARAMETERS, ...ADDRESSES].indexOf(name)
const FIRST_SUM = PARAMETERS.length + ADDRESSES.length
const sumOf = (row: number, half: number) => FIRST_SUM + LANES * row + half
const [RIGHT, LEFT] = [FIRST_SUM + LANES * TILE, FIRST_SUM + LANES * TILE + 2]
const ROWS = [0, 1, 2, 3]
const HALVES = [0, 1]

/** Adds one term to each of the 16 sums. */
const addTerm: Bytes = [
  ...get(local('A')),
  ...get(local('place')),
  ...LOAD_PLACE,
  ...ADD,
  ...set(local('term')),
  ...HALVES.flatMap((half) => [
    ...get(local('fromB')),
    ...loadVector(VECTOR_BYTES * half),
    ...set(RIGHT + half),
  ]),
  ...ROWS.flatMap((row) => [
    ...get(local('term')),
    ...loadIntoBothLanes(FLOAT64_BYTES * row),
    ...set(LEFT),
    ...HALVES.flatMap((half) => [
      ...get(sumOf(row, half)),
      ...get(LEFT),
      ...get(RIGHT + half),
      ...MULTIPLY_LANES,
      ...ADD_LANES,
      ...set(sumOf(row, half)),
    ]),
  ]),
]

const storeSums: Bytes = [
  ...get(local('toC')),
  ...set(local('term')),
  ...ROWS.flatMap((row) => [
    ...HALVES.flatMap((half) => [
      ...get(local('term')),
      ...get(sumOf(row, half)),
      ...storeVector(VECTOR_BYTES * half),
    ]),
    ...advance(local('term'), get(local('rowBytes'))),
  ]),
]

const copy = (to: string, from: string): number[] => [...get(local(from)), ...set(local(to))]

const BODY: Bytes = [
  ...list([
    [...unsigned(ADDRESSES.length), I32],
    [...unsigned(LEFT + 1 - FIRST_SUM), V128],
  ]),
  ...LOOP,
  ...copy('fromB', 'B'),
  ...copy('toC', 'C'),
  ...copy('columns', 'columnPanels'),
  ...LOOP,
  ...ROWS.flatMap((row) => HALVES.flatMap((half) => [...ZERO, ...set(sumOf(row, half))])),
  ...copy('place', 'places'),
  ...copy('terms', 'depth'),
  ...LOOP,
  ...addTerm,
  ...advance(local('fromB'), constant(TERM_BYTES)),
  ...advance(local('place'), constant(PLACE_BYTES)),
  ...repeat(local('terms')),
  ...END,
  ...storeSums,
  ...advance(local('toC'), constant(TERM_BYTES)),
  ...repeat(local('columns')),
  ...END,
  ...advance(local('A'), get(local('panelBytes'))),
  ...ROWS.flatMap(() => advance(local('C'), get(local('rowBytes')))),
  ...repeat(local('rowPanels')),
  ...END,
  ...END,
]

const text = (name: string): number[] => list([...name].map((letter) => [letter.charCodeAt(0)]))

const MODULE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, list([[0x60, ...list(PARAMETERS.map(() => [I32])), 0]])),
  ...section(2, list([[...text('host'), ...text('memory'), 2, 0, 0]])),
  ...section(3, list([[0]])),
  ...section(7, list([[...text('multiply'), 0, 0]])),
  ...section(10, list([[...unsigned(BODY.length), ...BODY]])),
])

/** The module's function, see above. */
export type MultiplyPanels = (
  A: number,
  panelBytes: number,
  B: number,
  C: number,
  rowBytes: number,
  rowPanels: number,
  columnPanels: number,
  places: number,
  depth: number,
) => void

/** The module's function, and the memory that it reads and writes. */
export interface Kernel {
  readonly memory: WebAssembly.Memory
  readonly multiply: MultiplyPanels
}

let compiled: WebAssembly.Module | undefined

/** The kernel on a memory of its own; nothing where WebAssembly with vectors is not there, or a page's policy forbids it. */
export function openKernel(): Kernel | undefined {
  if (typeof WebAssembly === 'undefined') return undefined
  try {
    compiled ??= new WebAssembly.Module(MODULE)
    const memory = new WebAssembly.Memory({ initial: 1 })
    const { exports } = new WebAssembly.Instance(compiled, { host: { memory } })
    return { memory, multiply: exports.multiply as MultiplyPanels }
  } catch {
    return undefined
  }
}

/** Makes a kernel's memory at least so large; what views there were of it are to be made anew. */
export function growMemory({ memory }: Kernel, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES))
}
