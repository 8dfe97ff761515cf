import type { Model } from '../../network/model.js'
import { isMean } from '../../network/reductions.js'
import type { NumbersBaseline } from './baseline.js'
import type { EntryFunction, TensorEvidence } from './evidence.js'
import type { MistakeKind } from './kinds.js'

/** What a factor asks one to believe: one that is no constant one knows was fitted, and fits by itself. */
const COST = { sign: 0, known: 0.05, further: 0.1, negative: 0.1, unusual: 0.2, fitted: 0.6 }
/** How near a fitted factor has to be to a constant for that to be tried, at least. */
const SNAP = 1e-4
const LARGEST_INTEGER = 10
/** What is smaller by more is not scaled: it is another thing, that happens to be small. */
const LEAST_FACTOR = 1e-6

/** A number by which some gradient may be too large. */
export interface Factor {
  readonly value: number
  /** What it is in this network, "the number of samples"; empty where it is only a number. */
  readonly meaning: string
  /** What else it is by chance, "the number of outputs"; empty where nothing. */
  readonly otherMeaning: string
  readonly cost: number
  /** What a mistake by this factor is called. */
  readonly kind: MistakeKind
}

/**
 * The factor that fits best, after the constants near it that it may be meant to be.
 * @param part what the factor does not stand before
 */
export function fitFactors(
  evidence: TensorEvidence,
  reference: EntryFunction,
  part: EntryFunction,
  baseline: NumbersBaseline,
): Factor[] {
  const { fitted, telling } = fitFactor(evidence, reference, part)
  if (fitted === undefined) return []
  const known = findKnown(evidence, fitted, baseline)
  // one element fits any factor
  return telling > 1
    ? [...known, { value: fitted, meaning: '', otherMeaning: '', cost: COST.fitted, kind: 'scaled' }]
    : known
}

/** The constants near the factor that fits best. */
export function fitKnownFactors(
  evidence: TensorEvidence,
  reference: EntryFunction,
  part: EntryFunction,
  baseline: NumbersBaseline,
): Factor[] {
  const { fitted } = fitFactor(evidence, reference, part)
  return fitted === undefined ? [] : findKnown(evidence, fitted, baseline)
}

/** The best factor by least squares, undefined where there is none, and how many elements it rests on. */
function fitFactor(
  { offsets, given }: TensorEvidence,
  reference: EntryFunction,
  part: EntryFunction,
): { fitted: number | undefined; telling: number } {
  // squares of small numbers are 0
  const scale = offsets.reduce((largest, offset) => Math.max(largest, Math.abs(reference(offset))), 0)
  let [products, squares, telling] = [0, 0, 0]
  for (const offset of offsets) {
    const r = reference(offset) / scale
    products += ((given[offset] - part(offset)) / scale) * r
    squares += r * r
    if (r !== 0) telling++
  }
  const fitted = products / squares
  const isFactor = Math.abs(fitted) >= LEAST_FACTOR && Number.isFinite(fitted)
  return { fitted: isFactor ? fitted : undefined, telling }
}

function findKnown({ tolerance }: TensorEvidence, fitted: number, baseline: NumbersBaseline): Factor[] {
  const snap = Math.max(SNAP, 4 * tolerance)
  return knownFactors(baseline).filter(({ value }) => Math.abs(fitted / value - 1) <= snap)
}

/** Constants that a gradient is commonly too large or too small by, the likeliest first. */
function knownFactors({ model }: NumbersBaseline): Factor[] {
  const ofNetwork = model === undefined ? [] : [...countedFactors(model), ...weightingFactors(model)]
  const factors = [...ofNetwork, ...plainFactors()]
  const m = model?.countedSamples ?? 1
  if (m > 1) {
    factors.push(makeFactor(m / (m - 1), ['m/(m − 1) for m samples'], COST.unusual))
    factors.push(makeFactor((m - 1) / m, ['(m − 1)/m for m samples'], COST.unusual))
  }
  const negative = factors.map((factor): Factor => {
    return { ...factor, value: -factor.value, cost: factor.cost + COST.negative, kind: 'scaled' }
  })
  const sign: Factor = { ...makeFactor(-1, [], COST.sign), kind: 'sign-flipped' }
  return [sign, ...factors, ...negative].sort((a, b) => a.cost - b.cost)
}

