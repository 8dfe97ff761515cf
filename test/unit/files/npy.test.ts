import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ErrorCode, GradcheckError } from '../../../src/errors.js'
import { bfloat16ToNumber, float16ToNumber } from '../../../src/files/half-precision.js'
import { readNpy } from '../../../src/files/npy.js'
import { concatenate, writeNpy, writeNpyParts } from '../../support/array-files.js'
import { expectFailure } from '../../support/expect-failure.js'

const NO_BYTES = new Uint8Array(0)

function headerOf(descr: string, fortranOrder: string, shape: string): string {
  return `{'descr': ${descr}, 'fortran_order': ${fortranOrder}, 'shape': ${shape}, }`
}

function refuses(bytes: Uint8Array, message: RegExp, code: ErrorCode = 'bad-file') {
  expectFailure(() => readNpy(bytes, 'W1'), code, message)
}

describe('the elements of a .npy file', () => {
  const integers = [
    ['i1', 'int8', [-128, 127]],
    ['i2', 'int16', [-32768, 32767]],
    ['i4', 'int32', [-(2 ** 31), 2 ** 31 - 1]],
    ['i8', 'int64', [-(2 ** 53), 2 ** 62]],
    ['u1', 'uint8', [0, 255]],
    ['u2', 'uint16', [0, 65535]],
    ['u4', 'uint32', [0, 2 ** 32 - 1]],
    ['u8', 'uint64', [0, 2 ** 63]],
    ['f4', 'float32', [Math.fround(0.1), -Infinity]],
    ['f8', 'float64', [0.1, 5e-324]],
  ] as const
  for (const order of ['<', '>']) {
    it.each(integers)(`of type ${order}%s are read as %s`, (type, dtype, data) => {
      const tensor = readNpy(writeNpy({ shape: [2], data }, { descr: order + type }), 'W1')
      expect(tensor).toEqual({ shape: [2], data: Float64Array.from(data), dtype })
    })
  }

  it.each(['|b1', 'b1', '?', '|?'])('of type %s are 0 and 1', (descr) => {
    const header = headerOf(`'${descr}'`, 'False', '(3,)')
    const tensor = readNpy(writeNpyParts(header, Uint8Array.of(0, 1, 255)), 'mask')
    expect(tensor).toEqual({ shape: [3], data: Float64Array.of(0, 1, 1), dtype: 'bool' })
  })

  it.each(['<f2', '>f2'])('of type %s are read from their 16 bits', (descr) => {
    const tensor = readNpy(writeNpy({ shape: [3], data: [0x3c00, 0xfbff, 0x0001] }, { descr }), 'W1')
    expect(tensor).toEqual({ shape: [3], data: Float64Array.of(1, -65504, 2 ** -24), dtype: 'float16' })
  })

  it('are the same in versions 1.0, 2.0 and 3.0', () => {
    const array = { shape: [2, 2], data: [1, 2, 3, 4] }
    const [first, ...others] = ([1, 2, 3] as const).map((version) =>
      readNpy(writeNpy(array, { version }), 'W1'),
    )
    expect(others).toEqual([first, first])
  })

  it('come in C order from a Fortran file of any shape', () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 })
    fc.assert(
      fc.property(shapes, (shape) => {
        const count = shape.reduce((product, length) => product * length, 1)
        const array = { shape, data: Array.from({ length: count }, (_, i) => i) }
        const tensor = readNpy(writeNpy(array, { fortranOrder: true }), 'W1')
        expect([...tensor.data]).toEqual(array.data)
        expect(tensor.shape).toEqual(shape)
      }),
    )
  })

  it('may begin at any alignment', () => {
    const npy = writeNpy({ shape: [2], data: [0.1, 0.2] })
    for (let shift = 0; shift < 8; shift++) {
      const shifted = concatenate([new Uint8Array(shift), npy]).subarray(shift)
      expect([...readNpy(shifted, 'W1').data]).toEqual([0.1, 0.2])
    }
  })

  it('are one for a scalar and none for an empty array', () => {
    expect(readNpy(writeNpy({ shape: [], data: [3] }), 'cost')).toMatchObject({ shape: [] })
    expect(readNpy(writeNpy({ shape: [0, 3], data: [] }), 'W1')).toMatchObject({ shape: [0, 3] })
  })

  it.each([
    ['<i8', 2n ** 53n + 1n],
    ['<i8', -(2n ** 63n) + 1n],
    ['>u8', 2n ** 64n - 1n],
  ])('of type %s that float64 cannot hold are refused: %s', (descr, value) => {
    const npy = writeNpy({ shape: [2], data: [0n, value] }, { descr })
    refuses(npy, new RegExp(`W1 holds ${value}, which float64 cannot hold`), 'bad-value')
  })
})

