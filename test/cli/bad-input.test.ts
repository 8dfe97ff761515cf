import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type ArrayLike64,
  writeNpy,
  writeNpyParts,
  writeNpz,
  writeSafetensorsParts,
} from '../support/array-files.js'
import { runCli } from '../support/run-cli.js'
import { fixturePath, readFixture, TemporaryFolder } from '../support/temporary-files.js'

const folder = new TemporaryFolder()
const NETWORK = ['--activations', 'relu,relu,sigmoid', '--loss', 'binary-cross-entropy']
const THREE_LAYER = fixturePath('three-layer.npz')

/** A copy of three-layer.npz in which the arrays given here replace its own; undefined leaves one out. */
function writeChanged(name: string, changes: Readonly<Record<string, ArrayLike64 | undefined>>): string {
  const arrays = readFixture('three-layer.npz')
  for (const [key, array] of Object.entries(changes)) {
    if (array === undefined) arrays.delete(key)
    else arrays.set(key, array)
  }
  return folder.writeArrays(name, arrays)
}

/** An array of three-layer.npz with one element replaced. */
function withElement(name: string, at: number, value: number): ArrayLike64 {
  const array = readFixture('three-layer.npz').get(name)!
  return { shape: array.shape, data: Array.from(array.data, (element, i) => (i === at ? value : element)) }
}

const zeros = (...shape: number[]): ArrayLike64 => ({
  shape,
  data: new Float64Array(shape.reduce((product, length) => product * length, 1)),
})

const threeLayerBytes = readFileSync(THREE_LAYER)

/** What is wrong, the command's arguments, and what the message must name. */
const CASES: [string, () => string[], (string | RegExp)[]][] = [
  ['a missing file', () => ['nowhere/missing.npz', ...NETWORK], ['nowhere/missing.npz']],
  ['a directory', () => [folder.path, ...NETWORK], [folder.path, 'directory']],
  ['an empty file', () => [folder.write('empty.npz', ''), ...NETWORK], ['empty.npz']],
  [
    'a truncated file',
    () => [folder.write('truncated.npz', threeLayerBytes.subarray(0, 3000)), ...NETWORK],
    ['truncated.npz'],
  ],
  ['a file that is no zip', () => [folder.write('text.npz', 'W1,b1\n1,2\n'), ...NETWORK], ['text.npz']],
  [
    'a damaged file',
    () => {
      const bytes = Uint8Array.from(threeLayerBytes)
      bytes.fill(0x55, 1000, 1040)
      return [folder.write('damaged.npz', bytes), ...NETWORK]
    },
    ['damaged.npz'],
  ],
  [
    'an array of Python objects',
    () => {
      const header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
      const objects = writeNpyParts(header, Uint8Array.of(0x80, 4, 0x2e))
      return [folder.write('objects.npz', writeNpz({ W1: objects })), ...NETWORK]
    },
    ['W1', 'objects'],
  ],
  [
    'an array larger than its file',
    () => {
      const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"
      return [
        folder.write('huge.npz', writeNpz({ W1: writeNpyParts(header, new Uint8Array(64)) })),
        ...NETWORK,
      ]
    },
    ['W1'],
  ],
  [
    'a member larger than its file',
    () => {
      const npy = writeNpy(zeros(2, 2))
      const bytes = writeNpz({ W1: npy }, { compressed: true, declare: { size: 2 ** 31 } })
      return [folder.write('bomb.npz', bytes), ...NETWORK]
    },
    ['bomb.npz'],
  ],
  [
    'a safetensors file that ends before its tensors',
    () => {
      const header = '{"W1":{"dtype":"F64","shape":[5,4],"data_offsets":[0,160]}}'
      return [
        folder.write('short.safetensors', writeSafetensorsParts(header, new Uint8Array(80))),
        ...NETWORK,
      ]
    },
    ['short.safetensors'],
  ],
  ['no inputs', () => [writeChanged('no-x.npz', { X: undefined }), ...NETWORK], ['array X', '--inputs']],
  ['no targets', () => [writeChanged('no-y.npz', { Y: undefined }), ...NETWORK], ['array Y', '--targets']],
  ['no weights of a layer', () => [writeChanged('no-w2.npz', { W2: undefined }), ...NETWORK], ['W2']],
  ['no gradient of a parameter', () => [writeChanged('no-dw2.npz', { dW2: undefined }), ...NETWORK], ['dW2']],
  [
    'weights of the wrong shape',
    () => [writeChanged('w2.npz', { W2: zeros(3, 4) }), ...NETWORK],
    ['W2', '(3, 4)', /5/],
  ],
  [
    'biases of the wrong shape',
    () => [writeChanged('b2.npz', { b2: zeros(4, 1) }), ...NETWORK],
    ['b2', '(4, 1)', /3/],
  ],
  [
    'a gradient of the wrong shape',
    () => [writeChanged('dw1.npz', { dW1: zeros(4, 5) }), ...NETWORK],
    ['dW1', '(4, 5)', '(5, 4)'],
  ],
  [
    'targets of another number of samples',
    () => [writeChanged('y.npz', { Y: zeros(1, 4) }), ...NETWORK],
    ['Y', '(1, 4)', /3/],
  ],
  [
    'an empty batch',
    () => [writeChanged('none.npz', { X: zeros(4, 0), Y: zeros(1, 0) }), ...NETWORK],
    ['X', '(4, 0)'],
  ],
  [
    'NaN in a parameter',
    () => [writeChanged('nan.npz', { W2: withElement('W2', 7, Number.NaN) }), ...NETWORK],
    ['W2', 'NaN'],
  ],
  [
    'infinity in the data',
    () => [writeChanged('inf.npz', { X: withElement('X', 2, Infinity) }), ...NETWORK],
    ['X', 'Infinity'],
  ],
  [
    'NaN in the gradient',
    () => [writeChanged('dnan.npz', { dW1: withElement('dW1', 0, Number.NaN) }), ...NETWORK],
    ['dW1', 'NaN'],
  ],
  [
    'targets outside their range',
    () => [writeChanged('range.npz', { Y: withElement('Y', 1, 2) }), ...NETWORK],
    ['Y', '2'],
  ],
  [
    'too few activations',
    () => [THREE_LAYER, '--activations', 'relu,sigmoid', '--loss', 'binary-cross-entropy'],
    [/2 activations/, /3 layers/],
  ],
  [
    'too many activations',
    () => [THREE_LAYER, '--activations', 'relu,relu,relu,sigmoid', '--loss', 'binary-cross-entropy'],
    [/4 activations/, /3 layers/],
  ],
  [
    'a loss that does not fit the last activation',
    () => [THREE_LAYER, '--activations', 'relu,relu,tanh', '--loss', 'binary-cross-entropy'],
    ['binary-cross-entropy', 'sigmoid', 'tanh'],
  ],
  [
    'softmax on a sigmoid',
    () => [THREE_LAYER, '--activations', 'relu,relu,sigmoid', '--loss', 'softmax-cross-entropy'],
    ['softmax-cross-entropy', 'linear', 'sigmoid'],
  ],
  [
    'an unknown activation',
    () => [THREE_LAYER, '--activations', 'relu,relu,sigmoïd', '--loss', 'binary-cross-entropy'],
    ['did you mean "sigmoid"?'],
  ],
  [
    'an unknown option',
    () => [THREE_LAYER, ...NETWORK, '--tolerence', '1e-6'],
    ['--tolerence', 'did you mean "--tolerance"?'],
  ],
  [
    'two files that disagree',
    () => [THREE_LAYER, writeChanged('other.npz', { W1: zeros(5, 4) }), ...NETWORK],
    ['three-layer.npz', 'other.npz', 'W1'],
  ],
  [
    'a targets array called __proto__',
    () => [THREE_LAYER, ...NETWORK, '--targets', '__proto__'],
    ['__proto__'],
  ],
  ['inputs called constructor', () => [THREE_LAYER, ...NETWORK, '--inputs', 'constructor'], ['constructor']],
]

