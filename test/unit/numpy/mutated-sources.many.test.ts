import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { GradcheckError } from '../../../src/errors.js'
import { traceForward } from '../../../src/numpy/load-forward.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { tensor } from '../../../src/tensor.js'
import { howMany, numbersOf } from '../../support/how-many.js'
import { Draws } from '../../support/random-network.js'

interface NumpyCase {
  readonly source: string
  readonly arrays: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>
  readonly gradients: Readonly<Record<string, number[]>>
}

const CASES: readonly NumpyCase[] = JSON.parse(
  readFileSync(new URL('../../fixtures/forward-numpy.json', import.meta.url), 'utf8'),
)

/** A source with one token dropped, doubled or swapped with the next, or cut off after it. */
function mutate(source: string, draws: Draws): string {
  const tokens = source.match(/\w+|[ \t]+|\n|[^\w\s]/g)!
  const at = draws.below(tokens.length - 1)
  const [here, next] = [tokens[at], tokens[at + 1]]
  const kind = draws.below(4)
  if (kind === 3) return tokens.slice(0, at + 1).join('')
  const put = [[next], [here, here, next], [next, here]][kind]
  return [...tokens.slice(0, at), ...put, ...tokens.slice(at + 2)].join('')
}

/** What Python makes of each source: its loss, or null where it raises an error or gives no finite number. */
const PYTHON = `
import json, signal, sys, warnings
import numpy as np
warnings.filterwarnings("ignore")
def stop(*told): raise TimeoutError
signal.signal(signal.SIGALRM, stop)
for line in sys.stdin:
    of = json.loads(line)
    arrays = {k: np.array(v["data"]).reshape(v["shape"]) for k, v in of["arrays"].items()}
    signal.alarm(5)
    try:
        space = {"np": np, "print": lambda *told: None}
        exec(of["source"], space)
        loss = float(np.asarray(space["f"](**arrays)).reshape(()))
        print(json.dumps(loss if np.isfinite(loss) else None))
    except BaseException:
        print("null")
    signal.alarm(0)
`

it('a mutated source is refused or has the loss that Python finds, in seconds', async () => {
  const draws = new Draws(71)
  const slow: { source: string; time: number }[] = []
  const traced: { source: string; loss: number; of: NumpyCase }[] = []
  for (const k of numbersOf(howMany(300, 5000))) {
    const of = CASES[k % CASES.length]
    const source = mutate(of.source, draws)
    const all = new Map(Object.entries(of.arrays).map(([name, a]) => [name, tensor(a.data, a.shape)]))
    for (const [name, slopes] of Object.entries(of.gradients))
      all.set(`d${name}`, tensor(slopes, of.arrays[name].shape))
    const start = performance.now()
    try {
      const { program, parameters } = await traceForward({
        sources: { 'model.py': source },
        entry: 'f',
        arrays: all,
      })
      const listed = program.build(new Map())
      const loss = bindProgram(listed, parameters).base[listed.output][0]
      if (Number.isFinite(loss)) traced.push({ source, loss, of })
    } catch (error) {
      if (!(error instanceof GradcheckError)) throw new Error(`a crash of\n${source}`, { cause: error })
    }
    const time = performance.now() - start
    if (time > 5000) slow.push({ source, time })
  }
  expect(traced.length).toBeGreaterThan(20)
  // the comparison is for machines that have NumPy
  if (spawnSync('python3', ['-c', 'import numpy']).status !== 0) return
  const input = traced.map(({ source, of }) => JSON.stringify({ source, arrays: of.arrays })).join('\n')
  const python = spawnSync('python3', ['-c', PYTHON], { input, encoding: 'utf8', maxBuffer: 1e8 })
  expect(python).toMatchObject({ status: 0 })
  const expected: (number | null)[] = python.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const differing = traced.flatMap(({ source, loss }, k) => {
    const known = expected[k]
    return known !== null && Math.abs(known - loss) > 1e-9 * (1 + Math.abs(known))
      ? [{ source, loss, known }]
      : []
  })
  expect({ differing, slow }).toEqual({ differing: [], slow: [] })
}, 600_000)
