import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { GradcheckError } from '../../../src/errors.js'
import { readSafetensors } from '../../../src/files/safetensors.js'
import type { NamedTensors } from '../../../src/tensor.js'
import { concatenate, writeSafetensors, writeSafetensorsParts } from '../../support/array-files.js'
import { expectFailure } from '../../support/expect-failure.js'

const W1 = { dtype: 'F64', shape: [2, 2], data: [1, 2, 3, 4] }
const b1 = { dtype: 'F32', shape: [2], data: [0.5, -0.5] }

function readFixture(name: string): NamedTensors {
  return readSafetensors(readFileSync(`test/fixtures/${name}`), name)
}

function refuses(bytes: Uint8Array, message: RegExp) {
  return expectFailure(() => readSafetensors(bytes, 'f.safetensors'), 'bad-file', message)
}

function refusesHeader(header: unknown, message: RegExp, dataBytes = 16) {
  const text = typeof header === 'string' ? header : JSON.stringify(header)
  refuses(writeSafetensorsParts(text, new Uint8Array(dataBytes)), message)
}

describe('a file that the safetensors package wrote', () => {
  const arrays = readFixture('files/mixed.safetensors')

  it.each([
    ['BF16', 'bfloat16', [7], [0.10009765625, -2.5, 3, 9.969209968386869e37, 2 ** -133, Infinity, NaN]],
    ['F16', 'float16', [2, 3], [0.0999755859375, -2.5, 3, 0.0010004043579101562, 65504, -0]],
    ['F32', 'float32', [2, 3], [0.10000000149011612, -2.5, 3, 0.0010000000474974513, 65504, -0]],
    ['F64', 'float64', [2, 3], [0.1, -2.5, 3, 1e-3, 65504, -0]],
    ['I8', 'int8', [2], [-128, 127]],
    ['I16', 'int16', [2], [-32768, 32767]],
    ['I32', 'int32', [2], [-(2 ** 31), 2 ** 31 - 1]],
    ['I64', 'int64', [2], [-(2 ** 63), 2 ** 53]],
    ['U8', 'uint8', [2], [0, 255]],
    ['U16', 'uint16', [2], [0, 65535]],
    ['U32', 'uint32', [2], [0, 2 ** 32 - 1]],
    ['U64', 'uint64', [2], [0, 2 ** 63]],
    ['BOOL', 'bool', [2, 1], [1, 0]],
    ['scalar', 'float64', [], [0.1]],
    ['empty', 'float32', [0, 3], []],
    ['__proto__', 'float64', [1], [7]],
  ])('gives %s as %s of shape %j', (name, dtype, shape, data) => {
    expect(arrays.get(name)).toEqual({ shape, dtype, data: Float64Array.from(data) })
  })

  it('gives every array and no metadata', () => {
    expect(arrays.size).toBe(16)
  })

  it.each([
    ['X', 'float32', [32, 64], [0, 1, 0.125]],
    ['Y', 'int64', [32], [0, 0, 9]],
    ['0.weight', 'float32', [32, 64], [-0.0009358525276184082, -0.013526231050491333, -0.052270978689193726]],
    ['grad.4.bias', 'float32', [10], [-0.027006663382053375, 0.018117133527994156, 0.0006111748516559601]],
  ])('holds the %s that safetensors reads from digits-torch', (name, dtype, shape, [first, third, last]) => {
    const array = readFixture('digits-torch.safetensors').get(name)!
    expect(array).toMatchObject({ dtype, shape })
    expect(array.data[0]).toBe(first)
    expect(array.data[Math.floor(array.data.length / 3)]).toBe(third)
    expect(array.data.at(-1)).toBe(last)
  })
})

