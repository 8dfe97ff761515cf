import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import { openDevice } from '../../src/differentiate/node/open-device.js'
import { makeRightCase, makeZooCase, ZOO_KINDS } from '../support/mistake-zoo.js'

// a numerical gradient of seven digits, which hypotheses must not be tested more sharply than
describe('on a software adapter, in single precision', () => {
  it('mistakes are named, of float64 and of float32 gradients', async () => {
    await using device = await openDevice('software')
    const misses: string[] = []
    for (const [k, kind] of ZOO_KINDS.entries()) {
      const arithmetic = k % 2 === 0 ? 'float64' : 'float32'
      // of one number most cases are in one network, so that few kernels are compiled
      const zoo = makeZooCase(kind, 0, { arithmetic })
      const { diagnosis, precision } = await checkGradients(zoo.problem, { evaluator: device.evaluator })
      expect(precision).toBe('single')
      const found = diagnosis.map((finding) => `${finding.kind} ${finding.tensors}`).join('; ')
      if (found !== `${kind} ${zoo.tensors}`) misses.push(`${kind} ${zoo.variant} ${zoo.tensors}: ${found}`)
    }
    expect(misses).toEqual([])
  })

  it('right gradients have no diagnosis', async () => {
    await using device = await openDevice('software')
    for (const arithmetic of ['float64', 'float32'] as const) {
      const { verdict, diagnosis } = await checkGradients(makeRightCase(0, { arithmetic }), {
        evaluator: device.evaluator,
      })
      expect({ verdict, diagnosis }).toEqual({ verdict: 'pass', diagnosis: [] })
    }
  })
})
