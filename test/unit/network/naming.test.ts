import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../../src/errors.js'
import { readArrays } from '../../../src/files/read-arrays.js'
import { matchNames, type NamingOptions } from '../../../src/network/naming.js'
import { expectFailure } from '../../support/expect-failure.js'

const words = (text: string) => text.split(' ').filter((word) => word !== '')
const match = (text: string, options?: NamingOptions) => matchNames(words(text), options)
const weightsOf = (text: string, options?: NamingOptions) =>
  match(text, options).map(({ weights }) => weights)

function refuses(names: string, message: RegExp, options?: NamingOptions, code: ErrorCode = 'missing-array') {
  return expectFailure(() => match(names, options), code, message)
}

/** Every parameter and, under `grad.NAME`, its gradient. */
const withGradients = (parameters: string) =>
  words(parameters)
    .flatMap((name) => [name, `grad.${name}`])
    .join(' ')

describe('the default names', () => {
  it('give each layer its weights, biases and gradients, and leave other arrays alone', () => {
    const names = 'X Y dZ1 dA1 cost W2 dW2 b2 db2 W1 b1 dW1 db1 Wx W b W1_old dW'
    expect(match(names)).toEqual([
      { weights: 'W1', biases: 'b1', weightsGradient: 'dW1', biasesGradient: 'db1' },
      { weights: 'W2', biases: 'b2', weightsGradient: 'dW2', biasesGradient: 'db2' },
    ])
  })

  it('allow biases to be absent from some layers or all', () => {
    expect(match('W1 dW1 W2 dW2')).toEqual([
      { weights: 'W1', weightsGradient: 'dW1' },
      { weights: 'W2', weightsGradient: 'dW2' },
    ])
    expect(match('W1 dW1 W2 b2 dW2 db2')).toEqual([
      { weights: 'W1', weightsGradient: 'dW1' },
      { weights: 'W2', biases: 'b2', weightsGradient: 'dW2', biasesGradient: 'db2' },
    ])
  })

  it('may be numbered from 0 or 1, in numeric order', () => {
    expect(weightsOf('W1 W0 dW0 dW1')).toEqual(['W0', 'W1'])
    const ten = Array.from({ length: 11 }, (_, i) => `W${i + 1} dW${i + 1}`)
    expect(weightsOf(ten.toReversed().join(' ')).slice(-3)).toEqual(['W9', 'W10', 'W11'])
    expect(weightsOf('W01 W02 dW01 dW02')).toEqual(['W01', 'W02'])
  })

  it('must not skip a number', () => {
    refuses('W1 dW1 W3 dW3', /^W2 is missing: the weights that are there are W1, W3$/)
    refuses('W0 dW0 W2 dW2', /^W1 is missing/)
    refuses('W2 dW2 W3 dW3', /^W1 is missing/)
    refuses('W0 W1 W99999999999 dW0 dW1', /^W2 is missing/)
    refuses('W1 W01 dW1', /W1 and W01 both belong to layer 1/, {}, 'bad-usage')
  })

  it('must not have biases without weights', () => {
    refuses('W1 dW1 b1 db1 b2 db2', /^b2 has no weights beside it: W2 is missing$/)
  })

  it('must not have a gradient without its parameter', () => {
    refuses('W1 dW1 db1', /^db1 is the gradient of b1, which is missing$/)
    refuses('W1 dW1 dW2', /^dW2 is the gradient of W2, which is missing$/)
  })

  it('are asked for when there are no weights', () => {
    const error = refuses('X Y theta1', /named as weights are \(W\{l\}\): the arrays are X, Y, theta1$/)
    expect(error.fix).toContain('pattern for weights')
    const many = Array.from({ length: 30 }, (_, i) => `a${i}`).join(' ')
    refuses(many, /a10, a11 and 18 more$/)
    refuses('', /there are no arrays/)
    refuses('b1 db1', /named as weights are/)
  })

  it('are found in every real case', () => {
    const layersOf = (file: string) =>
      matchNames([...readArrays(readFileSync(`test/fixtures/${file}`), file).keys()])
    const three = ['W1', 'W2', 'W3'].map((weights, i) => ({
      weights,
      biases: `b${i + 1}`,
      weightsGradient: `d${weights}`,
      biasesGradient: `db${i + 1}`,
    }))
    for (const file of ['three-layer', 'three-layer-buggy', 'image-tanh', 'digits-sklearn']) {
      expect(layersOf(`${file}.npz`)).toEqual(three)
    }
    expect(layersOf('two-three-one.npz')).toEqual([
      { weights: 'W1', weightsGradient: 'dW1' },
      { weights: 'W2', weightsGradient: 'dW2' },
    ])
    expect(layersOf('digits-torch.safetensors').map(({ weights }) => weights)).toEqual([
      '0.weight',
      '2.weight',
      '4.weight',
    ])
  })
})

describe('a missing gradient', () => {
  it('is named together with its parameter', () => {
    const error = refuses('X W1 dW1 W2', /^dW2, the gradient of W2, is missing$/)
    expect(error.fix).toMatch(/save the gradient as dW2, or .* pattern for gradients \(now 'd\{name\}'\)/)
    refuses('W1 dW1 b1', /^db1, the gradient of b1, is missing$/)
  })

  it('comes with the nearest name that is not taken', () => {
    refuses('W1 dW1 W2 dw2', /is missing; did you mean "dw2"\?$/)
    refuses('W1 dW1 W2 b2 db2', /^dW2, the gradient of W2, is missing$/)
  })

  it('is not taken for the gradient of a value between layers', () => {
    refuses('W1 dW1 W2 dZ2 dA2 A2', /is missing$/)
  })

  it('comes with the pattern that would find all gradients', () => {
    const error = refuses('W1 W2 b1 grad_W1_ grad_W2_ grad_b1_', /did you mean "grad_W1_"\?$/)
    expect(error.fix).toBe("give 'grad_{name}_' as the pattern for gradients")
  })
})

