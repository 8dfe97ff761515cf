import { describe, expect, it } from 'vitest'
import {
  type Direction,
  DirectionChanges,
  type Region,
} from '../../../src/differentiate/cpu/direction-changes.js'
import type { DifferenceSettings } from '../../../src/differentiate/evaluator.js'
import type { Model, ParameterTensor } from '../../../src/network/model.js'
import { bindRandom } from '../../support/evaluate.js'
import { Draws, makeRandomProblem, randomOptions } from '../../support/random-network.js'

const FINE: DifferenceSettings = { step: 1e-9, scheme: 'central' }
const keepGoing = async () => true

/** A direction with its elements by their offsets in the tensor. */
interface PlainDirection {
  readonly direction: Direction
  readonly elements: ReadonlyMap<number, number>
}

function drawDirection(
  model: Model,
  changes: DirectionChanges,
  parameter: ParameterTensor,
  region: Region,
  draws: Draws,
): PlainDirection {
  const width = parameter.role === 'biases' ? 1 : model.layers[parameter.layer].inputs
  const elements = new Map<number, number>()
  const direction = changes.start(parameter, region, (row, values) => {
    for (let k = 0; k < values.length; k++) {
      values[k] = draws.normal()
      elements.set(row * width + (region.columns?.[k] ?? k), values[k])
    }
  })
  return { direction, elements }
}

const rowsOf = (model: Model, { layer }: ParameterTensor) =>
  Uint32Array.from({ length: model.layers[layer].outputs }, (_, row) => row)

async function slopesOf(
  model: Model,
  changes: DirectionChanges,
  directions: readonly PlainDirection[],
  settings: DifferenceSettings,
): Promise<number[]> {
  const slopes = await changes.evaluate(
    directions.map(({ direction }) => direction),
    settings,
    keepGoing,
  )
  return slopes!.map(({ slope }) => model.lossScale * slope)
}

/** Σ v·a over a direction's elements. */
function dot({ elements }: PlainDirection, values: Float64Array, take = (term: number) => term): number {
  let sum = 0
  for (const [offset, v] of elements) sum += take(v * values[offset])
  return sum
}

/** The regions that the tests draw directions in: everything, every row by itself, some columns of some rows. */
function regionsOf(model: Model, parameter: ParameterTensor, draws: Draws): Region[] {
  const rows = rowsOf(model, parameter)
  const { inputs } = model.layers[parameter.layer]
  const columns = Uint32Array.from({ length: inputs }, (_, j) => j).filter(() => draws.below(2) === 0)
  return [
    { rows },
    ...[...rows].map((row) => ({ rows: Uint32Array.of(row) })),
    { rows: rows.filter((row) => row % 2 === 0), columns: parameter.role === 'biases' ? undefined : columns },
  ]
}

describe('derivatives along directions', () => {
  it.each(Array.from({ length: 40 }, (_, number) => number))(
    'of random network %i are those of backpropagation',
    async (number) => {
      // the penalty is no part of them
      const model = await bindRandom(makeRandomProblem({ ...randomOptions(number), l2: 0 }))
      const changes = new DirectionChanges(model)
      const gradients = model.gradients()
      const magnitudes = model.gradientMagnitudes()
      const draws = new Draws(number)
      for (const [t, parameter] of model.parameters.entries()) {
        const directions = regionsOf(model, parameter, draws).map((region) =>
          drawDirection(model, changes, parameter, region, draws),
        )
        const slopes = await slopesOf(model, changes, directions, FINE)
        for (const [k, direction] of directions.entries()) {
          const terms = dot(direction, magnitudes[t], Math.abs)
          expect(Math.abs(slopes[k] - dot(direction, gradients[t]))).toBeLessThanOrEqual(1e-13 * terms)
        }
      }
    },
  )

  it.each(['central', 'forward'] as const)(
    'at a large step are the quotients of whole losses: %s',
    async (scheme) => {
      for (const number of [0, 7, 14, 23, 31, 38]) {
        const model = await bindRandom(makeRandomProblem({ ...randomOptions(number), l2: 0 }))
        const changes = new DirectionChanges(model)
        const draws = new Draws(number)
        const settings = { step: 0.05, scheme }
        for (const parameter of model.parameters) {
          const [direction] = regionsOf(model, parameter, draws).map((region) =>
            drawDirection(model, changes, parameter, region, draws),
          )
          const costAt = (step: number) => {
            const theta = model.values(parameter)
            const kept = theta.slice()
            for (const [offset, v] of direction.elements) theta[offset] += step * v
            const cost = model.cost()
            theta.set(kept)
            return cost
          }
          const [slope] = await slopesOf(model, changes, [direction], settings)
          const quotient =
            scheme === 'central' ? (costAt(0.05) - costAt(-0.05)) / 0.1 : (costAt(0.05) - costAt(0)) / 0.05
          expect(Math.abs(slope - quotient)).toBeLessThan(1e-11 * (1 + Math.abs(quotient) + model.cost()))
        }
      }
    },
  )

  it('do not depend on what else is evaluated with them, past the size of a block', async () => {
    const model = await bindRandom(
      makeRandomProblem({
        seed: 3,
        activations: ['tanh', 'relu', 'linear'],
        loss: 'half-squared-error',
        widths: [7, 70, 9, 3],
        samples: 6,
      }),
    )
    const changes = new DirectionChanges(model)
    const draws = new Draws(3)
    const [W1] = model.parameters
    const directions = regionsOf(model, W1, draws).map((region) =>
      drawDirection(model, changes, W1, region, draws),
    )
    expect(directions.length).toBeGreaterThan(64)
    const together = await slopesOf(model, changes, directions, { step: 1e-3, scheme: 'central' })
    for (const [k, direction] of directions.entries()) {
      const [alone] = await slopesOf(model, changes, [direction], { step: 1e-3, scheme: 'central' })
      expect(Math.abs(alone - together[k])).toBeLessThan(1e-13)
    }
  })

  it('count the units that they carry across a kink', async () => {
    const model = await bindRandom(
      makeRandomProblem({
        seed: 4,
        activations: ['relu', 'linear'],
        loss: 'half-squared-error',
        widths: [3, 12, 2],
        samples: 20,
      }),
    )
    const changes = new DirectionChanges(model)
    const [W1] = model.parameters
    const { direction } = drawDirection(model, changes, W1, { rows: rowsOf(model, W1) }, new Draws(4))
    const kinksAt = async (step: number) =>
      (await changes.evaluate([direction], { step, scheme: 'central' }, keepGoing))![0].kinks
    expect(await kinksAt(1e-6)).toBe(0)
    expect(await kinksAt(0.5)).toBeGreaterThan(10)
    expect(await kinksAt(1e6)).toBe(12 * 20)
  })

  it('end early, with nothing, when they are told to', async () => {
    const model = await bindRandom(makeRandomProblem(randomOptions(3)))
    const changes = new DirectionChanges(model)
    const [W1] = model.parameters
    const { direction } = drawDirection(model, changes, W1, { rows: rowsOf(model, W1) }, new Draws(4))
    expect(await changes.evaluate([direction], FINE, async () => false)).toBeUndefined()
  })
})
