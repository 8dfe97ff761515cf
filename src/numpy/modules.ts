import { Native, type Place, Unknown } from './values.js'

/** Modules whose functions are known, by the names that they are imported under. */
export const KNOWN_MODULES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    np: 'numpy',
    numpy: 'numpy',
    math: 'math',
    collections: 'collections',
    functools: 'functools',
    itertools: 'itertools',
    operator: 'operator',
    copy: 'copy',
    random: 'random',
    torch: 'torch',
    F: 'torch.nn.functional',
    'torch.nn.functional': 'torch.nn.functional',
    'numpy.lib.stride_tricks': 'numpy.lib.stride_tricks',
    'numpy.random': 'numpy.random',
  }),
)

/** Modules that change no number. */
export const IGNORED_MODULES = new Set([
  'matplotlib',
  'plt',
  'seaborn',
  'sns',
  'time',
  'os',
  'sys',
  'logging',
  'warnings',
  'typing',
  'tqdm',
  'wandb',
  '__future__',
  'dataclasses',
  'pickle',
])

/** Modules of Python's own and NumPy: they are there wherever code runs. */
const STANDARD_MODULES = new Set([
  'numpy',
  'math',
  'collections',
  'functools',
  'itertools',
  'operator',
  'copy',
  'random',
  'abc',
  'enum',
  'os',
  'sys',
  'time',
  'logging',
  'warnings',
  'typing',
  'dataclasses',
  'pickle',
  'builtins',
  '__future__',
])

export const isStandard = (module: string): boolean => STANDARD_MODULES.has(module.split('.')[0])

/** What a module makes that changes no number: it matters only if a number is needed of it. */
export const ignored = (name: string, place: Place) =>
  new Native(name, () => new Unknown(`what ${name} makes is not followed`, place, undefined, 'ignored'))
