import {
  type ActivationText,
  type ArrayProblemOptions,
  dense,
  type GpuPrecision,
  LAYOUT_NAMES,
  type Layout,
  LOSS_NAMES,
  type LossName,
  REDUCTION_NAMES,
  type Reduction,
} from 'webgpu-gradcheck'
import { GPU_PRECISIONS, STEP_LIMITS } from '../../../src/differentiate/evaluator.js'
import { BUGS, type BugKind } from '../problem/bugs.js'
import { findExample } from '../problem/examples.js'
import type { CheckSettings, DeviceChoice, ProblemSource } from '../worker/protocol.js'

export type SourceKind = 'example' | 'files' | 'random'

/** Everything that the network view can be set to. */
export interface NetworkState {
  source: SourceKind
  example: string
  /** Features, then the width of each layer; of a random network. */
  widths: number[]
  /** One a layer; of files and of a random network. */
  activations: ActivationText[]
  loss: LossName
  /** The loss's own where it is undefined; of files. */
  reduction: Reduction | undefined
  ignoreIndex: number | undefined
  layout: Layout
  l2: number
  samples: number
  seed: number
  bug: BugKind
  bugLayer: number
  inputs: string
  targets: string
  sampleWeights: string
  weights: string
  biases: string
  gradients: string
  device: DeviceChoice
  precision: GpuPrecision
  method: 'difference' | 'textbook'
  scheme: 'central' | 'forward'
  step: number | undefined
  tolerance: number | undefined
  sample: number | undefined
}

/** Names of arrays that may be typed. */
export const NAME_FIELDS = ['inputs', 'targets', 'sampleWeights', 'weights', 'biases', 'gradients'] as const

const SOURCE_KINDS: readonly SourceKind[] = ['example', 'files', 'random']
const DEVICE_CHOICES: readonly DeviceChoice[] = ['auto', 'gpu', 'software', 'cpu']
export const MOST_LAYERS = 12
/** The difference is never above 1: a tolerance near it passes every gradient. */
export const MOST_TOLERANCE = 0.999

function createState(): NetworkState {
  return {
    source: 'example',
    example: findExample(undefined).id,
    widths: [8, 6, 6, 3],
    activations: ['tanh', 'relu', 'linear'],
    loss: 'softmax-cross-entropy',
    reduction: undefined,
    ignoreIndex: undefined,
    layout: 'columns',
    l2: 0,
    samples: 10,
    seed: 1,
    bug: 'none',
    bugLayer: 2,
    inputs: '',
    targets: '',
    sampleWeights: '',
    weights: '',
    biases: '',
    gradients: '',
    device: 'auto',
    precision: 'single',
    method: 'difference',
    scheme: 'central',
    step: undefined,
    tolerance: undefined,
    sample: undefined,
  }
}

/** The activation that a loss wants last, if it wants one. */
export function lastActivationOf(loss: LossName): ActivationText | undefined {
  if (loss === 'binary-cross-entropy') return 'sigmoid'
  return loss === 'softmax-cross-entropy' ? 'linear' : undefined
}

/** The state as fields of the address: only what differs from the beginning. */
export function formatState(state: NetworkState): Record<string, string | undefined> {
  const initial = createState()
  const fields: Record<string, string | undefined> = { source: state.source }
  const relevant = RELEVANT[state.source]
  for (const name of Object.keys(initial) as (keyof NetworkState)[]) {
    if (!relevant.includes(name) && !SETTING_FIELDS.includes(name)) continue
    const value = write(name, state[name])
    const isNeeded = name === 'example' || value !== write(name, initial[name])
    fields[name] = isNeeded ? value : undefined
  }
  if (state.source === 'example') fields.source = undefined
  return fields
}

const SETTING_FIELDS: readonly (keyof NetworkState)[] = [
  'device',
  'precision',
  'method',
  'scheme',
  'step',
  'tolerance',
  'sample',
]

const SHARED: readonly (keyof NetworkState)[] = ['activations', 'loss', 'layout', 'l2']

const RELEVANT: Readonly<Record<SourceKind, readonly (keyof NetworkState)[]>> = {
  example: ['example'],
  files: [...SHARED, 'reduction', 'ignoreIndex', ...NAME_FIELDS],
  random: [...SHARED, 'widths', 'samples', 'seed', 'bug', 'bugLayer'],
}

function write(name: keyof NetworkState, value: NetworkState[keyof NetworkState]): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.join(name === 'widths' ? '-' : ',')
  return String(value)
}

