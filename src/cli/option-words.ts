import { suggestName } from '../suggest.js'

/** What people call an option, by the option: without dashes and separators, in lower case. */
const OPTION_WORDS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    '--step':
      'epsilon eps e h delta dx stepsize perturbation perturb increment finitedifferencestep fdstep spacing eta',
    '--tolerance':
      'tol rtol atol reltol abstol relativetolerance absolutetolerance threshold maxdifference maxerror',
    '--l2':
      'lambda lambd lam reg regularization regularisation regulariser regularizer weightdecay wd decay l2reg l2lambda penalty ridge alpha lambdareg',
    '--activations': 'activation activationfunctions act acts nonlinearity nonlinearities layers',
    '--loss': 'lossfunction lossfn criterion objective cost costfunction error',
    '--inputs': 'x input data features xname trainx xtrain',
    '--targets': 'y target labels label yname outputs ytrain groundtruth',
    '--weights': 'w weight weightname weightnames kernel kernels params parameters theta',
    '--biases': 'b bias biasname intercept intercepts',
    '--gradients': 'grad grads gradient dw gradientname gradname',
    '--gradient': 'grad grads gradients derivative derivatives df dfdx jac jacobian analytic analytical',
    '--layout':
      'order orientation dataformat format axis batchfirst batchaxis rowmajor transpose transposed memorylayout',
    '--device': 'gpu cpu cuda software backend adapter webgpu',
    '--precision': 'dtype double single float32 float64 fp32 fp64 f32 f64 extended',
    '--method': 'mode algorithm textbook difference',
    '--scheme': 'centered centred central forward twosided onesided differences',
    '--sample': 'samples n subset count numsamples maxparameters maxparams checks numchecks random',
    '--seed': 'randomseed randomstate rng rngseed',
    '--memory': 'mem memorylimit batchsize batch maxmemory',
    '--steps': 'sweep stepsweep epsilons hs',
    '--fast': 'quick speed directions directional',
    '--report': 'reportformat outputformat',
    '--output': 'out o outfile outputfile file save write path',
    '--json': 'asjson j',
    '--at': 'point x0 x values value where at0 args theta',
    '--wrt': 'variable variables vars var respectto withrespectto',
    '--help': 'h usage options',
    '--version': 'v ver',
    '--network': 'widths sizes shape layers architecture arch',
    '--activation': 'activations act nonlinearity',
    '--samples': 'batch batchsize n count sample',
    '--seconds': 'time timeout duration budget',
  }).map(([option, words]) => [option, words.split(' ')]),
)

/** Where the word itself is a value: `--cpu` for `--device cpu`. */
const VALUES: ReadonlyMap<string, string> = new Map([
  ['gpu', '--device gpu'],
  ['cuda', '--device gpu'],
  ['webgpu', '--device gpu'],
  ['cpu', '--device cpu'],
  ['software', '--device software'],
  ['textbook', '--method textbook'],
  ['forward', '--scheme forward'],
  ['onesided', '--scheme forward'],
  ['central', '--scheme central'],
  ['centered', '--scheme central'],
  ['centred', '--scheme central'],
  ['twosided', '--scheme central'],
  ['extended', '--precision extended'],
  ['single', '--precision single'],
  ['float32', '--precision single'],
])

/** Float64 is no option: the processor always has it. */
const FLOAT64_WORDS: readonly string[] = ['double', 'float64', 'fp64', 'f64']

/**
 * What an unknown option may stand for, as the end of an error message: the command's option that means the same, or the
 * nearest in spelling; empty where there is none.
 * @param options the options that the command has
 */
export function suggestOption(typed: string, options: readonly string[]): string {
  const key = typed
    .replace(/=.*/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
  const has = (meant: string) => options.includes(meant.split(' ')[0])
  if (FLOAT64_WORDS.includes(key) && has('--device')) return '; did you mean "--device cpu"?'
  const value = VALUES.get(key)
  if (value !== undefined && has(value)) return `; did you mean "${value}"?`
  const named = options.find((option) => option.replace(/[^a-z0-9]/g, '') === key)
  if (named !== undefined) return `; did you mean "${named}"?`
  const same = [...OPTION_WORDS].flatMap(([option, words]) =>
    has(option) && words.includes(key) ? [option] : [],
  )
  if (same.length > 0) return `; did you mean ${same.map((option) => `"${option}"`).join(' or ')}?`
  // of a short word's letters half could be changed
  return key.length < 3 ? '' : suggestName(`--${typed.replace(/^-*/, '').replace(/=.*/, '')}`, options)
}

/** Words that mean a value of an option, by the option. */
const CHOICE_WORDS: Readonly<Record<string, ReadonlyMap<string, string>>> = {
  '--device': listChoices({
    gpu: 'cuda nvidia amd webgpu metal vulkan hardware dawn directx igpu',
    software: 'swiftshader lavapipe llvmpipe mesa emulated emulator',
    cpu: 'processor none off float64 double native js javascript',
    auto: 'default any best',
  }),
  '--scheme': listChoices({
    central:
      'centered centred centre center symmetric twosided two both centraldifference centraldifferences',
    forward: 'onesided one right forwarddifference forwarddifferences',
  }),
  '--method': listChoices({
    difference: 'default differences exact differencearithmetic',
    textbook: 'loop naive plain numerical definition finitedifferences finitedifference',
  }),
  '--precision': listChoices({
    single: 'float32 fp32 f32 float 32',
    extended: 'double float64 fp64 f64 64 high doublesingle',
  }),
  '--report': listChoices({ text: 'txt plain human console', json: 'js machine' }),
}

function listChoices(words: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(words).flatMap(([choice, typed]) =>
      typed.split(' ').map((word) => [word, choice] as const),
    ),
  )
}

/** The value of an option that a word means, or the nearest in spelling, as the end of an error message. */
export function suggestChoice(option: string, typed: string, choices: readonly string[]): string {
  const key = typed.toLowerCase().replace(/[^a-z0-9]/g, '')
  const meant = CHOICE_WORDS[option]?.get(key)
  return meant !== undefined && choices.includes(meant)
    ? `; did you mean "${meant}"?`
    : suggestName(typed, choices)
}
