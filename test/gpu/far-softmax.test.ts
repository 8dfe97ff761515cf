import { expect, it } from 'vitest'
import { bindProblem } from '../../src/check/problem.js'
import { createDerivatives } from '../../src/differentiate/evaluator.js'
import { selectAll } from '../../src/differentiate/selection.js'
import { createWebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { dense, sequential } from '../../src/network/network.js'
import { tensor } from '../../src/tensor.js'
import { openGpuDevice } from '../support/gpu-device.js'

it('a confident target that falls far, and stays the likelier one, keeps the digits of its loss', async () => {
  // logits 46 and 0; the step takes the target's down by 31: ΔJ = ln(1 + e^−15) − ln(1 + e^−46)
  const { model } = await bindProblem({
    network: sequential([dense('linear')], { loss: 'softmax-cross-entropy' }),
    parameters: { W1: tensor([-46, 0], [2, 1]) },
    gradients: { dW1: tensor([0, 0], [2, 1]) },
    inputs: tensor([-1], [1, 1]),
    targets: tensor([0], [1]),
  })
  const evaluator = await createWebgpuEvaluator(() => openGpuDevice('software'))
  try {
    const [weights] = createDerivatives(selectAll(model))
    await evaluator.evaluate(model, [weights], { step: 31, scheme: 'forward' })
    const change = Math.log1p(Math.exp(-15)) - Math.log1p(Math.exp(-46))
    expect(Math.abs((31 * weights.derivatives[0]) / change - 1)).toBeLessThan(1e-5)
  } finally {
    evaluator.dispose()
  }
})
