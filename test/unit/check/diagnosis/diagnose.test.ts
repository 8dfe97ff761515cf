import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import manifest from '../../../../package.json' with { type: 'json' }
import { checkGradients } from '../../../../src/check/check-gradients.js'
import type { CheckOptions } from '../../../../src/check/check-options.js'
import { MISTAKE_KINDS, pageOf } from '../../../../src/check/diagnosis/kinds.js'
import type { Finding } from '../../../../src/check/report.js'
import { LAYOUT_NAMES } from '../../../../src/network/layout.js'
import { formatReport } from '../../../../src/report/text.js'
import type { NamedTensors } from '../../../../src/tensor.js'
import { readFixture } from '../../../support/fixtures.js'
import { makeZooCase } from '../../../support/mistake-zoo.js'
import { withChanged } from '../../../support/plant-errors.js'
import { Draws, makeRandomProblem, type RandomNetworkOptions } from '../../../support/random-network.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** 4 → 6 → 5 → 3 */
const OPTIONS: RandomNetworkOptions = {
  seed: 31,
  activations: ['tanh', 'sigmoid', 'linear'],
  loss: 'softmax-cross-entropy',
  widths: [4, 6, 5, 3],
  samples: 7,
}
const usual = makeRandomProblem(OPTIONS)

async function diagnose(
  gradients: NamedTensors,
  { problem } = usual,
  options: CheckOptions = {},
): Promise<readonly Finding[]> {
  return (await checkGradients({ ...problem, gradients }, options)).diagnosis
}

const summaries = (findings: readonly Finding[]) =>
  findings.map(({ kind, tensors, factor }) => `${kind} ${tensors}${factor === undefined ? '' : ` ${factor}`}`)

describe('the published notebook with two bugs', () => {
  it('has exactly two findings: dW2 2 times and db1 4 times too large', async () => {
    for (const method of ['difference', 'textbook'] as const) {
      const { diagnosis } = await checkGradients(readFixture('three-layer-buggy.npz'), { method })
      expect(summaries(diagnosis)).toEqual(['scaled b1 4', 'scaled W2 2'])
      for (const { residual, explained, message } of diagnosis) {
        expect(residual).toBeLessThan(1e-14)
        expect(explained).toBeGreaterThan(1 - 1e-12)
        expect(message).toMatch(/^d\w\d is exactly \d times too large: every entry agrees /)
      }
    }
  })

  it('has them right behind the verdict of the text report, with the page on them', async () => {
    const lines = formatReport(await checkGradients(readFixture('three-layer-buggy.npz'))).split('\n')
    expect(lines[0]).toMatch(/^FAIL/)
    expect(lines[2]).toMatch(/^ {2}found {2}db1 is exactly 4 times too large/)
    expect(lines.filter((line) => line.trim() === 'docs/mistakes/scaled.md')).toHaveLength(1)
    expect(lines.findIndex((line) => line.includes('docs/'))).toBeLessThan(
      lines.findIndex((line) => line.trim().startsWith('difference')),
    )
  })
})

