import { expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import { unravelIndex } from '../../../../src/tensor.js'
import { howMany } from '../../../support/how-many.js'
import { storeAs, withChanged } from '../../../support/plant-errors.js'
import { Draws, makeRandomProblem } from '../../../support/random-network.js'

/** Errors of the stated size are found with 99 % probability: of as many as this, one may be missed, or two of hundred. */
const PLANTED = howMany(25, 100)
const MISSED = howMany(1, 2)

/** Too deep for every row of W1 to have a direction of its own. */
const { problem, gradients: right } = makeRandomProblem({
  seed: 31,
  activations: ['tanh', 'relu', 'tanh', 'linear'],
  loss: 'softmax-cross-entropy',
  widths: [20, 30, 30, 30, 4],
  samples: 8,
})

it.each(['float64', 'float32'] as const)(
  'the size of an error that a fast check finds in 99 of 100 cases is as its report says: %s',
  async (dtype) => {
    const gradients = dtype === 'float64' ? right : storeAs(right, dtype)
    const { fast } = await checkGradients({ ...problem, gradients }, { fast: true })
    expect(fast!.detectable.probability).toBe(0.99)
    const draws = new Draws(35)
    let found = 0
    for (let seed = 1; seed <= PLANTED; seed++) {
      const name = draws.pick(['W1', 'W2', 'W3'])
      const { error } = fast!.detectable.tensors.find((stated) => stated.name === name)!
      const { data, shape } = gradients.get(`d${name}`)!
      const [at, sign] = [draws.below(data.length), draws.pick([-1, 1])]
      const wrong = withChanged(gradients, `d${name}`, (v, k) => (k === at ? v + sign * error : v))
      const report = await checkGradients({ ...problem, gradients: wrong }, { fast: true, seed })
      const message = `entry [${unravelIndex(at, shape).join(', ')}] of ${name} is wrong`
      const said = report.diagnosis.map((finding) => finding.message)
      if (report.verdict === 'fail' && said.join() === message) found++
    }
    expect(found).toBeGreaterThanOrEqual(PLANTED - MISSED)
  },
)
