import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'
import {
  type Direction,
  DirectionChanges,
  type Region,
  regionSize,
} from '../../differentiate/cpu/direction-changes.js'
import type { DifferenceSettings, EvaluationHooks } from '../../differentiate/evaluator.js'
import { WorkSlices } from '../../differentiate/work-slices.js'
import type { AnalyticalGradient } from '../../network/bind.js'
import type { Model } from '../../network/model.js'
import { RootSum } from '../../network/root-sum-squares.js'
import { scaleOf } from '../../network/step-scales.js'
import { FLOAT64_ROUNDOFF } from '../../tensor.js'
import { ARITHMETIC_DEVIATIONS, type GradientRounding } from '../error-estimate.js'
import { directionScale, MismatchBound, SMALLEST_ELEMENT, smallestError } from './detection.js'

/** The smaller step of a second evaluation, relative to the first: difference arithmetic loses nothing by it. */
const FINE_STEP = 2 ** -20
/** How many times what halving that step changes may be what is left of the truncation. */
const LEFT_BY_HALVING = 4
/** Numbers held for directions that are carried together. */
const MOST_NUMBERS = 2 ** 24

/** What random directions within a region show. */
export interface Probed {
  readonly region: Region
  readonly size: number
  /** The largest |⟨g, V⟩ − ⟨∇J, V⟩| relative to its bound: above 1 something is wrong. */
  readonly excess: number
  /** Whether the largest is of a direction that carries some unit across a kink however small the step. */
  readonly onKink: boolean
  /**
   * The size of an error of a single entry of the region that the directions find with 99 % probability, over the
   * entry's scale.
   */
  readonly smallestError: number
  /** Estimates of ‖g − ĝ‖ and ‖ĝ‖ over the region, each entry over its scale. */
  readonly distance: number
  readonly numerical: number
}

/** Everything that directions are evaluated and judged with. */
export interface ProbeSetting {
  readonly model: Model
  readonly gradients: readonly AnalyticalGradient[]
  readonly rounding: GradientRounding
  readonly settings: DifferenceSettings
  /** Of each tensor. */
  readonly tolerances: readonly number[]
  readonly seed: number
  readonly hooks: EvaluationHooks
}

/** A direction with what its derivative is compared with. */
interface DrawnDirection {
  readonly place: number
  readonly direction: Direction
  /** ⟨g, V⟩ */
  readonly analytical: number
  readonly bound: number
  /** Σ w·v and Σ v²: what the L2 term changes by. */
  readonly weightSum: number
  readonly squareSum: number
}

/** A direction's two derivatives. */
interface Compared {
  readonly drawn: DrawnDirection
  readonly numerical: number
  readonly mismatch: number
  readonly kinks: number
}

/**
 * Compares directional derivatives of regions of parameter tensors, ⟨g, V⟩ with the numerical ones, in float64. A
 * direction moves every entry by about as much over its scale, so that what a tensor's columns are measured in is no
 * matter.
 */
export class Prober {
  readonly #setting: ProbeSetting
  readonly #changes: DirectionChanges
  readonly #slices = new WorkSlices()
  #perturbations = 0

  constructor(setting: ProbeSetting) {
    this.#setting = setting
    this.#changes = new DirectionChanges(setting.model)
  }

  /** Perturbed losses evaluated so far. */
  get perturbations(): number {
    return this.#perturbations
  }