describe('a factor', () => {
  it.each([
    [2, 'scaled W2 2', 'exactly 2 times too large'],
    [0.1, 'scaled W2 0.1', 'exactly 10 times too small'],
    [7, 'not-averaged W2 7', '7 times too large, the number of samples'],
    [3, 'scaled W2 3', '(the number of outputs)'],
    [7 / 6, `scaled W2 ${7 / 6}`, 'm/(m − 1)'],
    [-2, 'scaled W2 -2', 'and of the other sign'],
  ])('%d is named', async (factor, summary, words) => {
    const findings = await diagnose(withChanged(usual.gradients, 'dW2', (g) => factor * g))
    expect(summaries(findings)).toEqual([summary])
    expect(findings[0].message).toContain(words)
  })

  it('that is no known constant is measured', async () => {
    const [finding] = await diagnose(withChanged(usual.gradients, 'dW2', (g) => 1.2345 * g))
    expect(finding.kind).toBe('scaled')
    expect(finding.factor).toBeCloseTo(1.2345, 12)
  })

  it('that may be the number of samples by chance has the other reading mentioned', async () => {
    const pair = makeRandomProblem({ ...OPTIONS, samples: 2 })
    const [finding] = await diagnose(
      withChanged(pair.gradients, 'dW2', (g) => 2 * g),
      pair,
    )
    expect(finding.kind).toBe('not-averaged')
    expect(finding.alternatives).toContain('scaled')
    expect(finding.message).toContain('the same numbers would come from a constant factor (scaled)')
  })

  it.each([
    [4, 3, -4, '(the number of samples)', 'of the other sign'],
    [4, 3, 8, '(2 times the number of samples)', 'too large'],
    [3, 3, 3, 'the number of samples', 'or the number of outputs, which is the same here'],
  ])(
    'with two causes has both named: %d samples, %d outputs, %d times',
    async (samples, outputs, factor, ...words) => {
      const random = makeRandomProblem({ ...OPTIONS, widths: [4, 6, 5, outputs], samples })
      const [finding] = await diagnose(
        withChanged(random.gradients, 'dW2', (g) => factor * g),
        random,
      )
      for (const word of words) expect(finding.message).toContain(word)
    },
  )

  it('of several tensors is one finding', async () => {
    const twice = ['dW1', 'dW2', 'dW3'].reduce(
      (gradients, name) => withChanged(gradients, name, (g) => 2 * g),
      usual.gradients,
    )
    expect(summaries(await diagnose(twice))).toEqual(['scaled W1,W2,W3 2'])
  })
})

describe('places', () => {
  it.each(LAYOUT_NAMES)('are told in the user’s own array: %s', async (layout) => {
    const random = makeRandomProblem({ ...OPTIONS, layout })
    const [rows, columns] = random.gradients.get('dW1')!.shape
    const spoil = (chosen: (i: number, j: number) => boolean) =>
      withChanged(random.gradients, 'dW1', (g, k) =>
        chosen(Math.floor(k / columns), k % columns) ? 3 * g : g,
      )
    const [row] = await diagnose(
      spoil((i) => i === rows - 1),
      random,
    )
    expect(row).toMatchObject({ kind: 'rows', tensors: ['W1'], entries: [[rows - 1]] })
    expect(row.message).toContain(`row ${rows - 1} of dW1 is wrong`)
    expect(row.message).toContain('3 times too large')
    const [column] = await diagnose(
      spoil((_i, j) => j === 1),
      random,
    )
    expect(column).toMatchObject({ kind: 'columns', tensors: ['W1'], entries: [[1]] })
    const [element] = await diagnose(
      spoil((i, j) => i === 2 && j === 3),
      random,
    )
    expect(element).toMatchObject({ kind: 'elements', tensors: ['W1'], entries: [[2, 3]] })
    expect(element.message).toContain('[2, 3]')
  })
})

describe('a mistake that has no name', () => {
  const noise = new Draws(1)
  const noisy = withChanged(usual.gradients, 'dW2', (g) => g * (1 + 0.5 * noise.uniform()))

  it('is not given one, and its pattern is described', async () => {
    const [finding, ...others] = await diagnose(noisy)
    expect(others).toEqual([])
    expect(finding).toMatchObject({ kind: 'unexplained', tensors: ['W2'] })
    expect(finding.message).toMatch(/wrong in 30 of 30 entries.* ratio .* from 1\.\d+ to 1\.\d+/)
    expect(finding.residual).toBeUndefined()
  })

  it('is none the less beside one that has', async () => {
    const both = withChanged(noisy, 'db3', (g) => -g)
    expect(summaries(await diagnose(both))).toEqual(['unexplained W2', 'sign-flipped b3 -1'])
  })

  it('shows a ratio that is constant along rows', async () => {
    const ofRow = new Draws(2).normals(5, 1)
    const [finding] = await diagnose(
      withChanged(usual.gradients, 'dW2', (g, k) => (2 + ofRow[Math.floor(k / 6)]) * g),
    )
    expect(finding.kind).toBe('unexplained')
    expect(finding.message).toContain('the same along each row')
  })

  // a mask on the units of a layer, as dropout makes one, changes every layer before it
  it('in the backward pass is not taken for another', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const draws = new Draws(seed)
      const wrong = ['dW1', 'db1', 'dW2', 'db2'].reduce(
        (gradients, name) => withChanged(gradients, name, (g) => g + 0.1 * draws.normal()),
        usual.gradients,
      )
      expect(new Set((await diagnose(wrong)).map(({ kind }) => kind))).toEqual(new Set(['unexplained']))
    }
  })
})

