/** The numbers by which shaders know what the host names: a name's place in the host's list. */
export type Codes<Name extends string = string> = Readonly<Record<Name, number>>

export function numberNames<const Names extends readonly string[]>(names: Names): Codes<Names[number]> {
  return Object.fromEntries(names.map((name, code) => [name, code])) as Codes<Names[number]>
}

/** A shader module with a constant for each: `const LEAKY_RELU = 1u;`. */
export const writeCodes = (codes: Codes): string =>
  Object.entries(codes)
    .map(([name, code]) => `const ${name.toUpperCase().replaceAll('-', '_')} = ${code}u;\n`)
    .join('')
