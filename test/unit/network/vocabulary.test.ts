import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GradcheckError } from '../../../src/errors.js'
import { ACTIVATION_NAMES, findActivation } from '../../../src/network/activations.js'
import { findLayout, LAYOUT_NAMES } from '../../../src/network/layout.js'
import { findLoss, LOSS_NAMES } from '../../../src/network/losses.js'
import { findReduction, REDUCTION_NAMES } from '../../../src/network/reductions.js'
import {
  ACTIVATION_WORDS,
  LAYOUT_WORDS,
  LOSS_WORDS,
  REDUCTION_WORDS,
  type Vocabulary,
} from '../../../src/network/vocabulary.js'

function refuse(find: (name: string) => unknown, name: string): GradcheckError {
  try {
    find(name)
  } catch (error) {
    if (error instanceof GradcheckError) return error
    throw error
  }
  throw new Error(`${name} is known`)
}

/** What people type, by what is proposed for it. */
const ACTIVATIONS: [string, string][] = [
  ['leaky-relu', 'lrelu LReLU leaky_relu LeakyReLU nn.LeakyReLU() leakyReLu leaky tf.nn.leaky_relu PReLU'],
  ['silu', 'swish Swish SiLU nn.SiLU() jax.nn.swish'],
  ['linear', 'identity Identity none None id nn.Identity() lin purelin logits'],
  [
    'sigmoid',
    'logistic Logistic expit logsig sigm Sigmoid torch.sigmoid nn.Sigmoid() scipy.special.expit sigmoïd sigmod',
  ],
  ['tanh', 'tansig np.tanh Tanh hyperbolic-tangent th tanhh'],
  ['relu', 'ReLU rectifier F.relu rectified_linear reul ReLu relu_layer'],
  ['softplus', 'smooth-relu SoftPlus nn.Softplus'],
  ['elu', 'ELU nn.ELU() celu'],
  ['gelu-tanh', 'gelu_new gelu_pytorch_tanh gelu_fast'],
  ['gelu', 'GELU gelu_exact'],
]
const LOSSES: [string, string][] = [
  [
    'binary-cross-entropy',
    'bce BCE BCELoss nn.BCEWithLogitsLoss() bce-with-logits bce_with_logits binary_crossentropy log-loss log_loss logloss ' +
      'sigmoid_cross_entropy optax.sigmoid_binary_cross_entropy tf.nn.sigmoid_cross_entropy_with_logits',
  ],
  [
    'softmax-cross-entropy',
    'CrossEntropyLoss nn.CrossEntropyLoss() sparse_categorical_crossentropy categorical_crossentropy ' +
      'SparseCategoricalCrossentropy NLLLoss nll nll_loss softmax softmax_cross_entropy_with_logits ' +
      'optax.softmax_cross_entropy_with_integer_labels sparse-categorical-cross-entropy',
  ],
  [
    'mean-squared-error',
    'mse MSE MSELoss nn.MSELoss() mean_squared_error tf.keras.losses.MeanSquaredError() mse_loss',
  ],
  ['half-squared-error', 'half_squared_error half-sse'],
]
const REDUCTIONS: [string, string][] = [
  ['mean', 'average batchmean sum_over_batch_size'],
  ['sum', 'total Sum'],
  ['mean-elements', 'elementwise_mean all mean_elements'],
  ['weighted-mean', 'weighted weighted_average'],
]
const LAYOUTS: [string, string][] = [
  ['rows', 'row samples-first batch_first keras tf row-major Rows'],
  ['columns', 'column cols features-first column-major'],
  ['pytorch', 'torch PyTorch nn'],
]

describe.each([
  ['activation', findActivation, ACTIVATIONS],
  ['loss', findLoss, LOSSES],
  ['layout', findLayout, LAYOUTS],
  ['reduction', findReduction, REDUCTIONS],
])('an unknown %s', (_kind, find, table) => {
  it.each(table.flatMap(([meant, typed]) => typed.split(' ').map((text) => [text, meant])))(
    '%s: %s is meant',
    (text, meant) => {
      expect(refuse(find, text).message).toMatch(new RegExp(`; did you mean "${meant}"\\?$`))
    },
  )
})