describe('how well a mistake fits', () => {
  it('has no figure where rounding alone is compared: a bias summed over the classes of a softmax too', async () => {
    const db = usual.gradients.get('db3')!.data
    const total = db.reduce((sum, value) => sum + value, 0)
    const [finding] = await diagnose(withChanged(usual.gradients, 'db3', () => total + 3e-17))
    expect(finding.kind).toBe('bias-summed-wrong')
    expect(finding.message).toContain('to within rounding')
    expect(finding.residual).toBeUndefined()
  })
})

describe('a gradient that nothing explains', () => {
  const noise = new Draws(5)
  const noisy = withChanged(usual.gradients, 'dW1', (g) => g + noise.normal())
  const advice = expect.stringContaining('save the cost')

  it('has the advice to save the cost where none was saved', async () => {
    expect((await checkGradients({ ...usual.problem, gradients: noisy })).notices).toContainEqual(advice)
    const { notices } = await checkGradients({ ...usual.problem, gradients: noisy, cost: usual.cost })
    expect(notices).not.toContainEqual(advice)
  })
})

describe('a sampled check', () => {
  it.each(['activation-derivative-missing', 'transposed', 'sample-dropped', 'scaled'])(
    'names the mistake by the entries it has, and says so: %s',
    async (kind) => {
      for (let number = 0; number < 5; number++) {
        const zoo = makeZooCase(kind, number)
        const total = [...zoo.gradients.values()].reduce((sum, { data }) => sum + data.length, 0)
        const report = await checkGradients(zoo.problem, { sample: Math.ceil(0.7 * total) })
        expect(report.parameters.checked).toBeLessThan(total)
        expect(report.diagnosis.map((finding) => finding.kind)).toEqual([kind])
        expect(report.diagnosis[0].message).toMatch(/\(judged by \d+ of \d+ entries\)/)
      }
    },
  )
})

describe('a coarse numerical gradient', () => {
  it('of forward differences or a large step does not blur the diagnosis', async () => {
    const wrong = withChanged(usual.gradients, 'dW2', (g) => 2 * g)
    for (const options of [{ scheme: 'forward' }, { step: 1e-3 }] as const) {
      expect(summaries(await diagnose(wrong, usual, options))).toEqual(['scaled W2 2'])
    }
  })
})

describe('the pages on mistakes', () => {
  const index = readFileSync(`${root}docs/mistakes/README.md`, 'utf8')

  it.each(MISTAKE_KINDS)('there is one, and it is listed: %s', (kind) => {
    const page = readFileSync(root + pageOf(kind), 'utf8')
    expect(page).toMatch(new RegExp(`^# .+\n\n\`${kind}\`: `))
    if (kind !== 'unexplained')
      expect(page).toMatch(/# right\n[\s\S]+# wrong\n[\s\S]+How it shows[\s\S]+How to mend it/)
    expect(index).toContain(`(${kind}.md)`)
  })

  it('link to pages that are there, are no others, and travel with the package', () => {
    const files = readdirSync(`${root}docs/mistakes`)
    const kinds = [...MISTAKE_KINDS, 'located', 'README']
    expect(files.sort()).toEqual(kinds.map((kind) => `${kind}.md`).sort())
    for (const file of files) {
      for (const [, target] of readFileSync(`${root}docs/mistakes/${file}`, 'utf8').matchAll(
        /\]\(([^)]+)\)/g,
      )) {
        expect(existsSync(`${root}docs/mistakes/${target}`), `${file}: ${target}`).toBe(true)
      }
    }
    expect(manifest.files).toContain('docs')
  })
})
