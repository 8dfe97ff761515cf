import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { GradcheckError } from '../../../src/errors.js'
import { readNpz } from '../../../src/files/npz.js'
import type { NamedTensors } from '../../../src/tensor.js'
import { concatenate, writeNpy, writeNpz, writeZip } from '../../support/array-files.js'
import { expectFailure } from '../../support/expect-failure.js'

const W1 = writeNpy({ shape: [2, 3], data: [1, 2, 3, 4, 5, 6] })
const b1 = writeNpy({ shape: [2], data: [0.5, -0.5] })

function readFixture(name: string): NamedTensors {
  return readNpz(readFileSync(`test/fixtures/${name}`), name)
}

function refuses(bytes: Uint8Array, message: RegExp) {
  return expectFailure(() => readNpz(bytes, 'f.npz'), 'bad-file', message)
}

/** The values of NumPy's files in test/fixtures/files, as make_files.py writes them. */
const HALF = [0.0999755859375, -2.5, 3, 0.0010004043579101562, 65504, -0]
const SINGLE = [0.10000000149011612, -2.5, 3, 0.0010000000474974513, 65504, -0]
const DOUBLE = [0.1, -2.5, 3, 1e-3, 65504, -0]
const COUNTING = Array.from({ length: 24 }, (_, i) => i)

describe('a file that NumPy wrote', () => {
  const arrays = readFixture('files/mixed.npz')

  it.each([
    ['half', 'float16', [2, 3], HALF],
    ['half_limits', 'float16', [6], [2 ** -24, 2 ** -14, 65504, Infinity, -Infinity, NaN]],
    ['single', 'float32', [2, 3], SINGLE],
    ['double', 'float64', [2, 3], DOUBLE],
    ['big_half', 'float16', [2, 3], HALF],
    ['big_single', 'float32', [2, 3], SINGLE],
    ['big_double', 'float64', [2, 3], DOUBLE],
    ['fortran', 'float64', [2, 3, 4], COUNTING],
    ['big_fortran', 'int32', [2, 3], [0, 1, 2, 3, 4, 5]],
    ['int8', 'int8', [2], [-128, 127]],
    ['int16', 'int16', [2], [-32768, 32767]],
    ['int32', 'int32', [2], [-(2 ** 31), 2 ** 31 - 1]],
    ['int64', 'int64', [3], [-(2 ** 63), -(2 ** 53), 2 ** 53]],
    ['uint8', 'uint8', [2], [0, 255]],
    ['uint16', 'uint16', [2], [0, 65535]],
    ['uint32', 'uint32', [2], [0, 2 ** 32 - 1]],
    ['uint64', 'uint64', [2], [0, 2 ** 63]],
    ['bool', 'bool', [2, 1], [1, 0]],
    ['scalar', 'float64', [], [0.1]],
    ['empty', 'float32', [0, 3], []],
    ['__proto__', 'float64', [1], [7]],
    ['θ1', 'float64', [1], [8]],
    ['folder/W1', 'float64', [1], [9]],
  ])('gives %s as %s of shape %j', (name, dtype, shape, data) => {
    expect(arrays.get(name)).toEqual({ shape, dtype, data: Float64Array.from(data) })
  })

  it('gives every array, in the order they were saved', () => {
    expect(arrays.size).toBe(23)
    expect([...arrays.keys()].slice(0, 3)).toEqual(['half', 'half_limits', 'single'])
  })

  it.each(['streamed', 'zip64'])('is read in all three .npy versions from a zip that is %s', (name) => {
    const versions = readFixture(`files/${name}.npz`)
    expect([...versions.keys()]).toEqual(['version1', 'version2', 'version3'])
    for (const { data } of versions.values()) expect([...data]).toEqual(DOUBLE)
  })

  it.each([
    ['three-layer.npz', 'W1', [5, 4], [-0.3224172040135075, 0.04221374671559283, -0.39675352685597737]],
    ['three-layer.npz', 'b2', [3, 1], [-1.1425181980221402, -0.3493427224128775, -0.2088942333747781]],
    ['image-tanh.npz', 'dW1', [5, 12288], [0.006882904056952665, -0.019500933962741537, 0]],
    ['digits-sklearn.npz', 'W2', [24, 12], [0.11577026684298117, 0.3743399217252214, 0.08856006203019079]],
    [
      'digits-sklearn.npz',
      'dW3',
      [12, 10],
      [0.05092335071124999, -9.314192930054242e-5, 0.027053318358166167],
    ],
    ['two-three-one.npz', 'y', [3, 1], [0.75, 0.82, 0.93]],
    [
      'two-three-one.npz',
      'dW1',
      [2, 3],
      [0.007346121044916963, -0.0072648077881825686, -0.003458222136385104],
    ],
  ])('%s holds the %s that NumPy reads from it', (file, name, shape, [first, third, last]) => {
    const array = readFixture(file).get(name)!
    expect(array.shape).toEqual(shape)
    expect(array.data[0]).toBe(first)
    expect(array.data[Math.floor(array.data.length / 3)]).toBe(third)
    expect(array.data.at(-1)).toBe(last)
  })
})

