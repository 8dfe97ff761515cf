import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Problem } from '../../src/check/problem.js'
import { problemFromArrays } from '../../src/check/problem-from-arrays.js'
import { readArrays } from '../../src/files/read-arrays.js'

/** What `expected.json` says of a file: its network, and what a check of it must show. */
export interface ExpectedCase {
  readonly activations: string[]
  readonly loss: string
  readonly layout: string
  readonly l2?: number
  readonly targets?: string
  readonly cost?: number
  readonly verdict: 'pass' | 'fail'
  readonly gradient_precision?: 'float32'
}

const folder = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** The saved gradients of other programs: NumPy notebooks, PyTorch, scikit-learn. */
export const FIXTURES = Object.entries(
  JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Record<string, ExpectedCase>,
)

export function readFixture(file: string): Problem {
  const expected = FIXTURES.find(([name]) => name === file)?.[1]
  if (expected === undefined) throw new Error(`expected.json does not know ${file}`)
  const { activations, loss, layout, l2, targets } = expected
  return problemFromArrays(readArrays(readFileSync(folder + file), file), {
    activations,
    loss,
    layout,
    ...(l2 === undefined ? {} : { l2 }),
    ...(targets === undefined ? {} : { targets }),
  })
}
