import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GradcheckError } from '../../../src/errors.js'
import { mergeArrays, readArrays } from '../../../src/files/read-arrays.js'
import { type NamedTensors, tensor } from '../../../src/tensor.js'
import {
  concatenate,
  writeNpy,
  writeNpz,
  writeSafetensors,
  writeSafetensorsParts,
  writeZip,
} from '../../support/array-files.js'
import { expectFailure } from '../../support/expect-failure.js'

const npy = writeNpy({ shape: [2], data: [1, 2] })
const text = (content: string) => new TextEncoder().encode(content)

function refuses(bytes: Uint8Array, message: RegExp) {
  return expectFailure(() => readArrays(bytes, 'f.npz'), 'bad-file', message)
}

describe('the format of a file', () => {
  it('is told by its content, whatever its name', () => {
    const stored = { dtype: 'F32', shape: [2], data: [1, 2] }
    for (const bytes of [npy, writeNpz({ W1: npy }), writeSafetensors({ W1: stored })]) {
      const arrays = readArrays(bytes, 'runs/W1.bin')
      expect([...arrays.keys()]).toEqual(['W1'])
      expect([...arrays.get('W1')!.data]).toEqual([1, 2])
    }
  })

  it('is safetensors even if the length of its header looks like the magic number of another format', () => {
    for (const magic of [0x4b50, 0x8b1f, 0x0280]) {
      const header = '{"W1":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.padEnd(magic)
      expect([...readArrays(writeSafetensorsParts(header, Uint8Array.of(7)), 'f').get('W1')!.data]).toEqual([
        7,
      ])
    }
  })

  it.each([
    ['W1.npy', 'W1'],
    ['runs/1/layer.0.weight.npy', 'layer.0.weight'],
    ['C:\\runs\\W1.npy', 'W1'],
    ['W1', 'W1'],
    ['.npy', '.npy'],
    ['__proto__.npy', '__proto__'],
  ])('.npy gives one array named after the file: %s', (fileName, name) => {
    expect([...readArrays(npy, fileName).keys()]).toEqual([name])
  })

  it('that cannot be read is named, with what to do instead', () => {
    refuses(new Uint8Array(0), /^f\.npz is empty$/)
    refuses(concatenate([[0x89], text('HDF\r\n\x1a\n')]), /HDF5 files are not read yet; save with np\.savez/)
    expect(refuses(gzipSync(npy), /compressed by gzip/).fix).toContain('gunzip')
    const pickle = Uint8Array.of(0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, 0x7d)
    expect(refuses(pickle, /is a pickle/).fix).toContain('np.savez')
    expect(refuses(writeZip([['archive/data.pkl', pickle]]), /PyTorch/).fix).toContain('safetensors')
    refuses(text('version https://git-lfs'), /neither \.npz, \.npy nor \.safetensors: .*"version https:/)
    refuses(text('1,2,3'), /neither \.npz, \.npy nor \.safetensors: it begins with "1,2,3"/)
  })

  it('of every case in test/fixtures is read', () => {
    const files = readdirSync('test/fixtures').filter((name) => /\.(npz|safetensors)$/.test(name))
    expect(files.length).toBeGreaterThan(5)
    for (const file of files) {
      const arrays = readArrays(readFileSync(`test/fixtures/${file}`), file)
      expect([...arrays.keys()]).toContain('X')
    }
  })

  it('of bytes that are none fails with a GradcheckError', () => {
    const beginnings = [
      [],
      text('PK\x03\x04'),
      [0x93, ...text('NUMPY'), 1, 0],
      [9, 0, 0, 0, 0, 0, 0, 0, 0x7b],
    ]
    const bytes = fc.tuple(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 100 }))
    fc.assert(
      fc.property(bytes, (parts) => {
        expect(() => readArrays(concatenate(parts), 'f')).toThrow(GradcheckError)
      }),
      { numRuns: 500 },
    )
  })
})

describe('merging files', () => {
  const file = (fileName: string, arrays: Record<string, ReturnType<typeof tensor>>) => ({
    fileName,
    arrays: new Map(Object.entries(arrays)) as NamedTensors,
  })
  const W1 = tensor([1, NaN], [2])

  it('keeps every array, in the order of the files', () => {
    const data = file('data.npz', { X: tensor([1], [1]), Y: tensor([2], [1]) })
    const merged = mergeArrays([file('parameters.npz', { W1 }), data])
    expect([...merged.keys()]).toEqual(['W1', 'X', 'Y'])
    expect(mergeArrays([]).size).toBe(0)
  })

  it('accepts an array that is the same in both', () => {
    const same = tensor([1, NaN], [2])
    expect(mergeArrays([file('a.npz', { W1 }), file('b.npz', { W1: same })]).get('W1')).toBe(W1)
  })

  it.each([
    ['value', tensor([1, 2], [2])],
    ['shape', tensor([1, NaN], [2, 1])],
    ['sign of zero', tensor([1, -0], [2])],
    ['precision', tensor([1, NaN], [2], 'float32')],
  ])('refuses an array that differs in its %s, naming both files', (_, other) => {
    const files = [file('a.npz', { X: W1 }), file('b.npz', { W1 }), file('c.npz', { W1: other })]
    expectFailure(() => mergeArrays(files), 'bad-file', /b\.npz and c\.npz both hold an array W1/)
  })
})
