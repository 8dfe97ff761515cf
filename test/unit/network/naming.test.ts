import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ErrorCode, GradcheckError } from '../../../src/errors.js'
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
    const error = refuses(
      'X Y net1 dnet1',
      /named as weights are \(W\{l\}\): the arrays are X, Y, net1, dnet1$/,
    )
    expect(error.fix).toBe("say how the weights are named by a pattern, as in `weights: 'net{l}'`")
    expect(refuses('arr_0 arr_1', /named as weights are/).fix).toMatch(/^give each array its name: np\.savez/)
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
    expect(error.fix).toMatch(/save the gradient as dW2, or .* pattern, as in `gradients: 'd\{name\}'`/)
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
    expect(error.fix).toBe("set `gradients: 'grad_{name}_'`")
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
    refuses('W-1 W1.5 Wa', /named as weights are/)
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

describe('other names in use', () => {
  it.each<[string, string]>([
    ['w1 b1 w2 b2', 'dw1 db1 dw2 db2'],
    ['Theta1 b1 Theta2 b2', 'Theta1_grad b1_grad Theta2_grad b2_grad'],
    ['theta0 bias0 theta1 bias1', 'grad_theta0 grad_bias0 grad_theta1 grad_bias1'],
    ['W_1 b_1', 'dW_1 db_1'],
    ['W[1] b[1]', 'dW[1] db[1]'],
    ['params.W1 params.b1', 'grads.dW1 grads.db1'],
    ['params.W1 params.b1', 'grads.W1 grads.b1'],
    ['params/W1 params/b1', 'grads/dW1 grads/db1'],
    ['params_W1 params_b1', 'grads_W1 grads_b1'],
    ['params.W1 params.b1', 'dW1 db1'],
    ['params.W1 params.b1', 'params.dW1 params.db1'],
    ['model.W1 model.b1', 'model.grads.W1 model.grads.b1'],
    ['W1 b1', 'grads.W1 grads.b1'],
    ['W1 b1', 'grads.dW1 grads.db1'],
    ['W1 b1', 'W1_grad b1_grad'],
    ['W1 b1', 'dL_dW1 dL_db1'],
    [
      'weights.0 biases.0 weights.1 biases.1',
      'nabla_weights.0 nabla_biases.0 nabla_weights.1 nabla_biases.1',
    ],
    ['weights.W1 biases.b1', 'dweights.W1 dbiases.b1'],
    ['weights1 bias1 weights2 bias2', 'dweights1 dbias1 dweights2 dbias2'],
    ['w b', 'dw db'],
    ['W b', 'grads.W grads.b'],
    ['theta', 'dtheta'],
    ['layers.0.W layers.0.b layers.1.W layers.1.b', 'layers.0.dW layers.0.db layers.1.dW layers.1.db'],
    ['fc1_W fc1_b fc2_W fc2_b', 'dfc1_W dfc1_b dfc2_W dfc2_b'],
    [
      'fc1.weight fc1.bias fc2.weight fc2.bias',
      'grads.fc1.weight grads.fc1.bias grads.fc2.weight grads.fc2.bias',
    ],
    ['model.fc.weight model.fc.bias', 'grad.fc.weight grad.fc.bias'],
    ['model.0.weight model.2.weight', 'model.0.weight_grad model.2.weight_grad'],
    ['dense/kernel:0 dense/bias:0', 'grad.dense/kernel:0 grad.dense/bias:0'],
    ['params.Dense_0.kernel params.Dense_0.bias', 'grads.Dense_0.kernel grads.Dense_0.bias'],
    [
      'coefs_0 intercepts_0 coefs_1 intercepts_1',
      'coefs_0_grad intercepts_0_grad coefs_1_grad intercepts_1_grad',
    ],
  ])('%s with %s', (parameters, gradients) => {
    const [p, g] = [words(parameters), words(gradients)]
    for (const names of [
      [...p, ...g],
      [...g, ...p],
      ['X', 'Y', 'cost', ...g.toReversed(), ...p],
    ]) {
      const found = matchNames(names)
      const bound = new Map(
        found.flatMap(({ weights, biases, weightsGradient, biasesGradient }) => [
          [weights, weightsGradient],
          ...(biases === undefined ? [] : [[biases, biasesGradient]]),
        ]) as [string, string][],
      )
      expect(bound).toEqual(new Map(p.map((name, k) => [name, g[k]])))
    }
  })

  it('are a set of their own where the gradients are, and may be equal there', () => {
    expect(matchNames(['W1', 'W2'], {}, ['W2', 'W1'])).toEqual([
      { weights: 'W1', weightsGradient: 'W1' },
      { weights: 'W2', weightsGradient: 'W2' },
    ])
    expect(matchNames(['W1'], {}, ['W1', 'dW1'])).toEqual([{ weights: 'W1', weightsGradient: 'dW1' }])
    expectFailure(
      () => matchNames(['W1', 'W2'], {}, ['W1']),
      'missing-array',
      /the gradient of W1, is missing/,
    )
    expectFailure(() => matchNames(['W1'], {}, ['W1', 'W2']), 'missing-array', /^W2 is the gradient of W2/)
  })

  it('that can be read in two ways are refused, naming both', () => {
    for (const [names, first, second] of [
      ['params.W1 best.W1 grads.W1', 'params.W1', 'best.W1'],
      ['w1 theta1 dw1 dtheta1', 'w1', 'theta1'],
      ['w1 fc.weight grad.w1 grad.fc.weight', 'w1', 'fc.weight'],
      ['W1 dW1 W1_grad', 'dW1', 'W1_grad'],
      ['W1 dW1 grads.dW1', 'dW1', 'grads.dW1'],
      ['fc.weight grad.fc.weight fc.weight.grad', 'grad.fc.weight', 'fc.weight.grad'],
      ['w1 b1 bias1 dw1 db1 dbias1', 'b1', 'bias1'],
    ]) {
      const { message, fix } = refuses(names, /may both be/, {}, 'bad-usage')
      expect(message).toContain(first)
      expect(message).toContain(second)
      expect(fix).toMatch(/leave one of them out, or say which .* by `(weights|biases|gradients): '/)
    }
  })

  it('of matrices that mostly hold the biases are read without any only if that is said', () => {
    const names = 'Theta1 Theta2 Theta1_grad Theta2_grad'
    const { fix } = refuses(names, /^Theta1 and Theta2 have no biases beside them$/)
    expect(fix).toMatch(/^if the network has none, set `weights: 'Theta\{l\}'`/)
    expect(match(names, { weights: 'Theta{l}' })).toEqual([
      { weights: 'Theta1', weightsGradient: 'Theta1_grad' },
      { weights: 'Theta2', weightsGradient: 'Theta2_grad' },
    ])
  })

  it('do not disturb the documented ones', () => {
    const others =
      'v.dW1 s.dW1 m_W1 v_W1 W1_old old.W1 best.W1 velocity.W1 w1 theta1 num_grad_W1 gradapprox W'
    expect(match(`W1 b1 dW1 db1 ${others}`)).toEqual([
      { weights: 'W1', biases: 'b1', weightsGradient: 'dW1', biasesGradient: 'db1' },
    ])
  })

  it.each([
    'v.W1 grads.W1',
    'grad_W1 grad_b1',
    'old.W1 dW1',
    'num_grad.W1 W1_grad',
    'mask1 D1',
    'delta.W1 grads.W1',
  ])('of gradients and of what an optimiser keeps alone are no parameters: %s', (names) => {
    refuses(names, /named as weights are/)
  })
})

describe('random names', () => {
  const word = fc
    .stringMatching(/^[a-z]{2,6}$/)
    .filter(
      (text) =>
        !/^(grad|nabla|num|true|fd|old|prev|exp|avg|sq|rms|ema|mem|adam|mean|var|std|cache|upd|mask|momen|sgd|approx)|^d|bias|kernel|weight/.test(
          text,
        ),
    )
  const separator = fc.constantFrom('.', '/', '_', ':')
  const stem = fc.constantFrom(
    ['W', 'b'],
    ['w', 'b'],
    ['theta', 'bias'],
    ['weights', 'biases'],
    ['Theta', 'b'],
  )
  const mark = fc.constantFrom(
    ...[
      'd{name}',
      'grad_{name}',
      '{name}_grad',
      'grads.{name}',
      '{name}.grad',
      'dL_d{name}',
      'g_{name}',
      'gradients/{name}',
    ],
  )
  /** Parameters and their gradients, named by one scheme. */
  const scheme = fc
    .record({
      word,
      separator,
      stem,
      mark,
      depth: fc.integer({ min: 1, max: 4 }),
      folder: fc.boolean(),
      inner: fc.boolean(),
    })
    .map(
      ({ word: text, separator: between, stem: [weights, biases], mark: pattern, depth, folder, inner }) => {
        const container = folder ? text + between : ''
        const cores = Array.from({ length: depth }, (_, l) => [
          `${weights}${l + 1}`,
          `${biases}${l + 1}`,
        ]).flat()
        return cores.map((core) => ({
          parameter: container + core,
          gradient: inner
            ? container + pattern.replace('{name}', core)
            : pattern.replace('{name}', container + core),
        }))
      },
    )
  const shuffled = scheme.chain((pairs) =>
    fc
      .shuffledSubarray(
        pairs.flatMap(({ parameter, gradient }) => [parameter, gradient]),
        {
          minLength: 2 * pairs.length,
        },
      )
      .map((names) => ({ pairs, names })),
  )

  it('bind every gradient to its parameter, in any order', () => {
    fc.assert(
      fc.property(shuffled, ({ pairs, names }) => {
        const bound = matchNames(names).flatMap((layer) => [
          [layer.weights, layer.weightsGradient],
          [layer.biases, layer.biasesGradient],
        ])
        expect(bound).toEqual(pairs.map(({ parameter, gradient }) => [parameter, gradient]))
      }),
      { numRuns: 200 },
    )
  })

  it('never bind a gradient as a parameter, nor a parameter as a gradient, whatever is left out', () => {
    fc.assert(
      fc.property(
        shuffled.chain(({ pairs, names }) => fc.subarray(names).map((some) => ({ pairs, names: some }))),
        ({ pairs, names }) => {
          const gradientOf = new Map(pairs.map(({ parameter, gradient }) => [parameter, gradient]))
          let layers: ReturnType<typeof matchNames>
          try {
            layers = matchNames(names)
          } catch (error) {
            expect(error).toBeInstanceOf(GradcheckError)
            return
          }
          for (const { weights, biases, weightsGradient, biasesGradient } of layers) {
            expect(gradientOf.get(weights)).toBe(weightsGradient)
            if (biases !== undefined) expect(gradientOf.get(biases)).toBe(biasesGradient)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('of two schemes at once are refused, or bound by one of them alone', () => {
    fc.assert(
      fc.property(scheme, scheme, (first, second) => {
        const names = [
          ...new Set([...first, ...second].flatMap(({ parameter, gradient }) => [parameter, gradient])),
        ]
        try {
          const bound = matchNames(names).flatMap((layer) => [
            [layer.weights, layer.weightsGradient],
            ...(layer.biases === undefined ? [] : [[layer.biases, layer.biasesGradient]]),
          ])
          const whole = [first, second].map((pairs) =>
            pairs.map(({ parameter, gradient }) => [parameter, gradient]),
          )
          expect(
            whole.some((pairs) => bound.every((each) => pairs.some((pair) => pair.join() === each.join()))),
          ).toBe(true)
        } catch (error) {
          if (!(error instanceof GradcheckError)) throw error
        }
      }),
      { numRuns: 200 },
    )
  })
})
