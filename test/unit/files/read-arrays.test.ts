import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bindProblem } from '../../../src/check/problem.js'
import { problemFromArrays } from '../../../src/check/problem-from-arrays.js'
import { GradcheckError } from '../../../src/errors.js'
import { mergeArrays } from '../../../src/files/merge-arrays.js'
import { readArrays } from '../../../src/files/read-arrays.js'
import { type NamedTensors, tensor } from '../../../src/tensor.js'
import {
  concatenate,
  writeNpy,
  writeNpyParts,
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
    refuses(
      concatenate([[0x89], text('HDF\r\n\x1a\n')]),
      /is an HDF5 file; \.npz, \.npy and \.safetensors are read/,
    )
    expect(refuses(gzipSync(npy), /compressed by gzip/).fix).toContain('gunzip')
    const pickle = Uint8Array.of(0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, 0x7d)
    expect(refuses(pickle, /is a pickle/).fix).toContain('np.savez')
    expect(refuses(writeZip([['archive/data.pkl', pickle]]), /PyTorch/).fix).toContain('safetensors')
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
    const files = [file('a.npz', { X: W1 }), file('b.npz', { D1: W1 }), file('c.npz', { D1: other })]
    expectFailure(() => mergeArrays(files), 'bad-file', /b\.npz and c\.npz both hold an array D1/)
  })

  describe('with the same names', () => {
    const b1 = tensor([0, 0], [2])
    const parameters = { X: tensor([1], [1]), W1, b1 }
    const gradients = { W1: tensor([3, 4], [2]), b1 }

    it.each([
      ['params.npz', 'grads.npz', true],
      ['net.npz', 'net_grad.npz', true],
      ['runs/weights.npz', 'runs/second.npz', true],
      ['first.npz', 'second.npz', false],
      ['upgrade/a.npz', 'upgrade/b.npz', false],
    ])('%s and %s are parameters and their gradients', (one, two, isOrderKnown) => {
      const merged = mergeArrays([file(one, parameters), file(two, gradients)])
      expect([...merged.keys()]).toEqual(['X', 'W1', 'b1'])
      expect(merged.get('W1')).toBe(W1)
      expect(merged.second).toEqual({ arrays: new Map(Object.entries(gradients)), isOrderKnown })
      if (!isOrderKnown) return
      const turned = mergeArrays([file(two, gradients), file(one, parameters)])
      expect(turned.get('W1')).toBe(W1)
      expect(turned.second).toEqual(merged.second)
    })

    it('are refused where gradients have names of their own as well, or three files have them', () => {
      const files = [file('a.npz', { ...parameters, dW1: W1 }), file('b.npz', gradients)]
      expectFailure(() => mergeArrays(files), 'bad-file', /a\.npz and b\.npz both hold an array W1/)
      const third = { W1: tensor([5, 6], [2]) }
      const three = [file('a.npz', parameters), file('b.npz', gradients), file('c.npz', third)]
      expectFailure(() => mergeArrays(three), 'bad-file', /both hold an array W1/)
    })
  })
})

describe('files of other formats', () => {
  const ascii = (content: string) => Uint8Array.from(content, (letter) => letter.charCodeAt(0))

  it.each([
    [
      'net.mat',
      'MATLAB 5.0 MAT-file, Platform: GLNXA64',
      /is a MATLAB file/,
      /scipy\.io\.loadmat\('net\.mat'\)/,
    ],
    ['net.mat', 'MATLAB 7.3 MAT-file', /is a MATLAB 7\.3 file/, /loadmat/],
    ['net.h5', '\x89HDF\r\n\x1a\n', /is an HDF5 file/, /h5py\.File\('net\.h5'\).*np\.savez\('net\.npz'/],
    ['net.pkl', '\x80\x04\x95', /is a pickle/, /pickle\.load\(open\('net\.pkl', 'rb'\)\)/],
    ['net.pt', '\x80\x02\x8a', /is a pickle of PyTorch/, /torch\.load\('net\.pt'.*'net\.safetensors'/],
    ['net.csv', '1,2,3\n', /is text/, /np\.loadtxt\('net\.csv'/],
    ['net.json', '{"W1": [1]}', /is JSON/, /json\.load\(open\('net\.json'\)\)/],
    ['net.onnx', '\x08\x07', /is a model/, /onnx/],
    ['net.parquet', 'PAR1', /Parquet/, /read_parquet/],
    ['net.npz', 'version https://git-lfs.github.com', /only a pointer of Git LFS/, /git lfs pull/],
    ['net.npz', 'BZh91AY', /bzip2/, /bunzip2/],
    ['net.tar', `${'\0'.repeat(257)}ustar`, /tar archive/, /tar -xf/],
    ['net.rda', 'RDX3\n', /a file of R/, /savez\('net\.npz', X=X/],
    ['net.py', 'import numpy', /a program/, /np\.savez/],
  ])('%s beginning with %j', (name, content, message, fix) => {
    const error = expectFailure(() => readArrays(ascii(content), name), 'bad-file', message)
    expect(error.fix).toMatch(fix)
  })

  it.each([
    ['data.pkl', /PyTorch/, /torch\.load\('f\.zip'/],
    ['model.weights.h5', /Keras/, /keras\.models\.load_model\('f\.zip'\)/],
    ['xl/workbook.xml', /Excel/, /read_excel/],
    ['readme.txt', /without \.npy arrays \(it has readme\.txt\)/, /np\.savez/],
  ])('a zip with %s', (member, message, fix) => {
    const bytes = writeZip([[member, Uint8Array.of(1)]])
    expect(expectFailure(() => readArrays(bytes, 'f.zip'), 'bad-file', message).fix).toMatch(fix)
  })
})

describe('arrays of other things than numbers', () => {
  const strings = writeNpyParts(
    "{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }",
    new Uint8Array(4),
  )
  const objects = writeNpyParts("{'descr': '|O', 'fortran_order': False, 'shape': (), }", Uint8Array.of(0x80))

  it('do not refuse the file, and are kept with the reason', () => {
    const arrays = readArrays(writeNpz({ W1: npy, names: strings, parameters: objects }), 'f.npz')
    expect([...arrays.keys()]).toEqual(['W1'])
    expect([...arrays.unreadable].map(([name, { message }]) => [name, message])).toEqual([
      ['names', "names in f.npz holds strings ('<U1'); float, integer and bool arrays are read"],
      ['parameters', expect.stringContaining('Python objects')],
    ])
    expect(mergeArrays([{ fileName: 'f.npz', arrays }]).unreadable).toEqual(arrays.unreadable)
  })

  it('refuse it where there is nothing else', () => {
    refuses(writeNpz({ names: strings }), /names in f\.npz holds strings/)
  })

  it('are named where they are missed', () => {
    const shape = { shape: [1, 1], data: [1] }
    const bytes = (more: Record<string, Uint8Array>) =>
      writeNpz({ X: writeNpy(shape), Y: writeNpy(shape), ...more })
    const options = { activations: ['linear'], loss: 'mean-squared-error' }
    const noTargets = readArrays(writeNpz({ X: writeNpy(shape), Y: strings }), 'f.npz')
    expectFailure(
      () => problemFromArrays(noTargets, options),
      'missing-array',
      /no array Y or y for the targets.*; Y in f\.npz holds strings/,
    )
    const problem = problemFromArrays(readArrays(bytes({ parameters: objects }), 'f.npz'), options)
    return expect(bindProblem(problem)).rejects.toThrow(
      /named as weights are.*; parameters in f\.npz holds Python objects/,
    )
  })
})