/** Reads an address's fields; what is not there or makes no sense stays as it is at the beginning. */
export function parseState(fields: ReadonlyMap<string, string>): NetworkState {
  const state = createState()
  const text = (name: string) => fields.get(name) ?? ''
  const oneOf = <T extends string>(name: string, allowed: readonly T[], otherwise: T): T =>
    allowed.find((value) => value === fields.get(name)) ?? otherwise
  const number = (name: string, least: number, most: number): number | undefined => {
    const value = fields.has(name) && text(name) !== '' ? Number(text(name)) : Number.NaN
    return value >= least && value <= most ? value : undefined
  }
  const whole = (name: string, least: number, most: number) => {
    const value = number(name, least, most)
    return value !== undefined && Number.isInteger(value) ? value : undefined
  }
  state.source = oneOf('source', SOURCE_KINDS, state.source)
  state.example = findExample(fields.get('example')).id
  const widths = text('widths').split('-').map(Number)
  const activations = text('activations').split(',').map(readActivation)
  const areNames = activations.every((activation) => activation !== undefined)
  if (areNames && activations.length <= MOST_LAYERS) {
    const fit = widths.length === activations.length + 1 && widths.every(isWidth)
    if (state.source === 'files' || fit) state.activations = activations
    if (fit) state.widths = widths
  }
  if (!fields.has('activations') && widths.length === state.widths.length && widths.every(isWidth)) {
    state.widths = widths
  }
  state.loss = oneOf('loss', LOSS_NAMES, state.loss)
  state.reduction = REDUCTION_NAMES.find((name) => name === fields.get('reduction'))
  state.ignoreIndex = whole('ignoreIndex', -1e9, 1e9)
  state.layout = oneOf('layout', LAYOUT_NAMES, state.layout)
  state.l2 = number('l2', 0, 1e6) ?? state.l2
  state.samples = whole('samples', 1, 100_000) ?? state.samples
  state.seed = whole('seed', 0, 2 ** 31) ?? state.seed
  state.bug = oneOf(
    'bug',
    BUGS.map(({ kind }) => kind),
    state.bug,
  )
  state.bugLayer = Math.min(whole('bugLayer', 1, MOST_LAYERS) ?? state.bugLayer, state.widths.length - 1)
  for (const name of NAME_FIELDS) state[name] = text(name)
  state.device = oneOf('device', DEVICE_CHOICES, state.device)
  state.precision = oneOf('precision', GPU_PRECISIONS, state.precision)
  state.method = oneOf('method', ['difference', 'textbook'], state.method)
  state.scheme = oneOf('scheme', ['central', 'forward'], state.scheme)
  state.step = number('step', STEP_LIMITS.least, STEP_LIMITS.largest)
  state.tolerance = number('tolerance', Number.MIN_VALUE, MOST_TOLERANCE)
  state.sample = whole('sample', 1, 1e9)
  return state
}

/** An activation as an address spells it, `leaky-relu(0.2)`; undefined for what is none. */
function readActivation(text: string): ActivationText | undefined {
  try {
    return dense(text).activation
  } catch {
    return undefined
  }
}

const isWidth = (width: number) => Number.isInteger(width) && width >= 1 && width <= 100_000

/** The problem that the state describes. */
export function describeSource(state: NetworkState, files: readonly File[]): ProblemSource {
  switch (state.source) {
    case 'example': {
      const { url, options } = findExample(state.example)
      return { kind: 'example', url: new URL(url, document.baseURI).href, options }
    }
    case 'files':
      return { kind: 'files', files, options: describeArrays(state) }
    case 'random': {
      const { widths, activations, loss, layout, l2, samples, seed, bug, bugLayer } = state
      return {
        kind: 'random',
        network: {
          widths,
          activations,
          loss,
          layout,
          l2,
          samples,
          seed,
          bug: { kind: bug, layer: bugLayer },
        },
      }
    }
  }
}

function describeArrays(state: NetworkState): ArrayProblemOptions {
  const { activations, loss, reduction, ignoreIndex, layout, l2 } = state
  const named = NAME_FIELDS.flatMap((name) =>
    state[name].trim() === '' ? [] : [[name, state[name].trim()] as const],
  )
  const ignores = loss === 'softmax-cross-entropy' && ignoreIndex !== undefined
  return {
    activations,
    loss,
    layout,
    l2,
    ...(reduction === undefined ? {} : { reduction }),
    ...(ignores ? { ignoreIndex } : {}),
    ...Object.fromEntries(named),
  }
}

export function describeSettings(state: NetworkState): CheckSettings {
  const { device, precision, method, scheme, step, tolerance, sample } = state
  return {
    device,
    precision,
    method,
    scheme,
    ...(step === undefined ? {} : { step }),
    ...(tolerance === undefined ? {} : { tolerance }),
    ...(sample === undefined ? {} : { sample }),
  }
}
