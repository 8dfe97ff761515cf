import { GradcheckError } from '../errors.js'
import { suggestName } from '../suggest.js'

/** What somebody may have meant by a word that is none of ours. */
export interface Meaning {
  /** Names of ours that mean the same, the likeliest first. */
  readonly names: readonly string[]
  /** What to do, where a name alone does not say it. */
  readonly advice?: string
}

/** Words of other libraries by their meaning here; letters and digits in lower case. */
export type Vocabulary = ReadonlyMap<string, Meaning>

/** `names: words` lines as a vocabulary. */
function listWords(entries: readonly (readonly [Meaning, string])[]): Vocabulary {
  return new Map(
    entries.flatMap(([meaning, words]) => words.split(/\s+/).map((word) => [word, meaning] as const)),
  )
}

const named = (...names: string[]): Meaning => ({ names })
const NOT_HERE = 'in code, checkFunction checks any function of numbers, with this in it as well'
const LAYER = 'every layer is fully connected by itself: name its activation, linear where there is none'

/** What NumPy code, PyTorch, Keras, JAX, MATLAB and textbooks call activations. */
export const ACTIVATION_WORDS: Vocabulary = listWords([
  [named('relu'), 'rect rectifier rectified rectifiedlinear rectifiedlinearunit poslin ramp relufunction'],
  [named('leaky-relu'), 'lrelu leaky lkrelu leakyrectifier leakyrectify leakyrectified leakyrectifiedlinear'],
  [named('elu'), 'exponentiallinear exponentiallinearunit'],
  [
    {
      names: ['elu'],
      advice: 'celu with alpha 1 is elu; with another alpha it is not among the activations here',
    },
    'celu',
  ],
  [named('selu'), 'snn scaledelu scaledexponentiallinear scaledexponentiallinearunit'],
  [named('sigmoid'), 'logistic logisticsigmoid logisticfunction logsig sigm sig expit sigmoide softstep'],
  [named('tanh'), 'tansig tanhyp th hyperbolictangent'],
  [named('softplus'), 'smoothrelu softrelu softrectifier'],
  [named('softsign'), 'elliot elliotsig'],
  [named('silu'), 'swish swish1 sil sigmoidlinear sigmoidlinearunit sigmoidweightedlinear'],
  [named('gelu'), 'geluexact geluerf gelunone gaussianerrorlinear gaussianerrorlinearunit'],
  [
    named('gelu-tanh'),
    'gelunew newgelu gelufast fastgelu geluapprox geluapproximate approximategelu gelupytorchtanh geluapproximatetanh tanhgelu',
  ],
  [named('gelu-sigmoid'), 'quickgelu gelu1702 sigmoidgelu geluquick'],
  [
    named('linear'),
    'identity ident id none null nil no nothing noactivation lin purelin passthrough logit logits raw',
  ],
  [
    {
      names: [],
      advice:
        'the softmax belongs to the loss: end the activations with linear, and name softmax-cross-entropy as the loss',
    },
    'softmax logsoftmax softmax1d softmax2d stablesoftmax',
  ],
  [{ names: [], advice: LAYER }, 'nnlinear dense fc fullyconnected affine innerproduct layer mlp'],
  [
    {
      names: ['leaky-relu'],
      advice: `leaky-relu has a slope that is fixed; for one that is learned, ${NOT_HERE}`,
    },
    'prelu parametricrelu rrelu',
  ],
  [
    { names: [], advice: NOT_HERE },
    `relu6 crelu relun hardtanh htanh hardsigmoid hardswish hardsilu mish glu geglu swiglu reglu logsigmoid tanhshrink
    softshrink hardshrink shrink threshold maxout step heaviside binarystep hardlim hardlims sign sin sine siren cos cosine
    exp exponential gaussian gauss rbf radbas square squared abs absolute arctan atan sinc bentidentity sparsemax softmin
    entmax snake squareplus lisht isru isrlu satlin satlins tribas cube poly
    conv conv1d conv2d convolution maxpool maxpool2d maxpooling avgpool averagepooling pool dropout batchnorm batchnorm1d
    batchnorm2d batchnormalization bn layernorm layernormalization groupnorm rmsnorm norm flatten reshape lstm gru rnn
    embedding attention multiheadattention residual`,
  ],
])

