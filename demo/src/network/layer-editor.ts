import { ACTIVATION_NAMES, type ActivationName, type ActivationText, dense } from 'webgpu-gradcheck'
import { createNumber, createSelect } from '../controls.js'
import { element } from '../dom.js'
import { MOST_LAYERS, type NetworkState } from './state.js'

const activationChoices = ACTIVATION_NAMES.map((name) => ({ value: name, label: name }))

/** The constants that activations may have, as they are called and where none is set. */
const CONSTANTS = {
  'leaky-relu': { label: 'Slope below 0', usual: 0.01 },
  elu: { label: 'α', usual: 1 },
} as const

/** The name of an activation, and its constant where it has one. */
function takeApart(activation: ActivationText): { name: ActivationName; constant: number | undefined } {
  const [text, constant] = activation.split(/[()]/)
  const name = ACTIVATION_NAMES.find((known) => known === text)!
  const usual = name === 'leaky-relu' || name === 'elu' ? CONSTANTS[name].usual : undefined
  return { name, constant: constant === undefined ? usual : Number(constant) }
}

/** An input for the constant of an activation that has one. */
function createConstant(
  activation: ActivationText,
  layer: string,
  l: number,
  onChange: (value: ActivationText) => void,
): HTMLInputElement | false {
  const { name, constant } = takeApart(activation)
  if (name !== 'leaky-relu' && name !== 'elu') return false
  const { label } = CONSTANTS[name]
  return createNumber(
    constant,
    { least: 0, most: 1e6 },
    (value) => onChange(dense(`${name}(${value})`).activation),
    { 'aria-label': `${label} of ${layer}`, title: label, id: `constant-${l}`, class: 'width-input' },
  )
}

/**
 * A row a layer: its width (of a random network) and activation. `onStructure` is called when layers come or go,
 * so that the form is built anew.
 */
export function createLayerEditor(
  state: NetworkState,
  weights: readonly string[] | undefined,
  onChange: () => void,
  onStructure: () => void,
): HTMLElement {
  const hasWidths = state.source === 'random'
  const rows = state.activations.map((activation, l) => {
    const name = weights?.[l] ?? `Layer ${l + 1}`
    const select = createSelect<ActivationName>(
      activationChoices,
      takeApart(activation).name,
      (value) => {
        state.activations[l] = value
        onStructure()
      },
      { 'aria-label': `Activation of ${name}`, id: `activation-${l}` },
    )
    return element(
      'li',
      { class: 'layer-row' },
      element('span', { class: 'layer-name' }, name),
      hasWidths && createWidth(state, l + 1, `Width of ${name}`, onChange),
      select,
      createConstant(activation, name, l, (value) => {
        state.activations[l] = value
        onChange()
      }),
      element(
        'button',
        {
          type: 'button',
          class: 'tool-button',
          id: `remove-layer-${l}`,
          'aria-label': `Remove ${name}`,
          title: `Remove ${name}`,
          disabled: state.activations.length === 1,
          onclick: () => {
            state.activations.splice(l, 1)
            state.widths.splice(l + 1, 1)
            state.bugLayer = Math.min(state.bugLayer, state.activations.length)
            onStructure()
          },
        },
        '✕',
      ),
    )
  })
  return element(
    'fieldset',
    { class: 'layers' },
    element('legend', {}, 'Layers'),
    element(
      'ol',
      { class: 'layer-list' },
      hasWidths &&
        element(
          'li',
          { class: 'layer-row' },
          element('span', { class: 'layer-name' }, 'Features'),
          createWidth(state, 0, 'Number of features', onChange),
        ),
      ...rows,
    ),
    element(
      'button',
      {
        type: 'button',
        class: 'quiet-button',
        id: 'add-layer',
        disabled: state.activations.length >= MOST_LAYERS,
        onclick: () => {
          const last = state.activations.length - 1
          state.activations.splice(last, 0, state.activations[Math.max(0, last - 1)])
          if (last === 0) state.activations[0] = 'tanh'
          state.widths.splice(last + 1, 0, state.widths[Math.max(1, last)])
          onStructure()
        },
      },
      '+ Add a layer',
    ),
  )
}

function createWidth(state: NetworkState, at: number, label: string, onChange: () => void): HTMLInputElement {
  return createNumber(
    state.widths[at],
    { least: 1, most: 100_000, isWhole: true },
    (value) => {
      state.widths[at] = value!
      onChange()
    },
    { 'aria-label': label, id: `width-${at}`, class: 'width-input' },
  )
}
