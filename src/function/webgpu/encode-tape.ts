import type { Tape } from '../tape.js'

/** Words of an instruction in shaders/function.wesl. */
const WORDS = 3

/** A tape's instructions as shaders/function.wesl reads them. */
export function encodeTape({ instructions }: Tape): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(WORDS * instructions.length)
  const numbers = new Float32Array(words.buffer)
  for (const [k, { code, operands, register, variable, parameter }] of instructions.entries()) {
    const registers = operands.map((operand) => instructions[operand].register)
    words[WORDS * k] = registers.reduce((word, of, j) => word | (of << (8 * (j + 1))), code)
    words[WORDS * k + 1] = register | (Math.max(variable, 0) << 16)
    numbers[WORDS * k + 2] = parameter
  }
  return words
}