  /**
   * Probes regions of one tensor with `count` random directions each. A direction that disagrees or crosses a kink
   * is evaluated again with a smaller step and with half of it, so that neither kinks nor truncation are taken for an
   * error.
   * @param stage tells the random directions of one call from those of another
   * @returns nothing when the signal aborted
   */
  async probe(
    t: number,
    regions: readonly Region[],
    count: number,
    stage: string,
    onProgress: (share: number) => void = () => {},
  ): Promise<Probed[] | undefined> {
    const found: Compared[][] = regions.map(() => [])
    const rows = regions.reduce((sum, region) => sum + region.rows.length, 0)
    const atOnce = Math.max(1, Math.floor(MOST_NUMBERS / (rows * this.#setting.model.samples)))
    for (let first = 0; first < count; first += atOnce) {
      const drawn: DrawnDirection[] = []
      for (let k = first; k < Math.min(count, first + atOnce); k++) {
        if (!(await this.#pause())) return undefined
        drawn.push(...this.#draw(t, regions, `${stage} ${k}`))
      }
      const compared = await this.#compare(drawn)
      if (compared === undefined) return undefined
      for (const one of compared) found[one.drawn.place].push(one)
      onProgress(Math.min(1, (first + atOnce) / count))
    }
    return regions.map((region, place) => this.#summarise(t, region, found[place]))
  }

  /** One direction for each region. */
  #draw(t: number, regions: readonly Region[], stage: string): DrawnDirection[] {
    const { model, gradients, seed, settings } = this.#setting
    const parameter = model.parameters[t]
    const generator = createGenerator(`${seed} ${parameter.name} ${stage}`)
    const { values: gradient } = gradients[t]
    const theta = model.values(parameter)
    const allowance = this.#allowances(t)
    const width = parameter.role === 'biases' ? 1 : model.layers[parameter.layer].inputs
    return regions.map((region, place) => {
      const length = directionScale(regionSize(parameter, region, model))
      const bound = new MismatchBound()
      let [analytical, weightSum, squareSum] = [0, 0, 0]
      const drawRow = (row: number, values: Float64Array) => {
        // summed by rows, so that long sums do not gather rounding
        let [ofRow, weights, squares] = [0, 0, 0]
        for (let k = 0; k < values.length; k++) {
          const bits = generator.next()
          const offset = row * width + (region.columns === undefined ? k : region.columns[k])
          const scale = scaleOf(settings.scales, parameter, offset)
          const size = (length * (SMALLEST_ELEMENT + (bits & 0x7fffffff) * 2 ** -31)) / scale
          const v = bits < 0 ? -size : size
          values[k] = v
          ofRow += gradient[offset] * v
          weights += theta[offset] * v
          squares += v * v
          bound.add(size * allowance(offset))
        }
        analytical += ofRow
        weightSum += weights
        squareSum += squares
      }
      const direction = this.#changes.start(parameter, region, drawRow)
      return { place, direction, analytical, bound: bound.value, weightSum, squareSum }
    })
  }

  /** How far each entry of a tensor's gradient may be from the true one, in a check of every entry as well. */
  #allowances(t: number): (offset: number) => number {
    const { model, gradients, rounding, tolerances } = this.#setting
    const { values } = gradients[t]
    const magnitudes = rounding.magnitudes[t]
    // sums of so many terms round; |ĝ| is unknown, but at most |g| and the distance itself
    const ownRounding =
      ARITHMETIC_DEVIATIONS * FLOAT64_ROUNDOFF * Math.sqrt(model.layers[model.parameters[t].layer].inputs)
    const ofDeviation = ARITHMETIC_DEVIATIONS * (rounding.roundoff(t) + FLOAT64_ROUNDOFF)
    const tolerance = tolerances[t]
    const rest = 1 - tolerance
    if (rest <= 0) return () => Number.POSITIVE_INFINITY
    return (offset) =>
      (2 * tolerance * Math.abs(values[offset]) +
        ownRounding * magnitudes[offset] +
        ofDeviation * rounding.deviation(t, offset)) /
      rest
  }

  async #compare(drawn: readonly DrawnDirection[]): Promise<Compared[] | undefined> {
    const { settings } = this.#setting
    const compared = await this.#evaluate(drawn, settings)
    if (compared === undefined) return undefined
    const unsure = compared.filter(
      ({ drawn: { bound }, mismatch, kinks }) => kinks > 0 || !(mismatch <= bound),
    )
    if (unsure.length === 0) return compared
    const again = unsure.map((one) => one.drawn)
    const finer = await this.#evaluate(again, { ...settings, step: FINE_STEP * settings.step })
    const finest = await this.#evaluate(again, { ...settings, step: (FINE_STEP / 2) * settings.step })
    if (finer === undefined || finest === undefined) return undefined
    const settled = new Set(unsure)
    const measured = finer.map((one, k) => {
      const left = LEFT_BY_HALVING * Math.abs(one.numerical - finest[k].numerical)
      return Number.isFinite(left) ? { ...one, drawn: { ...one.drawn, bound: one.drawn.bound + left } } : one
    })
    return [...compared.filter((one) => !settled.has(one)), ...measured]
  }

  async #evaluate(
    drawn: readonly DrawnDirection[],
    settings: DifferenceSettings,
  ): Promise<Compared[] | undefined> {
    const { model } = this.#setting
    const slopes = await this.#changes.evaluate(
      drawn.map(({ direction }) => direction),
      settings,
      () => this.#pause(),
    )
    if (slopes === undefined) return undefined
    this.#perturbations += drawn.length * (settings.scheme === 'central' ? 2 : 1)
    return drawn.map((one, k) => {
      const penalised = one.direction.parameter.role === 'weights'
      const growth = settings.scheme === 'forward' ? settings.step * one.squareSum : 0
      const penalty = penalised ? model.l2Scale * (2 * one.weightSum + growth) : 0
      const numerical = model.lossScale * slopes[k].slope + penalty
      const mismatch = Math.abs(one.analytical - numerical)
      return { drawn: one, numerical, mismatch, kinks: slopes[k].kinks }
    })
  }

  #summarise(t: number, region: Region, found: readonly Compared[]): Probed {
    const { model } = this.#setting
    const size = regionSize(model.parameters[t], region, model)
    const [distances, sizes] = [new RootSum(), new RootSum()]
    let [reach, excess, onKink] = [0, 0, false]
    for (const { drawn, mismatch, numerical, kinks } of found) {
      // an overflow is looked into entry by entry, as an error is
      const ratio = Number.isFinite(mismatch)
        ? mismatch === 0
          ? 0
          : mismatch / drawn.bound
        : Number.POSITIVE_INFINITY
      if (ratio > excess) [excess, onKink] = [ratio, kinks > 0 || !Number.isFinite(mismatch)]
      reach = Math.max(reach, drawn.bound + mismatch)
      distances.add(mismatch)
      sizes.add(numerical)
    }
    return {
      region,
      size,
      excess,
      onKink,
      smallestError: smallestError(reach, size, found.length),
      distance: Math.sqrt(size / found.length) * distances.value,
      numerical: Math.sqrt(size / found.length) * sizes.value,
    }
  }

  /** False when the check is to stop. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#setting.hooks
    if (this.#slices.isOver) await this.#slices.pause()
    return signal?.aborted !== true
  }
}

/** A generator seeded by a text: FNV-1a (Fowler, Noll & Vo), 32 bits. */
function createGenerator(text: string): RandomGenerator {
  let seed = 0x811c9dc5
  for (let k = 0; k < text.length; k++) seed = Math.imul(seed ^ text.charCodeAt(k), 0x01000193)
  const generator = xoroshiro128plus(seed)
  // its first numbers still show the seed
  for (let k = 0; k < 16; k++) generator.next()
  return generator
}