describe('half precision', () => {
  it('gives every float16 the value that widening its bits to float32 gives', () => {
    const float = new Float32Array(1)
    const word = new Uint32Array(float.buffer)
    for (let bits = 0; bits < 65536; bits++) {
      const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023]
      const widened = exponent === 31 ? 255 : exponent + 112
      word[0] = ((sign << 31) | (widened << 23) | (fraction << 13)) >>> 0
      const expected = exponent === 0 ? (sign ? -1 : 1) * fraction * 2 ** -24 : float[0]
      if (!Object.is(float16ToNumber(bits), expected)) expect(float16ToNumber(bits)).toBe(expected)
    }
  })

  it('gives every bfloat16 the value of the float32 whose upper half it is', () => {
    const float = new Float32Array(1)
    const word = new Uint32Array(float.buffer)
    for (let bits = 0; bits < 65536; bits++) {
      word[0] = bits * 65536
      if (!Object.is(bfloat16ToNumber(bits), float[0])) expect(bfloat16ToNumber(bits)).toBe(float[0])
    }
  })
})

describe('the header of a .npy file', () => {
  const numbers = new Uint8Array(48)

  it.each([
    `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`,
    `{"shape":(2,3),"fortran_order":False,"descr":"<f8"}`,
    `{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L)}`,
    ` { 'shape' : ( 2 , 3 , ) , 'descr' : '=f8' , 'fortran_order' : False , } `,
  ])('may be written as Python may write it: %s', (header) => {
    expect(readNpy(writeNpyParts(header, numbers), 'W1').shape).toEqual([2, 3])
  })

  it.each([
    ['', /no dictionary/],
    ['[]', /no dictionary/],
    ['{', /no "'key': value"/],
    ['{}', /no "'key': value"/],
    [`{'descr': '<f8', 'fortran_order': False, }`, /no 'shape'/],
    [`{'descr': '<f8', 'shape': (6,), }`, /no 'fortran_order'/],
    [`{'fortran_order': False, 'shape': (6,), }`, /no 'descr'/],
    [`{'descr': '<f8', 'fortran_order': False, 'shape': (6,)`, /no "'key': value"/],
    [`{'descr': '<f8', 'fortran_order': False, 'shape': (6,), } x`, /text behind/],
    [`{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (6,)}`, /'descr' twice/],
    [`{'descr': '<f8', 'fortran_order': False, 'shape': (6,), 'extra': 'x'}`, /unknown key 'extra'/],
    [`{'descr': '<f8', 'fortran_order': False, '__proto__': (6,)}`, /unknown key '__proto__'/],
    [`{descr: '<f8', 'fortran_order': False, 'shape': (6,)}`, /no "'key': value"/],
    [headerOf(`'<f8'`, 'False', '(6)'), /not a tuple/],
    [headerOf(`'<f8'`, 'False', '(-6,)'), /not a tuple/],
    [headerOf(`'<f8'`, 'False', '(6.0,)'), /not a tuple/],
    [headerOf(`'<f8'`, 'False', '(,)'), /not a tuple/],
    [headerOf(`'<f8'`, 'False', 'True'), /not a tuple/],
    [headerOf(`'<f8'`, `'False'`, '(6,)'), /not True or False/],
    [headerOf('True', 'False', '(6,)'), /unknown type/],
    [headerOf(`'<f8'`, 'False', `(${'1, '.repeat(65)})`), /65 dimensions/],
  ])('is refused where it is malformed: %s', (header, message) => {
    refuses(writeNpyParts(header, numbers), message)
  })

  it('is not quoted at length', () => {
    const header = headerOf(`'<f8'`, 'False', `(${'1, '.repeat(1e5)}x)`)
    const error = expectFailure(() => readNpy(writeNpyParts(header, numbers, 2), 'W1'), 'bad-file', /not a/)
    expect(error.message.length).toBeLessThan(600)
  })

  it('is refused in an unknown version', () => {
    for (const version of [0, 4, 255]) {
      refuses(writeNpyParts(headerOf(`'<f8'`, 'False', '(6,)'), numbers, version), /of version/)
    }
  })

  it.each([
    [`'|O'`, /Python objects/],
    [`'O'`, /Python objects/],
    [`'<U5'`, /strings/],
    [`'|S3'`, /strings/],
    [`'<c16'`, /complex numbers/],
    [`'<f16'`, /size that is not portable/],
    [`'<M8[ns]'`, /dates or durations/],
    [`'|V2'`, /raw bytes/],
    [`'<f3'`, /floating-point numbers of a size/],
    [`''`, /unknown type/],
    [`[('a', '<f8', (2, 3)), ('b', [('c', '<i4')])]`, /structured dtype/],
    ['[ ]', /structured dtype/],
  ])('is refused for elements that are not real numbers: %s', (descr, message) => {
    refuses(writeNpyParts(headerOf(descr, 'False', '(2,)'), numbers), message)
  })

  it('says what to do about an array of objects that NumPy pickled', () => {
    const bytes = readFileSync('test/fixtures/files/object.npy')
    const error = expectFailure(() => readNpy(bytes, 'cache'), 'bad-file', /cache holds Python objects/)
    expect(error.fix).toContain('np.savez(f, **parameters, **gradients)')
  })
})

