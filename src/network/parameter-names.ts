/** What the name of a parameter says. */
export interface ParameterName {
  readonly name: string
  readonly role: 'weights' | 'biases'
  /** What stands before it: the folder that it lies in, the module that it is of; `params.`, `layers.0.`, `fc1_`. */
  readonly prefix: string
  /** The rest: `W1`, `weight`. */
  readonly core: string
  /** The number behind the word; absent for a module's parameter, whose layer the prefix tells. */
  readonly number?: number
  /** The same for all parameters of one role that belong together. */
  readonly family: string
}

const WEIGHTS = new Set(
  'w weight weights wt wts kernel kernels theta thetas θ omega coef coefs syn synapse synapses'.split(' '),
)
const BIASES = new Set('b bias biases intercept intercepts'.split(' '))
/** `params.W_1`, `Theta2`, `weights.0`, `W[1]` */
const NUMBERED = /^(.*?[./_:\- ])??(\p{L}+)(?:([_.]?)(\d+)|\[(\d+)\]|\((\d+)\))(:0)?$/su
/** `fc.weight`, `dense/kernel:0`, `layers.0.W`, `w` */
const OF_A_MODULE = /^(.*[./_:\- ])?(\p{L}+)(:0)?$/su
/** What a single letter or word is as a module's own: a `theta` or `coef` is there once. */
const MODULE_WEIGHTS = new Set('w weight weights kernel theta'.split(' '))
const MODULE_BIASES = new Set('b bias biases'.split(' '))

/** Words that say that an array is no parameter: a gradient, or what an optimiser keeps. */
const GRADIENT_WORD = /^((num|numerical|approx|true|fd)?grad(s|ients?|approx|check)?|nabla|dparams?)$/i
const OTHER_WORDS = new Set(
  `d g dl dj de dc dloss dcost delta deltas update updates upd m v s velocity velocities momentum moment moments cache mem
  adam rmsprop sgd exp avg sq ema old prev previous num numerical approx fd mask masks dropout mean var std`.split(
    /\s+/,
  ),
)

/** A name such as W1, params.b2 or Theta_3 as a parameter's; undefined for any other, and for gradients. */
export function readNumberedName(name: string): ParameterName | undefined {
  const match = NUMBERED.exec(name)
  if (match === null) return undefined
  const [, prefix = '', word, separator = '', plain, inBrackets, inParentheses, ending = ''] = match
  const role = findRole(word, WEIGHTS, BIASES)
  if (role === undefined || wordsOf(prefix).some((each) => isOtherWord(each))) return undefined
  const style = inBrackets !== undefined ? '[]' : inParentheses !== undefined ? '()' : separator
  return {
    name,
    role,
    prefix,
    core: name.slice(prefix.length),
    number: Number(plain ?? inBrackets ?? inParentheses),
    family: [prefix, word, style, ending].join('\0'),
  }
}

/** A name such as fc.weight, dense/kernel:0 or layers.0.W as a parameter's; undefined for any other. */
export function readModuleName(name: string): ParameterName | undefined {
  const match = OF_A_MODULE.exec(name)
  if (match === null) return undefined
  const [, prefix = '', word, ending = ''] = match
  const role = findRole(word, MODULE_WEIGHTS, MODULE_BIASES)
  if (role === undefined || wordsOf(prefix).some((each) => GRADIENT_WORD.test(each))) return undefined
  // of a module the word alone says what belongs together
  return { name, role, prefix, core: word + ending, family: [word, ending].join('\0') }
}

/** Whether a name may be a parameter's. */
export const looksLikeParameter = (name: string): boolean =>
  readNumberedName(name) !== undefined || readModuleName(name) !== undefined

function findRole(
  word: string,
  weights: ReadonlySet<string>,
  biases: ReadonlySet<string>,
): 'weights' | 'biases' | undefined {
  const lower = word.toLowerCase()
  return weights.has(lower) ? 'weights' : biases.has(lower) ? 'biases' : undefined
}

const wordsOf = (prefix: string) => prefix.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')

const isOtherWord = (word: string) => GRADIENT_WORD.test(word) || OTHER_WORDS.has(word.toLowerCase())
