import { expect, it } from 'vitest'
import { GradcheckError } from '../../../src/errors.js'
import { writeConstants } from '../../../src/gpu/write-constants.js'

const SHADER = `override COUNT: u32;
override IS_WIDE: bool = false;
override SIZE: u32 = 64;
override USES_BOTH: bool =
  IS_WIDE & (COUNT > 1u);
override RATE: f32;
@compute @workgroup_size(SIZE) fn main() {}
`

it('turns override declarations into constants, with their values, defaults and expressions', () => {
  expect(writeConstants('a', SHADER, { COUNT: 3, IS_WIDE: 1, RATE: 0.5 })).toBe(`const COUNT: u32 = u32(3);
const IS_WIDE: bool = true;
const SIZE: u32 = 64;
const USES_BOTH: bool = IS_WIDE & (COUNT > 1u);
const RATE: f32 = f32(0.5);
@compute @workgroup_size(SIZE) fn main() {}
`)
})

it.each([
  ['a value is missing', { COUNT: 3 }, 'the shader a needs a value for RATE'],
  ['a value has no declaration', { COUNT: 3, RATE: 1, RATES: 1, OTHER: 0 }, 'has no constant RATES, OTHER'],
])('is an internal error where %s', (_, constants, message) => {
  const write = () => writeConstants('a', SHADER, constants)
  expect(write).toThrow(GradcheckError)
  expect(write).toThrow(message)
})