describe('the length of a .npy file', () => {
  it('must be what the shape says', () => {
    const npy = writeNpy({ shape: [2, 3], data: [1, 2, 3, 4, 5, 6] })
    refuses(npy.subarray(0, -1), /truncated: float64 of shape \(2, 3\) takes 48 bytes, 47 are there/)
    refuses(concatenate([npy, [0]]), /left over: float64 of shape \(2, 3\) takes 48 bytes, 49 are there/)
  })

  it.each([
    '(1000000000000000000,)',
    '(3000000000, 3000000000)',
    '(9007199254740993,)',
    `(${'9'.repeat(400)},)`,
  ])('is not taken from an absurd shape: %s', (shape) => {
    refuses(writeNpyParts(headerOf(`'<f8'`, 'False', shape), NO_BYTES), /more elements than any file/)
  })

  it('is compared before anything of that size is made', () => {
    refuses(writeNpyParts(headerOf(`'|u1'`, 'False', '(9007199254740991,)'), NO_BYTES), /truncated/)
    refuses(writeNpyParts(headerOf(`'<f8'`, 'True', '(100000, 100000)'), NO_BYTES), /truncated/)
  })

  it('is refused for every truncation', () => {
    for (const version of [1, 2, 3] as const) {
      const npy = writeNpy({ shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }, { version })
      for (let length = 0; length < npy.length; length++) {
        expect(() => readNpy(npy.subarray(0, length), 'W1'), `${length} bytes`).toThrow(GradcheckError)
      }
    }
  })
})

it('a .npy file with any one byte changed is read or refused with a GradcheckError', () => {
  const npy = writeNpy({ shape: [2, 2], data: [1, 2, 3, 4] }, { descr: '<i8' })
  for (let at = 0; at < npy.length; at++) {
    for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
      const changed = npy.slice()
      changed[at] ^= flip
      try {
        readNpy(changed, 'W1')
      } catch (error) {
        expect(error).toBeInstanceOf(GradcheckError)
      }
    }
  }
})