const makeFactor = (value: number, [meaning = '', ...others]: string[], cost: number): Factor => ({
  value,
  meaning,
  otherMeaning: others.join(', or '),
  cost,
  kind: 'scaled',
})

/** Small numbers, and one over them. */
function plainFactors(): Factor[] {
  const factors: Factor[] = []
  for (let n = 2; n <= LARGEST_INTEGER; n++) {
    // a 2 is lost more often than any other number
    const cost = n === 2 ? COST.known : COST.unusual
    factors.push(makeFactor(n, [], cost), makeFactor(1 / n, [], cost))
  }
  return factors
}

/**
 * Products of the samples, the outputs and 2, each to the power −1, 0 or 1: every value with its simplest causes,
 * all of them where several are as simple.
 */
function countedFactors(model: Model): Factor[] {
  const m = model.countedSamples
  const causes: [number, string][] = [
    [m, 'the number of samples'],
    [model.targets.columns, 'the number of outputs'],
    [2, '2'],
  ]
  const isCounted = (powers: number[]) => powers.slice(0, 2).some((power) => power !== 0)
  const byValue = new Map<number, { size: number; meanings: string[] }>()
  for (const powers of powersOf(causes.length)) {
    const size = powers.filter((power) => power !== 0).length
    const value = powers.reduce((product, power, k) => product * causes[k][0] ** power, 1)
    const isChance = size > 1 && [1 / 2, 2].includes(value)
    if (value === 1 || isChance || !isCounted(powers)) continue
    if (powers.some((power, k) => power !== 0 && causes[k][0] === 1)) continue
    const meaning = describeProduct(causes.map(([, name], k) => ({ name, power: powers[k] })))
    const known = byValue.get(value)
    if (known === undefined || size < known.size) byValue.set(value, { size, meanings: [meaning] })
    else if (size === known.size) known.meanings.push(meaning)
  }
  return Array.from(byValue, ([value, { size, meanings }]): Factor => {
    const factor = makeFactor(value, meanings, COST.known + (size - 1) * COST.further)
    if (value === m && isMean(model.network.reduction)) return { ...factor, kind: 'not-averaged' }
    return value === 1 / m ? { ...factor, kind: 'averaged-twice' } : factor
  })
}

/** What a mean is off by that counts samples which do not count, or takes their number for the sum of their weights. */
function weightingFactors({ weighting, countedSamples: m }: Model): Factor[] {
  const { total, weightSum } = weighting
  const causes: [number, string][] = [
    [m / total, 'the samples that count over all of them'],
    [total / m, 'all samples over those that count'],
    [m / weightSum, 'the number of samples over the sum of their weights'],
    [weightSum / m, 'the sum of the weights over the number of samples'],
  ]
  return causes.flatMap(([value, meaning]) => (value === 1 ? [] : [makeFactor(value, [meaning], COST.known)]))
}

/** "2 times the number of samples", "1 over the number of outputs" */
function describeProduct(causes: readonly { name: string; power: number }[]): string {
  const [above, below] = [1, -1].map((sign) =>
    causes.flatMap(({ name, power }) => (power === sign ? [name] : [])).reverse(),
  )
  const numerator = above.length === 0 ? '1' : above.join(' times ')
  return below.length === 0 ? numerator : `${numerator} over ${below.join(' times ')}`
}

/** Every choice of 0, 1 and −1 for each of some causes, none of them first. */
function powersOf(count: number): number[][] {
  if (count === 0) return [[]]
  const others = powersOf(count - 1)
  return others.flatMap((rest) => [0, 1, -1].map((power) => [power, ...rest]))
}

/** ", or the number of outputs, which is the same here": a second cause of the same factor. */
export const describeOtherMeaning = ({ otherMeaning }: Factor) =>
  otherMeaning === '' ? '' : `, or ${otherMeaning}, which is the same here`
