/**
 * How many instances a test draws: `some` in `npm test`, `all` in `npm run test:long`, or what GRADCHECK_INSTANCES says.
 * In a browser, which has no environment, always `some`. Tests that call this are in files `*.many.test.ts`: those are what the long run repeats.
 */
export function howMany(some: number, all: number): number {
  const { GRADCHECK_INSTANCES: asked, LONG_TESTS: long } = globalThis.process?.env ?? {}
  return asked === undefined ? (long === undefined ? some : all) : Number(asked)
}

/** The numbers of the instances, from 0. */
export const numbersOf = (count: number): number[] => Array.from({ length: count }, (_, number) => number)

/** `count` of a list, at equal distances, the first among them. */
export const spread = <T>(list: readonly T[], count: number): T[] =>
  numbersOf(Math.min(count, list.length)).map(
    (k) => list[Math.floor((k * list.length) / Math.min(count, list.length))],
  )
