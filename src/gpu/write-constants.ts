import { GradcheckError } from '../errors.js'

/** `override NAME: type;`, or with a default. */
const DECLARATION = /\boverride\s+(\w+)\s*:\s*(bool|u32|i32|f32)\s*(?:=([^;]*))?;/g

/**
 * Writes the values of a shader's `override` declarations into its text, as constants. What constants make
 * unreachable a compiler drops before it inlines functions; behind an `override` SwiftShader inlines it all, and
 * takes up to fourteen times as long.
 * @throws GradcheckError `internal` for a value without a declaration, or a declaration without a value
 */
export function writeConstants(label: string, code: string, constants: Record<string, number>): string {
  const unused = new Set(Object.keys(constants))
  const written = code.replace(DECLARATION, (_, name: string, type: string, standard?: string) => {
    unused.delete(name)
    const value = name in constants ? literal(type, constants[name]) : standard?.trim()
    if (value === undefined) {
      throw new GradcheckError('internal', `the shader ${label} needs a value for ${name}`)
    }
    return `const ${name}: ${type} = ${value};`
  })
  if (unused.size > 0) {
    throw new GradcheckError('internal', `the shader ${label} has no constant ${[...unused].join(', ')}`)
  }
  return written
}

function literal(type: string, value: number): string {
  return type === 'bool' ? String(value !== 0) : `${type}(${value})`
}
