import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import { MISTAKE_KINDS } from '../../../../src/check/diagnosis/kinds.js'
import type { Finding } from '../../../../src/check/report.js'
import { MISTAKE_CLASSES, MISTAKE_PAIRS } from '../../../support/mistake-classes.js'
import {
  makeDoubleCase,
  makeRightCase,
  makeZooCase,
  ZOO_KINDS,
  type ZooCase,
  type ZooOptions,
} from '../../../support/mistake-zoo.js'

/** Cases of each kind. */
const CASES = 16

/** What a zoo's diagnoses come to. */
interface Score {
  cases: number
  /** The right kind came first. */
  kinds: number
  /** And with the right tensors and layer, and as the only finding. */
  places: number
  readonly misses: string[]
}

const newScore = (): Score => ({ cases: 0, kinds: 0, places: 0, misses: [] })

function addToScore(
  score: Score,
  zoo: ZooCase,
  findings: readonly Finding[],
  accepted: readonly string[],
  mayBeAlternative: boolean,
): void {
  const [first] = findings
  const told = [first?.kind, ...(mayBeAlternative ? (first?.alternatives ?? []) : [])]
  const isKind = told.some((kind) => kind !== undefined && accepted.includes(kind))
  const isPlace =
    isKind &&
    findings.length === 1 &&
    String(first.tensors) === String(zoo.tensors) &&
    (first.kind !== zoo.kind || zoo.layer === undefined || first.layer === zoo.layer)
  score.cases++
  if (isKind) score.kinds++
  if (isPlace) score.places++
  else {
    const found = findings.map(({ kind, tensors, layer }) => `${kind} ${tensors} ${layer ?? ''}`)
    score.misses.push(
      `${zoo.kind}, ${zoo.variant}, ${zoo.tensors} ${zoo.layer ?? ''}: found ${found.join('; ')}`,
    )
  }
}

async function scoreZoo(
  kind: string,
  cases: number,
  options: ZooOptions,
  accept: (zoo: ZooCase) => readonly string[],
): Promise<Score> {
  const score = newScore()
  for (let number = 0; number < cases; number++) {
    const zoo = makeZooCase(kind, number, options)
    const report = await checkGradients(zoo.problem)
    expect(report.verdict).toBe('fail')
    // where there is next to nothing to tell mistakes apart by, another may come first
    addToScore(score, zoo, report.diagnosis, accept(zoo), options.shape === 'tight')
  }
  return score
}

const samplesOf = ({ plain }: ZooCase) =>
  plain.layout === 'columns' ? plain.inputs[0].length : plain.inputs.length

/**
 * Other kinds that a case is as well, mathematically: they give the same numbers. Each line is one reason.
 */
function equivalents(zoo: ZooCase): string[] {
  const { kind, plain, variant, tensors } = zoo
  const m = samplesOf(zoo)
  const names = plain.weights.length + plain.biases.filter((b) => b !== undefined).length
  const kinds: string[] = []
  const add = (isSo: boolean, other: string) => {
    if (isSo) kinds.push(other)
  }
  // δ of softmax cross-entropy sums to 0 over the units: so does a bias's gradient summed over them
  add(kind === 'bias-summed-wrong' && plain.loss === 'softmax-cross-entropy', 'zero')
  // of one unit, the mean over all elements is the mean over the samples
  add(kind === 'bias-summed-wrong' && variant === 'mean of all', 'averaged-twice')
  // without the only sample nothing is left, without one of two the other is left alone
  add(kind === 'sample-dropped' && m === 1, 'zero')
  add(kind === 'sample-dropped' && m === 2, 'reduction-wrong')
  add(kind === 'reduction-wrong' && m === 2, 'sample-dropped')
  // 2 is the number of samples
  add(kind === 'loss-derivative-wrong' && variant === 'factor 2' && m === 2, 'not-averaged')
  add(kind === 'loss-derivative-wrong' && variant === 'half' && m === 2, 'averaged-twice')
  // the loss's derivative of a network with one tensor is that tensor's
  add(kind === 'loss-derivative-wrong' && variant !== 'sign' && names === 1, 'scaled')
  add(kind === 'loss-derivative-wrong' && variant === 'sign' && names === 1, 'sign-flipped')
  // a whole line of which one entry is alive is one entry
  add((kind === 'rows' || kind === 'columns') && tensors.length === 1, 'elements')
  return kinds
}

describe('a mistake in the backward pass of a network of some size', () => {
  const total = newScore()

  it.each(ZOO_KINDS)('is named: %s', async (kind) => {
    const { cases, kinds, places, misses } = await scoreZoo(kind, CASES, {}, (zoo) => [
      kind,
      ...(kind === 'bias-summed-wrong' ? equivalents(zoo).filter((other) => other === 'zero') : []),
    ])
    total.cases += cases
    total.kinds += kinds
    total.places += places
    total.misses.push(...misses)
    expect(kinds / cases, misses.join('\n')).toBeGreaterThanOrEqual(0.9)
  })

  it('is named in 97 of 100 cases, and its place in 95', () => {
    expect(total.cases).toBe(CASES * ZOO_KINDS.length)
    expect(total.cases).toBeGreaterThanOrEqual(300)
    expect(total.kinds / total.cases, total.misses.join('\n')).toBeGreaterThanOrEqual(0.97)
    expect(total.places / total.cases, total.misses.join('\n')).toBeGreaterThanOrEqual(0.95)
  })

  it('of every kind that can be named is in the zoo', () => {
    // of programs: test/unit/check/diagnosis/program-edges.test.ts
    const ofPrograms = [
      'path-left-out',
      'path-scaled',
      'other-value',
      'kernel-flipped',
      'not-accumulated',
      'operation-derivative-wrong',
    ]
    const ofNetworks = Object.values(MISTAKE_CLASSES).map(({ kind }) => kind)
    const kinds = [...ZOO_KINDS, ...ofNetworks, ...ofPrograms, 'unexplained']
    expect([...new Set(kinds)].sort()).toEqual([...MISTAKE_KINDS].sort())
  })
})