it('may lie in the memory of a file that is read no more, wherever its arrays are in it', () => {
  const arrays = { x: { shape: [3], data: [1.5, -2, 1e300] }, W1: { shape: [1, 2], data: [0.1, 7] } }
  for (const [stem, remains] of [
    ['', 0],
    ['abc', 5],
  ] as const) {
    const members = Object.entries(arrays).map(([name, array]) => [stem + name, array] as const)
    const file = writeNpz(Object.fromEntries(members.map(([name, array]) => [name, writeNpy(array)])))
    // at any alignment in a larger memory
    const bytes = new Uint8Array(file.length + remains).fill(0)
    bytes.set(file, remains)
    const read = readNpz(bytes.subarray(remains), 'f.npz', true)
    for (const [name, { shape, data }] of members) {
      expect(read.get(name)).toEqual({ shape, dtype: 'float64', data: Float64Array.from(data) })
      expect(read.get(name)?.data.buffer).toBe(bytes.buffer)
    }
  }
})

describe('the names in a .npz file', () => {
  it.each([false, true])(
    'are the members ending in .npy, without that ending (compressed: %s)',
    (compressed) => {
      const zip = writeZip(
        [
          ['W1.npy', W1],
          ['readme.txt', Uint8Array.of(1)],
          ['b1.npy.npy', b1],
          ['.npy', b1],
          ['folder/', new Uint8Array(0)],
        ],
        { compressed },
      )
      expect([...readNpz(zip, 'f.npz').keys()]).toEqual(['W1', 'b1.npy', ''])
    },
  )

  it('may be those that are special in an object', () => {
    const names = ['__proto__', 'constructor', 'toString', '10', '9']
    const arrays = readNpz(writeNpz(new Map(names.map((name) => [name, W1]))), 'f.npz')
    expect([...arrays.keys()]).toEqual(names)
    expect(arrays.get('__proto__')!.data[5]).toBe(6)
  })

  it('must not repeat', () => {
    const zip = writeZip([
      ['W1.npy', W1],
      ['W1.npy', W1],
    ])
    refuses(zip, /two arrays named W1/)
  })

  it('are in the message about an array that cannot be read', () => {
    refuses(
      writeNpz({ W1: W1.subarray(0, -1) }),
      /^W1 in f\.npz is truncated: float64 of shape \(2, 3\) takes 48/,
    )
  })
})

describe('a zip file without arrays', () => {
  it('is refused with what to do', () => {
    expect(refuses(writeZip([]), /without \.npy arrays \(empty\)/).fix).toContain('np.savez')
    refuses(writeZip([['model.h5', W1]]), /without \.npy arrays \(it has model\.h5\)/)
  })

  it('is named for what it is when PyTorch wrote it', () => {
    const error = refuses(writeZip([['archive/data.pkl', b1]]), /is a PyTorch file/)
    expect(error.fix).toContain('safetensors.torch.save_file')
  })
})