describe('bad input ends with status 2, a message that names it, and nothing else', () => {
  it.each(CASES)('%s', async (_, prepare, named) => {
    const { status, stdout, stderr } = await runCli(['check', ...prepare(), '--device', 'cpu'])
    const message = stderr.replace(/^device: .*\n/, '')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(message).toMatch(/^gradcheck: .+\n( {2}fix: .+\n)?$/)
    for (const part of named) expect(message).toMatch(part)
    expect(stderr).not.toContain('    at ')
    expect(stderr).not.toContain('bug in gradcheck')
  })
})

describe('arrays that do not fit', () => {
  const transpose = ({ shape: [rows, columns], data }: ArrayLike64): ArrayLike64 => ({
    shape: [columns, rows],
    data: Array.from({ length: data.length }, (_, k) => data[(k % rows) * columns + Math.floor(k / rows)]),
  })
  const rows = () =>
    folder.writeArrays(
      'rows.npz',
      new Map([...readFixture('three-layer.npz')].map(([name, array]) => [name, transpose(array)])),
    )

  it('are refused before a device is opened, with the layout that they fit', async () => {
    const { status, stderr } = await runCli(['check', rows(), ...NETWORK, '--device', 'cpu'])
    expect(status).toBe(2)
    expect(stderr).toContain('fix: declare --layout rows: the arrays fit that')
    expect(stderr).not.toContain('device:')
  })

  it('fit the layout that is proposed', async () => {
    const result = await runCli(['check', rows(), ...NETWORK, '--device', 'cpu', '--layout', 'rows'])
    expect(result.status, result.stderr).toBe(0)
  })
})

describe('names from files', () => {
  it('cannot send escapes to the terminal by an error message', async () => {
    const arrays = readFixture('three-layer.npz')
    arrays.delete('X')
    const path = folder.writeArrays('evil.npz', new Map([['\x1b[2J\x07evil', zeros(1)], ...arrays]))
    const { status, stderr } = await runCli(['check', path, ...NETWORK, '--device', 'cpu'])
    expect(status).toBe(2)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for control characters is the purpose
    expect(stderr.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    expect(stderr).toContain('\\x1b[2J')
  })

  it('may be __proto__ like any other', async () => {
    const arrays = readFixture('three-layer.npz')
    arrays.set('__proto__', arrays.get('X')!)
    arrays.delete('X')
    const path = folder.writeArrays('proto.npz', arrays)
    const { status, stderr } = await runCli([
      'check',
      path,
      ...NETWORK,
      '--inputs',
      '__proto__',
      '--device',
      'cpu',
    ])
    expect(status, stderr).toBe(0)
  })
})
