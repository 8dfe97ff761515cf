import type { Model } from '../../network/model.js'
import type { NumbersBaseline } from './baseline.js'
import type { EntryFunction, TensorEvidence } from './evidence.js'
import type { MistakeKind } from './kinds.js'

/** What a factor asks one to believe: one that is no constant one knows was fitted, and fits by itself. */
const COST = { sign: 0, known: 0.05, knownWithSign: 0.15, unusual: 0.2, fitted: 0.6 }
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
  readonly cost: number
  /** What a mistake by this factor is called. */
  readonly kind: MistakeKind
}

/**
 * The factor that fits best, after the constants near it that it may be meant to be.
 * @param part what the factor does not stand before
 */
export function fitFactors(
  { offsets, given, tolerance }: TensorEvidence,
  reference: EntryFunction,
  part: EntryFunction,
  baseline: NumbersBaseline,
): Factor[] {
  let [products, squares, telling] = [0, 0, 0]
  for (const offset of offsets) {
    const r = reference(offset)
    products += (given[offset] - part(offset)) * r
    squares += r * r
    if (r !== 0) telling++
  }
  const fitted = products / squares
  if (!(Math.abs(fitted) >= LEAST_FACTOR && Number.isFinite(fitted))) return []
  const snap = Math.max(SNAP, 4 * tolerance)
  const known = knownFactors(baseline).filter(({ value }) => Math.abs(fitted / value - 1) <= snap)
  // one element fits any factor
  return telling > 1 ? [...known, { value: fitted, meaning: '', cost: COST.fitted, kind: 'scaled' }] : known
}

/** Constants that a gradient is commonly too large or too small by, the likeliest first. */
function knownFactors({ model }: NumbersBaseline): Factor[] {
  const factors: Factor[] = []
  const add = (value: number, meaning: string, cost = COST.known, kind: MistakeKind = 'scaled') => {
    if (value !== 1) factors.push({ value, meaning, cost, kind })
  }
  const outputs = model?.targets.columns
  if (model !== undefined) {
    const m = model.samples
    add(m, 'the number of samples', COST.known, isAveraged(model) ? 'not-averaged' : 'scaled')
    add(1 / m, '1 over the number of samples', COST.known, 'averaged-twice')
  }
  for (let n = 2; n <= LARGEST_INTEGER; n++) {
    add(n, n === outputs ? 'the number of outputs' : '')
    add(1 / n, n === outputs ? '1 over the number of outputs' : '')
  }
  if (model !== undefined) addSizes(model, add)
  const negative = factors.map(
    ({ value, meaning }): Factor => ({ value: -value, meaning, cost: COST.knownWithSign, kind: 'scaled' }),
  )
  return [{ value: -1, meaning: '', cost: COST.sign, kind: 'sign-flipped' }, ...factors, ...negative]
}

/** Factors that are made of a network's numbers of samples and outputs. */
function addSizes(model: Model, add: (value: number, meaning: string, cost?: number) => void): void {
  const m = model.samples
  const outputs = model.targets.columns
  add(outputs, 'the number of outputs')
  add(1 / outputs, '1 over the number of outputs')
  add(m * outputs, 'the number of samples times that of outputs')
  add(1 / (m * outputs), '1 over the number of samples and of outputs')
  if (m > 1) {
    add(m / (m - 1), 'm/(m − 1) for m samples', COST.unusual)
    add((m - 1) / m, '(m − 1)/m for m samples', COST.unusual)
  }
}

/** True where the loss is a mean over the samples. */
export function isAveraged(model: Model): boolean {
  const outputs = model.targets.columns
  return model.loss.scale(2, outputs) !== model.loss.scale(1, outputs)
}