describe('a zip file that lies', () => {
  it.each([false, true])('about the size of a member is refused (compressed: %s)', (compressed) => {
    for (const size of [0, W1.length - 1, W1.length + 1, 1e4]) {
      refuses(writeNpz({ W1 }, { compressed, declare: { size } }), /W1\.npy in f\.npz is corrupt: .* bytes/)
    }
  })

  it('about a checksum is refused', () => {
    for (const compressed of [false, true]) {
      refuses(writeNpz({ W1 }, { compressed, declare: { crc32: 1 } }), /checksum/)
    }
  })

  it('to be a bomb is refused before it is unpacked', () => {
    const compressed = true
    refuses(
      writeNpz({ W1 }, { compressed, declare: { size: 2 ** 30 } }),
      /more than its \d+ compressed bytes/,
    )
    refuses(writeNpz({ W1 }, { compressed, declare: { size: 2 ** 30 + 1 } }), /unpacks to 1073741825 bytes/)
  })

  it('about the compression is refused', () => {
    refuses(writeNpz({ W1 }, { declare: { method: 8 } }), /cannot be unpacked|corrupt/)
    refuses(writeNpz({ W1 }, { declare: { method: 12 } }), /zip method 12/)
  })

  it('about where a member is, or that it is another one, is refused', () => {
    const zip = writeNpz({ W1, b1 })
    const text = Array.from(zip, (byte) => String.fromCharCode(byte)).join('')
    const localName = text.indexOf('W1.npy')
    const renamed = zip.slice()
    renamed[localName] = 'V'.charCodeAt(0)
    refuses(renamed, /W1\.npy in f\.npz is not where/)
    const moved = zip.slice()
    moved[text.indexOf('PK\x01\x02') + 42] += 1
    refuses(moved, /W1\.npy in f\.npz is not where/)
    const tooLong = zip.slice()
    tooLong[text.indexOf('PK\x01\x02') + 22] = 1
    refuses(tooLong, /W1\.npy in f\.npz is not where/)
  })

  it('about its directory is refused', () => {
    const zip = writeNpz({ W1, b1 })
    const end = zip.length - 22
    for (const [field, what] of [
      [4, /one part of several/],
      [10, /3 members declared, 2 there/],
      [12, /corrupt zip directory/],
      [16, /corrupt zip directory/],
    ] as const) {
      const changed = zip.slice()
      changed[end + field] += 1
      refuses(changed, what)
    }
  })

  it('by showing one compressed member under several names is refused', () => {
    const zip = writeNpz({ aa: concatenate([W1, new Uint8Array(1000)]) })
    const end = zip.length - 22
    const view = new DataView(zip.buffer)
    const start = view.getUint32(end + 16, true)
    const entry = zip.slice(start, end)
    const endRecord = zip.slice(end)
    const endView = new DataView(endRecord.buffer)
    endView.setUint16(10, 2, true)
    endView.setUint32(12, 2 * entry.length, true)
    refuses(concatenate([zip.subarray(0, start), entry, entry, endRecord]), /members overlap/)
  })

  it('or is encrypted is refused', () => {
    const zip = writeNpz({ W1 })
    const directory = zip.length - 22 - (46 + 'W1.npy'.length)
    zip[directory + 8] |= 1
    refuses(zip, /W1\.npy in f\.npz is encrypted/)
  })
})

describe('a damaged .npz file', () => {
  const files: [string, Uint8Array][] = [
    ['stored', writeNpz({ W1, b1 })],
    ['compressed', writeNpz({ W1, b1 }, { compressed: true })],
    ['streamed', readFileSync('test/fixtures/files/streamed.npz')],
    ['Zip64', readFileSync('test/fixtures/files/zip64.npz')],
  ]

  it.each(files)('%s is refused at every truncation', (_, zip) => {
    for (let length = 0; length < zip.length; length++) {
      expect(() => readNpz(zip.subarray(0, length), 'f.npz'), `${length} bytes`).toThrow(GradcheckError)
    }
  })

  it.each(files)('%s with any one byte changed is refused or gives the same arrays', (_, zip) => {
    const arrays = readNpz(zip, 'f.npz')
    let refused = 0
    for (let at = 0; at < zip.length; at++) {
      for (const flip of [1, 8, 128, 255]) {
        const changed = zip.slice()
        changed[at] ^= flip
        let read: NamedTensors | undefined
        try {
          read = readNpz(changed, 'f.npz')
        } catch (error) {
          expect(error).toBeInstanceOf(GradcheckError)
          refused++
        }
        if (read !== undefined) expect(read, `byte ${at} ^ ${flip}`).toEqual(arrays)
      }
    }
    expect(refused).toBeGreaterThan(zip.length)
  })

  it('with bytes behind its end is refused', () => {
    refuses(concatenate([writeNpz({ W1 }), [0]]), /not a whole zip file/)
  })
})