describe("PyTorch's names", () => {
  it('are recognised with grad.NAME or NAME.grad', () => {
    const layer = { weights: 'fc.weight', biases: 'fc.bias' }
    expect(match('X Y fc.bias fc.weight grad.fc.weight grad.fc.bias')).toEqual([
      { ...layer, weightsGradient: 'grad.fc.weight', biasesGradient: 'grad.fc.bias' },
    ])
    expect(match('fc.weight fc.bias fc.weight.grad fc.bias.grad')).toEqual([
      { ...layer, weightsGradient: 'fc.weight.grad', biasesGradient: 'fc.bias.grad' },
    ])
    expect(match('weight grad.weight')).toEqual([{ weights: 'weight', weightsGradient: 'grad.weight' }])
  })

  it('are in the order of the only number that differs', () => {
    expect(weightsOf(withGradients('10.weight 2.weight 0.weight'))).toEqual([
      '0.weight',
      '2.weight',
      '10.weight',
    ])
    expect(weightsOf(withGradients('net1.fc10.weight net1.fc9.weight'))).toEqual([
      'net1.fc9.weight',
      'net1.fc10.weight',
    ])
  })

  it('are in the order given where more differs', () => {
    for (const names of [
      'net.hidden.weight net.fc1.weight',
      'fc2.weight out.weight fc1.weight',
      'b.1.weight a.0.weight',
      '1.0.weight 0.1.weight',
      'fc2.weight fc.weight',
    ]) {
      expect(weightsOf(withGradients(names))).toEqual(words(names))
    }
  })

  it('must have weights for each bias, and each gradient and its parameter', () => {
    refuses(withGradients('0.weight 2.bias'), /^2\.bias has no weights beside it: 2\.weight is missing$/)
    refuses('0.weight', /^grad\.0\.weight or 0\.weight\.grad, the gradient of 0\.weight, is missing$/)
    refuses(
      '0.weight grad.0.weight grad.0.bias',
      /^grad\.0\.bias is the gradient of 0\.bias, which is missing$/,
    )
    refuses('0.weight grad.0.weight grad.2.weight', /^grad\.2\.weight is the gradient of 2\.weight/)
  })

  it('are not looked for when there are default names or a pattern was given', () => {
    expect(weightsOf(`W1 dW1 ${withGradients('fc.weight')}`)).toEqual(['W1'])
    refuses(withGradients('fc.weight'), /named as weights are \(V\{l\}\)/, { weights: 'V{l}' })
  })

  it('take a pattern for the gradients alone', () => {
    const gradients = 'd{name}'
    expect(match('decoder.weight ddecoder.weight', { gradients })).toEqual([
      { weights: 'decoder.weight', weightsGradient: 'ddecoder.weight' },
    ])
  })

  it('may be picked by a pattern, which then skips the modules without weights', () => {
    const names = withGradients('actor.0.weight actor.0.bias actor.2.weight critic.0.weight')
    expect(match(names, { weights: 'actor.{l}.weight' })).toEqual([
      {
        weights: 'actor.0.weight',
        biases: 'actor.0.bias',
        weightsGradient: 'grad.actor.0.weight',
        biasesGradient: 'grad.actor.0.bias',
      },
      { weights: 'actor.2.weight', weightsGradient: 'grad.actor.2.weight' },
    ])
  })
})

describe("the user's patterns", () => {
  it('name the arrays', () => {
    const options = { weights: 'theta{l}.w', biases: 'theta{l}.b', gradients: '{name}_grad' }
    expect(match('theta1.w theta1.b theta1.w_grad theta1.b_grad', options)).toEqual([
      {
        weights: 'theta1.w',
        biases: 'theta1.b',
        weightsGradient: 'theta1.w_grad',
        biasesGradient: 'theta1.b_grad',
      },
    ])
  })

  it('may call a gradient what its parameter is called', () => {
    expect(match('W1', { gradients: '{name}' })).toEqual([{ weights: 'W1', weightsGradient: 'W1' }])
    const torch = match('fc.weight', { gradients: '{name}' })
    expect(torch).toEqual([{ weights: 'fc.weight', weightsGradient: 'fc.weight' }])
  })

  it('are literal but for the placeholder, which stands for digits', () => {
    const options = { weights: 'W.*[{l}]$', gradients: '$&{name}' }
    expect(match('W.*[1]$ $&W.*[1]$', options)).toEqual([
      { weights: 'W.*[1]$', weightsGradient: '$&W.*[1]$' },
    ])
    refuses('Wabc1 W1', /named as weights are/, { weights: 'W.*{l}' })
    refuses('W-1 W1.5 Wa W', /named as weights are/)
  })

  it.each([
    ['weights', 'W'],
    ['weights', 'W{name}'],
    ['weights', 'W{l}{l}'],
    ['biases', 'b'],
    ['gradients', 'dW{l}'],
  ] as const)('must contain their placeholder once: %s %s', (option, pattern) => {
    const message = new RegExp(`the ${option} pattern ".*" must contain`)
    const error = refuses('W1 dW1', message, { [option]: pattern }, 'bad-usage')
    expect(error.fix).toMatch(/^write .* stands, as in/)
  })
})
