/**
 * The numbers by which shaders know what the host names. `scripts/wesl-plugin.ts` makes a module of constants of every
 * list, `package::activation_codes::LEAKY_RELU`: a number stands nowhere else.
 */
function numbered<const Names extends readonly string[]>(
  names: Names,
): Readonly<Record<Names[number], number>> {
  return Object.fromEntries(names.map((name, code) => [name, code])) as Record<Names[number], number>
}

export const ACTIVATION_CODES = numbered([
  'linear',
  'relu',
  'leaky-relu',
  'elu',
  'selu',
  'sigmoid',
  'tanh',
  'softplus',
  'softsign',
  'silu',
  'gelu',
  'gelu-tanh',
  'gelu-sigmoid',
])

export const LOSS_CODES = numbered(['binary-cross-entropy', 'softmax-cross-entropy', 'squared-error'])

/** Instructions of formulas: what is no operation, then the rules of shaders/function_rules.wesl. */
export const INSTRUCTION_CODES = numbered([
  'number',
  'variable',
  'add',
  'subtract',
  'negate',
  'multiply',
  'divide',
  'integer-power',
  'real-power',
  'power',
  'exp',
  'log',
  'sqrt',
  'sin',
  'tan',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'sigmoid',
  'softplus',
  'relu',
  'abs',
  'sign',
  'step',
  'min',
  'max',
  'select',
])

/** The modules by their names. */
const MODULES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  activation_codes: ACTIVATION_CODES,
  loss_codes: LOSS_CODES,
  instruction_codes: INSTRUCTION_CODES,
}

/** The text of each module. */
export function writeCodeModules(): Map<string, string> {
  return new Map(
    Object.entries(MODULES).map(([module, codes]) => [
      module,
      Object.entries(codes)
        .map(([name, code]) => `const ${name.toUpperCase().replaceAll('-', '_')} = ${code}u;\n`)
        .join(''),
    ]),
  )
}
