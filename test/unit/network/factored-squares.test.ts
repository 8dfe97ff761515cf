import { describe, expect, it } from 'vitest'
import { FactoredSquares } from '../../../src/network/factored-squares.js'

describe('FactoredSquares', () => {
  const [outputs, inputs, samples] = [3, 4, 5]
  const part = (rows: number, seed: number) =>
    Float64Array.from({ length: rows * samples }, (_, k) => 1 + Math.sin(seed + k * k))
  const units = [part(outputs, 1), part(outputs, 2)]
  const fed = [part(inputs, 3), part(inputs, 4)]
  const squares = new FactoredSquares(samples, units, fed)

  it('gives each element the sum over parts and samples of its unit’s and its input’s factors', () => {
    let total = 0
    for (let i = 0; i < outputs; i++) {
      for (let j = 0; j < inputs; j++) {
        let sum = 0
        for (const p of [0, 1]) {
          for (let s = 0; s < samples; s++) sum += units[p][i * samples + s] * fed[p][j * samples + s]
        }
        expect(squares.at(i * inputs + j)).toBeCloseTo(sum, 12)
        total += sum
      }
    }
    expect(squares.total()).toBeCloseTo(total, 10)
  })
})
