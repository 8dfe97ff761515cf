import type { Model } from '../../network/model.js'
import type { StepScales } from '../../network/step-scales.js'
import type { OutputSlopes } from '../contract.js'
import { type DifferenceSettings, FINE_STEP } from '../evaluator.js'
import { createColumns } from './columns.js'
import { BLOCK } from './dense-changes.js'
import type { NetworkChanges } from './network-changes.js'

/** Units that are moved at once, to both sides. */
const UNITS_AT_ONCE = BLOCK / 2
/** What a unit's own Z is multiplied with. */
const ONE = Float64Array.of(1)

/**
 * Moves the pre-activations of a layer, one unit at one sample each time, to both sides, and carries what becomes of
 * that through the network to the sample's loss, in float64. A column is one unit on one side; the columns of a sample
 * are carried together. While every unit stays on one linear piece of its activation, both sides of a unit are one
 * column.
 */
export class OutputChanges {
  readonly #network: NetworkChanges
  readonly #samples: number
  readonly #step: number
  readonly #scales: StepScales | undefined
  readonly #start = createColumns(2)
  readonly #columns = createColumns(BLOCK)
  /** Places of the block's units among those asked for. */
  readonly #places = new Uint32Array(UNITS_AT_ONCE)
  readonly #units = new Uint32Array(UNITS_AT_ONCE)

  constructor(model: Model, { step, scales }: DifferenceSettings, network: NetworkChanges) {
    this.#network = network
    this.#samples = model.samples
    this.#step = step
    this.#scales = scales
  }

  /**
   * The slopes of the samples' losses, without the loss's scale, by the pre-activations of some units, each moved by the
   * step over its unit's scale. Where that carries a unit across a kink, it is moved again by next to nothing.
   * @returns a generator that yields between samples
   */
  *ofUnits(l: number, units: Uint32Array): Generator<void, OutputSlopes> {
    const [samples, step] = [this.#samples, this.#step]
    const slopes = new Float64Array(units.length * samples)
    const open = new Uint8Array(slopes.length)
    const all = Array.from(units.keys())
    for (let s = 0; s < samples; s++) {
      const crossing = this.#move(l, units, all, s, step, slopes)
      const onKinks = this.#move(l, units, crossing, s, FINE_STEP * step, slopes)
      for (const place of onKinks) open[place * samples + s] = 1
      yield
    }
    return { units, slopes, open }
  }

  /** Moves the units at some places; gives the places of those that carried some unit across a kink. */
  #move(
    l: number,
    units: Uint32Array,
    places: readonly number[],
    s: number,
    step: number,
    slopes: Float64Array,
  ): number[] {
    const crossing: number[] = []
    const { starts, steps, kinks, changes } = this.#columns
    const layer = this.#network.layers[l]
    const scaleOf = (place: number) => this.#scales?.units[l][units[place]] ?? 1
    const start = this.#start
    start.steps[0] = step
    start.steps[1] = -step
    let [count, next] = [0, 0]
    while (next < places.length) {
      for (count = 0; count < UNITS_AT_ONCE && next < places.length; next++) {
        const place = places[next]
        layer.start(units[place], ONE, scaleOf(place), s, start, 2)
        // a dead unit: nothing behind it changes
        if (start.starts[0] === 0 && start.starts[1] === 0) {
          slopes[place * this.#samples + s] = 0
          continue
        }
        this.#places[count] = place
        this.#units[count] = units[place]
        for (let side = 0; side < 2; side++) {
          starts[side * UNITS_AT_ONCE + count] = start.starts[side]
          kinks[side * UNITS_AT_ONCE + count] = start.kinks[side]
        }
        count++
      }
      for (const values of [starts, kinks]) values.copyWithin(count, UNITS_AT_ONCE, UNITS_AT_ONCE + count)
      steps.fill(step, 0, count)
      steps.fill(-step, count, 2 * count)
      this.#carry(l, s, count, step)
      for (let c = 0; c < count; c++) {
        const place = this.#places[c]
        const sum = changes[c] + changes[count + c]
        slopes[place * this.#samples + s] = (scaleOf(place) * sum) / 2
        if (kinks[c] !== 0 || kinks[count + c] !== 0) crossing.push(place)
      }
    }
    return crossing
  }

  /** Carries the columns of `count` units, those of +t before those of −t, to the loss. */
  #carry(l: number, s: number, count: number, step: number): void {
    const { layers, loss } = this.#network
    const { starts, steps, changes } = this.#columns
    if (l === layers.length - 1) {
      for (let c = 0; c < 2 * count; c++) {
        changes[c] = loss.passUnit(this.#units[c % count], starts[c], s, steps[c])
      }
      return
    }
    let alike = true
    for (let c = 0; c < count && alike; c++) alike = starts[c] === starts[count + c]
    layers[l + 1].takeInputs(this.#units, starts, count, alike ? 1 : 2)
    const q = alike ? this.#network.carryAlike(l + 1, s, step, count) : l + 1
    if (q < layers.length) {
      if (alike) layers[q].doubleBlock(count)
      this.#network.carryBlock(this.#columns, q, s, 0, 2 * count)
      return
    }
    for (let c = 0; c < count; c++) {
      const change = this.#network.outputChange(c)
      changes[c] = loss.pass(change, s, step)
      changes[count + c] = loss.pass(change, s, -step)
    }
  }
}