describe('what people do in a backward pass', () => {
  it.each(Object.keys(MISTAKE_CLASSES))('is named: %s', async (name) => {
    const score = await scoreZoo(name, CASES, {}, ({ kind }) => [kind])
    expect(score.places / score.cases, score.misses.join('\n')).toBe(1)
  })

  it.each(Object.keys(MISTAKE_CLASSES))('is named in float32 arithmetic: %s', async (name) => {
    const { cases, kinds, misses } = await scoreZoo(name, 4, { arithmetic: 'float32' }, ({ kind }) => [kind])
    expect(kinds / cases, misses.join('\n')).toBe(1)
  })
})

describe('two mistakes at one place', () => {
  it.each(Object.entries(MISTAKE_PAIRS))('are both named: %s', async (name, { kinds }) => {
    for (let number = 0; number < 8; number++) {
      const { problem, variant, tensors } = makeZooCase(name, number)
      const { diagnosis } = await checkGradients(problem)
      const at = `${number}: ${variant}: ${diagnosis.map(({ message }) => message).join('\n')}`
      expect(diagnosis.map((finding) => finding.kind).sort(), at).toEqual([...kinds].sort())
      for (const finding of diagnosis) expect(finding.tensors, at).toEqual(tensors)
    }
  })
})

/** Kinds that need no second layer, no layers of one shape and no more than a few entries. */
const TIGHT_KINDS = ZOO_KINDS.filter(
  (kind) =>
    !['swapped', 'weights-not-transposed', 'previous-activation-wrong', 'gradient-of-another-layer'].includes(
      kind,
    ),
)

describe('a mistake in a network of one to three units a layer and samples', () => {
  it.each(TIGHT_KINDS)('is named, or what is the same there: %s', async (kind) => {
    const { cases, kinds, misses } = await scoreZoo(kind, 8, { shape: 'tight' }, (zoo) => [
      kind,
      ...equivalents(zoo),
    ])
    expect(kinds / cases, misses.join('\n')).toBeGreaterThanOrEqual(0.85)
  })
})

describe('a mistake in float32 arithmetic', () => {
  it('is named in 97 of 100 cases', async () => {
    const total = newScore()
    for (const kind of ZOO_KINDS) {
      const { cases, kinds, misses } = await scoreZoo(kind, 4, { arithmetic: 'float32' }, (zoo) => [
        kind,
        ...(kind === 'bias-summed-wrong' ? equivalents(zoo).filter((other) => other === 'zero') : []),
      ])
      total.cases += cases
      total.kinds += kinds
      total.misses.push(...misses)
    }
    expect(total.kinds / total.cases, total.misses.join('\n')).toBeGreaterThanOrEqual(0.97)
  })
})

describe('a right gradient', () => {
  it.each<ZooOptions>([
    {},
    { shape: 'tight' },
    { arithmetic: 'float32' },
    { arithmetic: 'float32', shape: 'tight' },
  ])('has no diagnosis: %j', async (options) => {
    for (let number = 0; number < 40; number++) {
      const report = await checkGradients(makeRightCase(number, options))
      expect({ number, verdict: report.verdict, diagnosis: report.diagnosis }).toEqual({
        number,
        verdict: 'pass',
        diagnosis: [],
      })
    }
  })
})

describe('two mistakes at once', () => {
  it.each([
    ['scaled', 'transposed'],
    ['zero', 'scaled'],
    ['activation-derivative-missing', 'scaled'],
    ['activation-derivative-missing', 'elements'],
    ['activation-derivative-wrong', 'sign-flipped'],
    ['weights-not-transposed', 'scaled'],
    ['bias-summed-wrong', 'shifted'],
    ['previous-activation-wrong', 'zero'],
  ])('are both named: %s and %s', async (first, second) => {
    for (let number = 0; number < 5; number++) {
      const { one, other } = makeDoubleCase(first, second, number, 'beside')
      const { diagnosis } = await checkGradients(other.problem)
      const found = diagnosis.map(({ kind, tensors }) => `${kind} ${tensors}`).sort()
      const made = [one, other].map(({ kind, tensors }) => `${kind} ${tensors}`).sort()
      expect(found, `${one.variant}; ${other.variant}`).toEqual(made)
    }
  })

  it.each([
    ['activation-derivative-missing', 'scaled'],
    ['activation-derivative-wrong', 'sign-flipped'],
    ['activation-derivative-missing', 'elements'],
    ['weights-not-transposed', 'zero'],
    ['loss-derivative-wrong', 'scaled'],
    ['loss-derivative-wrong', 'shifted'],
  ])('are both named, one in a tensor that the other spoils: %s and %s', async (first, second) => {
    for (let number = 0; number < 5; number++) {
      const { one, other } = makeDoubleCase(first, second, number, 'on top')
      const { diagnosis } = await checkGradients(other.problem)
      const at = `${number}: ${one.variant} of ${one.tensors}; ${other.variant}: ${diagnosis.map(({ message }) => message).join('\n')}`
      expect(diagnosis.map(({ kind }) => kind).sort(), at).toEqual([first, second].sort())
    }
  })
})
