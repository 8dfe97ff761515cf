import { NdArray, type Tracer } from './arrays.js'
import { BUILTINS } from './builtins.js'
import { EXCEPTIONS } from './exceptions.js'
import type { Interpreter } from './interpreter.js'
import { MATH } from './math-functions.js'
import { type Body, Call, INFINITE } from './native-call.js'
import { copied, kindOf, NUMPY } from './numpy-functions.js'
import { GRIDS, joiner } from './numpy-grids.js'
import { SELECTION } from './numpy-selection.js'
import { STANDARD_LIBRARY } from './standard-library.js'
import { TORCH } from './torch-functions.js'
import { Ellipsis, Native, NOT_IMPLEMENTED, type Place, Unknown, type Value } from './values.js'

/** What stands for a type in `astype` and `dtype`. */
const TYPES = [
  'float64',
  'float32',
  'float16',
  'float',
  'int64',
  'int32',
  'int8',
  'uint8',
  'int_',
  'bool_',
  'double',
  'long',
]

/** Everything that a name of Python, NumPy or math stands for. */
export function listNatives(interpreterOf: () => Interpreter, tracer: Tracer): Map<string, Value> {
  const natives = new Map<string, Value>()
  const make = (name: string, body: Body) =>
    new Native(name, (given, place) => {
      const unknown = [...given.plain, ...given.named.values()].find(
        (value): value is Unknown => value instanceof Unknown,
      )
      // what is printed or measured may be anything
      if (unknown !== undefined && !TAKES_UNKNOWN.has(name)) return unknown
      // a result that is stored into an array
      const out = given.named.get('out')
      const others = new Map(given.named)
      if (out instanceof NdArray) others.delete('out')
      const call = new Call(interpreterOf(), tracer, { plain: given.plain, named: others }, place)
      const value = body(call)
      const made = TAKES_NAMES.has(name) ? value : (call.unread() ?? value)
      if (!(out instanceof NdArray) || made instanceof Unknown) return made
      interpreterOf().store(out, new Ellipsis(), made, place)
      return out
    })
  const numpy = { ...NUMPY, ...SELECTION, ...GRIDS }
  for (const [name, body] of Object.entries(numpy)) natives.set(`numpy.${name}`, make(name, body))
  for (const prefix of ['linalg', 'add', 'lib', 'lib.stride_tricks']) natives.set(`numpy.${prefix}.`, null)
  for (const type of TYPES) {
    const cast = make(type, (call) => copied(call, call.array(0), kindOf(type)))
    natives.set(`numpy.${type}`, cast)
    natives.set(`torch.${type}`, cast)
  }
  natives.set(
    'numpy.ndarray',
    make('ndarray', (call) => call.array(0)),
  )
  for (const [name, value] of Object.entries({ pi: Math.PI, e: Math.E, inf: INFINITE })) {
    natives.set(`numpy.${name}`, value)
    natives.set(`math.${name}`, value)
  }
  natives.set('numpy.newaxis', null)
  for (const name of ['r_', 'c_'] as const) {
    const callAt = (plain: readonly Value[], place: Place) =>
      new Call(interpreterOf(), tracer, { plain, named: new Map() }, place)
    natives.set(`numpy.${name}`, joiner(name, callAt))
  }
  for (const name of ['generic', 'number', 'floating', 'integer']) {
    natives.set(
      `numpy.${name}`,
      make(name, (call) => call.refuse(`np.${name} makes nothing`)),
    )
  }
  natives.set(
    'numpy.errstate',
    make('errstate', () => null),
  )
  natives.set(
    'numpy.seterr',
    make('seterr', () => null),
  )
  natives.set(
    'numpy.set_printoptions',
    make('set_printoptions', () => null),
  )
  natives.set('numpy.random.', null)
  for (const name of RANDOM) {
    natives.set(`numpy.random.${name}`, make(name, drawAtRandom(name)))
  }
  for (const [name, body] of Object.entries(MATH)) natives.set(`math.${name}`, make(name, body))
  for (const [name, body] of Object.entries(STANDARD_LIBRARY)) {
    natives.set(name, make(name.split('.').slice(1).join('.'), body))
  }
  natives.set('math.tau', 2 * Math.PI)
  for (const [name, of] of EXCEPTIONS) natives.set(`builtins.${name}`, of)
  natives.set('builtins.NotImplemented', NOT_IMPLEMENTED)
  for (const name of [
    'random',
    'uniform',
    'gauss',
    'normalvariate',
    'randint',
    'choice',
    'shuffle',
    'seed',
    'sample',
  ]) {
    natives.set(`random.${name}`, natives.get(`numpy.random.${name}`) ?? make(name, drawAtRandom(name)))
  }
  for (const [name, body] of Object.entries(BUILTINS)) natives.set(`builtins.${name}`, make(name, body))
  const shared = Object.fromEntries(SHARED_WITH_TORCH.map((name) => [name, numpy[name]]))
  for (const [name, body] of Object.entries({ ...NUMPY, ...shared, ...TORCH })) {
    for (const module of ['torch', 'torch.nn.functional']) natives.set(`${module}.${name}`, make(name, body))
  }
  natives.set('torch.nn.', null)
  natives.set('torch.nn.functional.', null)
  return natives
}

/** Functions that mean the same in torch: `meshgrid`, `sort` and `select`, among others, do not. */
const SHARED_WITH_TORCH = [
  'isnan',
  'isinf',
  'isfinite',
  'isclose',
  'eye',
  'linspace',
  'round',
  'trunc',
  'fix',
  'heaviside',
  'flipud',
  'fliplr',
  'diff',
]

/** What is drawn is not known; a seed draws nothing. */
const drawAtRandom =
  (name: string): Body =>
  (call) =>
    name === 'seed'
      ? null
      : new Unknown(
          `np.random.${name} is random: the loss must be the same at every evaluation`,
          call.place,
          'save what it drew under the name that it is assigned to here, or switch it off',
          'random',
        )

const RANDOM = [
  'rand',
  'randn',
  'random',
  'normal',
  'uniform',
  'randint',
  'choice',
  'permutation',
  'shuffle',
  'seed',
  'binomial',
  'standard_normal',
  'RandomState',
  'default_rng',
  'random_sample',
]

/** Functions that take any names, or are of no effect. */
const TAKES_NAMES = new Set([
  'print',
  'dict',
  'OrderedDict',
  'Counter',
  'defaultdict',
  'partial',
  'errstate',
  'seterr',
  'set_printoptions',
  ...RANDOM,
])

const TAKES_UNKNOWN = new Set([
  'print',
  'isinstance',
  'hasattr',
  'callable',
  'getattr',
  'type',
  'dict',
  'list',
  'tuple',
  'zip',
  'enumerate',
  'OrderedDict',
  'partial',
  'setattr',
])
