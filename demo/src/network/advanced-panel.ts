import { REDUCTION_NAMES } from 'webgpu-gradcheck'
import { STEP_LIMITS } from '../../../src/differentiate/evaluator.js'
import { createField, createNumber, createSelect, createText } from '../controls.js'
import { element } from '../dom.js'
import type { DeviceChoice } from '../worker/protocol.js'
import { MOST_TOLERANCE, NAME_FIELDS, type NetworkState } from './state.js'

const DEVICES: readonly { value: DeviceChoice; label: string }[] = [
  { value: 'auto', label: 'auto: the GPU, else the processor' },
  { value: 'gpu', label: 'gpu: WebGPU, float32' },
  { value: 'software', label: 'software adapter, float32' },
  { value: 'cpu', label: 'cpu: float64' },
]

/** What most checks leave as it is: device, method, step and the names of arrays. */
export function createAdvancedPanel(state: NetworkState, onChange: () => void): HTMLElement {
  const set =
    <K extends keyof NetworkState>(name: K) =>
    (value: NetworkState[K] | undefined) => {
      state[name] = value as NetworkState[K]
      onChange()
    }
  const names = NAME_FIELDS.map((name) =>
    createField(NAME_LABELS[name][0], createText(state[name], NAME_LABELS[name][1], set(name))),
  )
  return element(
    'details',
    { class: 'advanced' },
    element('summary', {}, 'Advanced'),
    element(
      'div',
      { class: 'advanced-body' },
      createField('Device', createSelect(DEVICES, state.device, set('device'), { id: 'device' })),
      createField(
        'Precision',
        createSelect(
          [
            { value: 'single', label: 'single: float32' },
            { value: 'extended', label: 'extended: two float32, slower' },
          ],
          state.precision,
          set('precision'),
        ),
        'Of the GPU’s arithmetic. The processor always computes in float64.',
      ),
      createField(
        'Method',
        createSelect(
          [
            { value: 'difference', label: 'difference arithmetic' },
            { value: 'textbook', label: 'textbook: two whole losses' },
          ],
          state.method,
          set('method'),
        ),
        'Difference arithmetic carries the change through the network; the textbook subtracts two losses in float64.',
      ),
      element(
        'div',
        { class: 'field-pair' },
        createField(
          'Step h',
          createNumber(
            state.step,
            {
              least: STEP_LIMITS.least,
              most: STEP_LIMITS.largest,
              isOptional: true,
              placeholder: 'by precision',
            },
            set('step'),
            { id: 'step' },
          ),
        ),
        createField(
          'Scheme',
          createSelect(
            [
              { value: 'central', label: 'central' },
              { value: 'forward', label: 'forward' },
            ],
            state.scheme,
            set('scheme'),
          ),
        ),
      ),
      element(
        'div',
        { class: 'field-pair' },
        createField(
          'Tolerance',
          createNumber(
            state.tolerance,
            { least: Number.MIN_VALUE, most: MOST_TOLERANCE, isOptional: true, placeholder: 'by precision' },
            set('tolerance'),
          ),
        ),
        createField(
          'Parameters to check',
          createNumber(
            state.sample,
            { least: 1, isWhole: true, isOptional: true, placeholder: 'all' },
            set('sample'),
          ),
        ),
      ),
      state.source === 'files' && createReductionFields(state, set),
      state.source === 'files' &&
        element('fieldset', { class: 'names' }, element('legend', {}, 'Names of the arrays'), ...names),
    ),
  )
}

/** How the samples' losses add up, and which of them do not count. */
function createReductionFields(
  state: NetworkState,
  set: <K extends keyof NetworkState>(name: K) => (value: NetworkState[K] | undefined) => void,
): HTMLElement {
  const choices = [
    { value: '', label: 'the loss’s own' },
    ...REDUCTION_NAMES.map((name) => ({ value: name, label: name })),
  ]
  const reduction = createSelect<string>(
    choices,
    state.reduction ?? '',
    (value) => set('reduction')(REDUCTION_NAMES.find((name) => name === value)),
    { id: 'reduction' },
  )
  const ignored = createNumber(
    state.ignoreIndex,
    { isWhole: true, isOptional: true, placeholder: 'none' },
    set('ignoreIndex'),
    { id: 'ignore-index' },
  )
  return element(
    'div',
    { class: 'field-pair' },
    createField('Reduction', reduction),
    createField('Class to ignore', ignored),
  )
}

const NAME_LABELS = {
  inputs: ['Data', 'X'],
  targets: ['Targets', 'Y, then y'],
  sampleWeights: ['Sample weights', 'none'],
  weights: ['Weights', 'W{l}'],
  biases: ['Biases', 'b{l}'],
  gradients: ['Gradients', 'd{name}'],
} as const
