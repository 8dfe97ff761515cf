import { ACTIVATION_NAMES, type ActivationText } from 'webgpu-gradcheck'
import { createNumber, createSelect } from '../controls.js'
import { element } from '../dom.js'
import { MOST_LAYERS, type NetworkState } from './state.js'

/** Every activation, the one that is set included where it has a constant of its own. */
function listActivations(set: ActivationText): { value: ActivationText; label: string }[] {
  const all: ActivationText[] = [...new Set<ActivationText>([...ACTIVATION_NAMES, set])]
  return all.map((activation) => ({ value: activation, label: activation }))
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
    const select = createSelect<ActivationText>(
      listActivations(activation),
      activation,
      (value) => {
        state.activations[l] = value
        onChange()
      },
      { 'aria-label': `Activation of ${name}`, id: `activation-${l}` },
    )
    return element(
      'li',
      { class: 'layer-row' },
      element('span', { class: 'layer-name' }, name),
      hasWidths && createWidth(state, l + 1, `Width of ${name}`, onChange),
      select,
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