describe('the header of a .safetensors file', () => {
  it('gives the order of the arrays, whatever their names', () => {
    const names = ['W1', '10', '__proto__', '9', 'a "quoted" \\ name', '{}:[]']
    const arrays = readSafetensors(writeSafetensors(new Map(names.map((name) => [name, W1]))), 'f')
    expect([...arrays.keys()]).toEqual(names)
  })

  it('may hold metadata of strings and end in spaces', () => {
    const bytes = writeSafetensors({ W1 }, { metadata: { format: 'pt' } })
    expect([...readSafetensors(bytes, 'f').keys()]).toEqual(['W1'])
    expect(readSafetensors(writeSafetensorsParts('{}     ', new Uint8Array(0)), 'f').size).toBe(0)
  })

  it.each([
    ['', /not valid JSON/],
    ['{', /not valid JSON/],
    ['\uFEFF{}', /not valid JSON/],
    ['{} x', /not valid JSON/],
    ['[]', /not a JSON object/],
    ['null', /not a JSON object/],
    ['3', /not a JSON object/],
    ['{"__metadata__": {"a": 1}}', /__metadata__/],
    ['{"__metadata__": null}', /__metadata__/],
    ['{"W1": 3}', /W1 in f\.safetensors has no dtype/],
    ['{"W1": []}', /W1 in f\.safetensors has no dtype/],
    ['{"W1": {}}', /has dtype undefined/],
    ['{"W1": {"dtype": 64}}', /has dtype 64, not a name/],
    ['{"W1": {"dtype": "F8_E4M3"}}', /has shape undefined/],
    [
      '{"W1": {"dtype": "F8_E4M3", "shape": [16], "data_offsets": [0, 16]}}',
      /has dtype "F8_E4M3"; these are read: F16/,
    ],
    ['{"W1": {"dtype": "__proto__", "shape": [16], "data_offsets": [0, 16]}}', /has dtype "__proto__"/],
    ['{"W1": {"dtype": "F64"}}', /has shape undefined/],
    ['{"W1": {"dtype": "F64", "shape": [-2]}}', /has shape \[-2\]/],
    ['{"W1": {"dtype": "F64", "shape": [1.5]}}', /has shape \[1.5\]/],
    ['{"W1": {"dtype": "F64", "shape": ["2"]}}', /has shape \["2"\]/],
    ['{"W1": {"dtype": "F64", "shape": 2}}', /has shape 2/],
    ['{"W1": {"dtype": "F64", "shape": [2]}}', /has data_offsets undefined/],
    ['{"W1": {"dtype": "F64", "shape": [2], "data_offsets": [0]}}', /has data_offsets \[0\]/],
    ['{"W1": {"dtype": "F64", "shape": [2], "data_offsets": [16, 0]}}', /has data_offsets \[16,0\]/],
    ['{"W1": {"dtype": "F64", "shape": [2], "data_offsets": [0.5, 16.5]}}', /has data_offsets \[0.5/],
    ['{"W1": {"dtype": "F64", "shape": [2], "data_offsets": [-16, 0]}}', /has data_offsets \[-16/],
    [
      '{"W1": {"dtype": "F64", "shape": [2], "data_offsets": [0, 8]}}',
      /takes 16 bytes, its data_offsets hold 8/,
    ],
    ['{"W1": {"dtype": "F64", "shape": [1e15, 1e15], "data_offsets": [0, 16]}}', /more elements/],
  ])('is refused where it is malformed: %s', (header, message) => {
    refusesHeader(header, message)
  })

  it('is refused when it names an array twice, which JSON.parse does not notice', () => {
    const entry = '{"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}'
    refusesHeader(`{"W1": ${entry}, "\\u00571": ${entry}}`, /W1 is there twice/)
  })

  it('is refused when it is no UTF-8', () => {
    const bytes = writeSafetensors({ W: W1 })
    bytes[bytes.indexOf('W'.charCodeAt(0))] = 0xff
    refuses(bytes, /not valid JSON/)
  })

  it('is refused when it is longer than the file or than 100 MB', () => {
    const bytes = writeSafetensors({ W1 })
    const view = new DataView(bytes.buffer)
    view.setBigUint64(0, 1000n, true)
    refuses(bytes, /truncated: it has \d+ bytes and its header alone takes 1008/)
    view.setBigUint64(0, 100_000_001n, true)
    refuses(bytes, /a header of 100000001 bytes/)
    view.setBigUint64(0, 2n ** 64n - 1n, true)
    refuses(bytes, /at most 100000000/)
  })
})

describe('the data of a .safetensors file', () => {
  const two = (a: number[], b: number[]) => ({
    a: { dtype: 'U8', shape: [a[1] - a[0]], data_offsets: a },
    b: { dtype: 'U8', shape: [b[1] - b[0]], data_offsets: b },
  })

  it('may be in another order than the header', () => {
    const bytes = writeSafetensorsParts(JSON.stringify(two([2, 4], [0, 2])), Uint8Array.of(1, 2, 3, 4))
    const arrays = readSafetensors(bytes, 'f')
    expect([...arrays].map(([name, { data }]) => [name, ...data])).toEqual([
      ['a', 3, 4],
      ['b', 1, 2],
    ])
  })

  it('must be covered by the arrays without overlap or hole', () => {
    refusesHeader(two([0, 8], [7, 16]), /b in f\.safetensors overlaps .* begins at byte 7, 8 is next/)
    refusesHeader(two([0, 16], [0, 16]), /overlaps/)
    refusesHeader(two([0, 8], [9, 16]), /b in f\.safetensors leaves a hole/)
    refusesHeader(two([1, 8], [8, 16]), /a in f\.safetensors leaves a hole/)
    refusesHeader(two([0, 8], [8, 15]), /bytes left over: its arrays take 15 bytes, 16 are there/)
    refusesHeader(two([0, 8], [8, 17]), /truncated: its arrays take 17 bytes, 16 are there/)
  })

  it('must be exact in float64', () => {
    const bytes = writeSafetensors({ Y: { dtype: 'I64', shape: [1], data: [2n ** 53n + 1n] } })
    const message = /Y in f holds 9007199254740993, which float64 cannot hold exactly/
    expectFailure(() => readSafetensors(bytes, 'f'), 'bad-value', message)
  })
})

describe('a damaged .safetensors file', () => {
  const bytes = writeSafetensors({ W1, b1 }, { metadata: { format: 'pt' } })

  it('is refused at every truncation and with a byte more', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readSafetensors(bytes.subarray(0, length), 'f'), `${length} bytes`).toThrow(GradcheckError)
    }
    refuses(concatenate([bytes, [0]]), /left over/)
  })

  it('with any one byte changed is read or refused with a GradcheckError', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const changed = bytes.slice()
        changed[at] ^= flip
        try {
          readSafetensors(changed, 'f')
        } catch (error) {
          expect(error).toBeInstanceOf(GradcheckError)
        }
      }
    }
  })
})