describe('an unknown name', () => {
  it.each(['cross-entropy', 'cross_entropy', 'CE', 'xent'])(
    '%s: both cross-entropies are proposed',
    (text) => {
      const error = refuse(findLoss, text)
      expect(error.message).toMatch(/mean "softmax-cross-entropy" or "binary-cross-entropy"\?$/)
      expect(error.fix).toMatch(
        /^softmax-cross-entropy for classes .* after linear; binary-cross-entropy for/,
      )
    },
  )

  it.each(['l2', 'squared-error', 'quadratic', 'SSE', 'least_squares'])(
    '%s: both squares are proposed',
    (text) => {
      expect(refuse(findLoss, text).message).toMatch(/"mean-squared-error" or "half-squared-error"\?$/)
    },
  )

  it.each(['softmax', 'Softmax', 'nn.Softmax(dim=1)', 'log_softmax', 'LogSoftmax', 'tf.nn.softmax'])(
    '%s as an activation is a part of the loss',
    (text) => {
      const { message, fix } = refuse(findActivation, text)
      expect(message).toBe(`unknown activation "${text}"`)
      expect(fix).toMatch(
        /^the softmax belongs to the loss: end .* with linear, and name softmax-cross-entropy/,
      )
    },
  )

  it('keeps its constant', () => {
    for (const text of ['lrelu(0.2)', 'nn.LeakyReLU(0.2)', 'LeakyReLU(negative_slope=0.2)']) {
      expect(refuse(findActivation, text).message).toMatch(/did you mean "leaky-relu\(0\.2\)"\?$/)
    }
    expect(refuse(findActivation, 'Sigmoid(0.2)').message).toMatch(/did you mean "sigmoid"\?$/)
  })

  it.each(['nn.Linear', 'torch.nn.Linear(3, 4)', 'Dense', 'dense', 'fc'])('%s is a layer', (text) => {
    expect(refuse(findActivation, text).fix).toMatch(/^every layer is fully connected by itself/)
  })

  it.each([
    'hinge',
    'nn.HingeEmbeddingLoss()',
    'l1',
    'L1Loss',
    'MAE',
    'huber',
    'smooth_l1_loss',
    'kl_div',
    'rmse',
    'focal',
  ])('the loss %s is none of ours, and there is another way', (text) => {
    const { message, fix } = refuse(findLoss, text)
    expect(message).not.toContain('did you mean')
    expect(fix).toMatch(/^in code, checkFunction checks any function/)
  })

  it.each([
    'relu6',
    'mish',
    'hard-tanh',
    'nn.Hardtanh()',
    'hard_sigmoid',
    'sin',
    'maxout',
    'batchnorm',
    'conv2d',
    'GLU',
  ])('the activation %s is none of ours, and there is another way', (text) => {
    const { message, fix } = refuse(findActivation, text)
    expect(message).not.toContain('did you mean')
    expect(fix).toMatch(/^in code, checkFunction checks any function/)
  })

  it('that has no meaning here gets the list', () => {
    for (const text of ['foo', '', '(', 'qqqq', '🦊']) {
      const { message, fix } = refuse(findActivation, text)
      expect(message).toBe(`unknown activation "${text}"`)
      expect(fix).toMatch(/^use one of relu/)
    }
  })
})

describe('the words', () => {
  it.each<[string, Vocabulary, readonly string[], (name: string) => unknown]>([
    ['activations', ACTIVATION_WORDS, ACTIVATION_NAMES, findActivation],
    ['losses', LOSS_WORDS, LOSS_NAMES, findLoss],
    ['layouts', LAYOUT_WORDS, LAYOUT_NAMES, findLayout],
    ['reductions', REDUCTION_WORDS, REDUCTION_NAMES, findReduction],
  ])('of %s are refused with a name of ours or with advice', (_kind, vocabulary, names, find) => {
    for (const [word, { advice }] of vocabulary) {
      expect(word).toMatch(/^[a-z0-9]+$/)
      if (names.includes(word)) throw new Error(`${word} is a name`)
      const { message, fix } = refuse(find, word)
      const meant = [...message.matchAll(/"([^"]*)"(?= or|\?$)/g)].map(([, name]) => name)
      expect(meant.length > 0 || advice !== undefined, word).toBe(true)
      for (const name of meant) expect(names).toContain(name)
      expect(fix).toContain('use one of')
    }
  })

  it('are found however they are written', () => {
    const words = [...ACTIVATION_WORDS].filter(([, { names }]) =>
      ACTIVATION_NAMES.includes(names[0] as never),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...words),
        fc.constantFrom('', 'nn.', 'torch.nn.functional.', 'tf.keras.activations.', 'F.'),
        fc.constantFrom('', '()', '_layer', 'Fn', '_activation', 'Layer'),
        fc.func(fc.boolean()),
        ([word, { names }], before, behind, isUpper) => {
          const cased = [...word].map((letter, k) => (isUpper(k) ? letter.toUpperCase() : letter)).join('')
          expect(refuse(findActivation, before + cased + behind).message).toContain(`"${names[0]}"`)
        },
      ),
    )
  })
})