/** What people call losses. */
export const LOSS_WORDS: Vocabulary = listWords([
  [
    {
      names: ['softmax-cross-entropy', 'binary-cross-entropy'],
      advice:
        'softmax-cross-entropy for classes that exclude each other, after linear; binary-cross-entropy for outputs of yes ' +
        'or no, after sigmoid',
    },
    'crossentropy ce xent xentropy crossent entropy logistic logisticregression',
  ],
  [
    named('softmax-cross-entropy'),
    `crossentropyloss nncrossentropyloss categoricalcrossentropy sparsecategoricalcrossentropy sparsecrossentropy
    categorical sparsecategorical softmax softmaxce softmaxloss softmaxentropy sparsesoftmaxcrossentropy
    softmaxcrossentropywithlogits softmaxcrossentropywithlogitsv2 softmaxcrossentropywithintegerlabels
    sparsesoftmaxcrossentropywithlogits crossentropywithlogits crossentropywithsoftmax safesoftmaxcrossentropy nll nllloss
    negativeloglikelihood loglikelihood multinomial multinomiallogistic multiclass multiclasscrossentropy multiclasslogloss
    mlogloss cce scce catcrossentropy logsoftmax logsoftmaxnll softmaxwithloss softmaxwithcrossentropy`,
  ],
  [
    named('binary-cross-entropy'),
    `bce bceloss bcewithlogits bcewithlogitsloss binarycrossentropywithlogits binarycrossent binaryce binarylogloss
    binarycrossentropycost bincrossentropy logloss sigmoidcrossentropy sigmoidcrossentropywithlogits
    sigmoidbinarycrossentropy sigmoidbce sigmoidce bernoulli bernoullinll binomial binomialdeviance deviance
    logisticloss multilabelsoftmargin`,
  ],
  [named('mean-squared-error'), 'mse mseloss meansquare meansquared meansquareerror meansquares'],
  [
    named('half-squared-error'),
    'halfsse halfsquare halfsquared halfl2 halfsumofsquares halfsumsquares halfsquarederrors',
  ],
  [
    {
      names: ['mean-squared-error', 'half-squared-error'],
      advice:
        'mean-squared-error is a mean over all elements, half-squared-error half of the sum of squares; the sum itself is mean-squared-error with the reduction sum',
    },
    `l2 l2loss squarederror squarederrors squared squareloss squaredloss squaredl2 quadratic quadraticcost quadraticloss
    leastsquares leastsquareserror ls lms sse rss ssd euclidean euclideanloss euclideandistance sumofsquares sumsquares
    sumsquarederror sumofsquarederrors regression gaussian`,
  ],
  [
    {
      names: ['half-squared-error'],
      advice: 'half-squared-error with the reduction mean is 1/(2m) Σ (A − Y)²',
    },
    'halfmse halfmeansquarederror halfmeansquared mse2 halfmeansquare',
  ],
  [
    { names: [], advice: NOT_HERE },
    `hinge hingeloss svm squaredhinge categoricalhinge multimargin multimarginloss multilabelmargin marginranking margin
    softmargin hingeembedding triplet tripletmargin tripletloss contrastive contrastiveloss cosine cosinesimilarity
    cosineembedding cosinedistance kl kld kldiv kldivloss kldivergence kullbackleibler js poisson poissonnll ctc ctcloss
    focal focalloss dice diceloss iou jaccard tversky logcosh mae l1 l1loss absolute absoluteerror meanabsoluteerror
    smoothl1 smoothl1loss huber huberloss mape msle rmse rmsle rootmeansquarederror gaussiannll quantile pinball ranking
    wasserstein nce infonce ntxent elbo vae gan reinforce policygradient ppo perceptron exponential accuracy r2 perplexity
    crf`,
  ],
])

/** What people call the ways to add up a loss. */
export const REDUCTION_WORDS: Vocabulary = listWords([
  [named('mean'), 'average avg batchmean batchaverage samplemean persample sumoverbatchsize meansamples m'],
  [named('sum'), 'total add added summed nomean batchsum'],
  [named('mean-elements'), 'all elements elementmean elementwisemean meanall meanoverall allmean'],
  [named('weighted-mean'), 'weighted weightedaverage weightedsum averageweighted'],
  [
    { names: [], advice: 'a gradient is that of a single number: sum or average the losses' },
    'none no null off',
  ],
])

/** What people call layouts, or take for one. */
export const LAYOUT_WORDS: Vocabulary = listWords([
  [
    named('rows'),
    `row rowmajor samplesfirst batchfirst samplesinrows examplesfirst c numpy keras tensorflow tf jax flax sklearn
    scikitlearn nc samplesfeatures batchfeatures`,
  ],
  [
    named('columns'),
    'column col cols columnmajor featuresfirst samplesincolumns fortran f coursera deeplearningai matlab featuressamples',
  ],
  [named('pytorch'), 'torch nn libtorch safetensors outin'],
])

/**
 * The error for a name that is none of ours: with those that mean the same, what else to do, or the nearest in spelling.
 * @param kind of name, as a message says it: `activation`
 * @param write how a name that is meant would be typed
 */
export function unknownName(
  kind: string,
  text: string,
  names: readonly string[],
  vocabulary: Vocabulary,
  write: (name: string) => string = (name) => name,
): GradcheckError {
  const choice = `use one of ${names.join(', ')}`
  const meaning = findMeaning(text, names, vocabulary)
  if (meaning === undefined) {
    return new GradcheckError('unknown-name', `unknown ${kind} "${text}"${suggestName(text, names)}`, {
      fix: choice,
    })
  }
  const meant = meaning.names.filter((name) => names.includes(name))
  const suggestion =
    meant.length === 0 ? '' : `; did you mean ${meant.map((name) => `"${write(name)}"`).join(' or ')}?`
  const { advice } = meaning
  return new GradcheckError('unknown-name', `unknown ${kind} "${text}"${suggestion}`, {
    fix: advice === undefined ? choice : `${advice}; or ${choice}`,
  })
}

/** Endings that say no more than what is asked for. */
const ENDINGS = /(activation|function|fn|layer|loss|cost|objective|criterion|layout|order)+$/

/** What a word means that is written in one of the ways of code: `nn.LeakyReLU(0.2)`, `tf.keras.losses.MSE`. */
function findMeaning(text: string, names: readonly string[], vocabulary: Vocabulary): Meaning | undefined {
  const bare = text.toLowerCase().replace(/\(.*/, '')
  const last = bare.split(/[.:/]/).findLast((part) => part.trim() !== '') ?? ''
  // nn.Linear is no linear activation
  for (const form of [/\bnn\.linear$/.test(bare) ? 'nn.linear' : '', bare, last]) {
    const key = toKey(form)
    for (const word of [key, key.replace(ENDINGS, ''), key.replace(/error$/, '')]) {
      if (word === '') continue
      const same = vocabulary.get(word)
      if (same !== undefined) return same
      const spelt = names.find((name) => toKey(name) === word)
      if (spelt !== undefined) return named(spelt)
    }
  }
  return undefined
}

const toKey = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, '')
