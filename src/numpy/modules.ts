import { Native, type Place, Unknown } from './values.js'

/** Modules whose functions are known, by the names that they are imported under. */
export const KNOWN_MODULES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    np: 'numpy',
    numpy: 'numpy',
    math: 'math',
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

/** What a module makes that changes no number: it matters only if a number is needed of it. */
export const ignored = (name: string, place: Place) =>
  new Native(name, () => new Unknown(`what ${name} makes is not followed`, place, undefined, 'ignored'))
