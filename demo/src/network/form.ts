import { LAYOUT_NAMES, LOSS_NAMES } from 'webgpu-gradcheck'
import { createField, createNumber, createSegments, createSelect } from '../controls.js'
import { element, replaceContent } from '../dom.js'
import { BUGS, type BugKind, describeBug } from '../problem/bugs.js'
import { findExample } from '../problem/examples.js'
import { countParameters } from '../problem/random-network.js'
import { createAdvancedPanel } from './advanced-panel.js'
import { createExamplePanel } from './example-panel.js'
import { createFilePanel, type PickedFiles } from './file-panel.js'
import { createLayerEditor } from './layer-editor.js'
import { lastActivationOf, type NetworkState } from './state.js'

export interface FormHooks {
  /** Something was set. */
  onChange(): void
  /** Another example, or another kind of source, was chosen. */
  onChoose(): void
  onRun(): void
  onPick(files: readonly File[]): void
}

export interface NetworkForm {
  readonly element: HTMLFormElement
  /** Builds it anew from the state; the focus stays where it is. */
  rebuild(): void
}

/** What the button says that checks what is set. */
export const RUN_LABEL = 'Check the gradient'

/** The form that says what is to be checked. */
export function createNetworkForm(
  state: NetworkState,
  picked: () => PickedFiles,
  hooks: FormHooks,
): NetworkForm {
  const run = element('button', { type: 'submit', class: 'run-button' }, RUN_LABEL)
  const body = element('div', { class: 'form-body' })
  const form = element('form', { class: 'panel setup', 'aria-label': 'What to check' }, body, run)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    hooks.onRun()
  })

  function change(): void {
    const summary = form.querySelector('#network-size')
    if (summary !== null) summary.textContent = describeSize(state)
    hooks.onChange()
  }

  function rebuild(): void {
    const focused = document.activeElement?.id
    const wasOpen = form.querySelector('details')?.open === true
    replaceContent(body, ...buildBody())
    const details = form.querySelector('details')
    if (details !== null) details.open = wasOpen
    if (focused !== undefined && focused !== '') document.getElementById(focused)?.focus()
  }

  function restructure(): void {
    rebuild()
    hooks.onChange()
  }

  function buildBody(): HTMLElement[] {
    const source = createSegments(
      'Where the gradient comes from',
      [
        { value: 'example', label: 'Examples' },
        { value: 'files', label: 'My files' },
        { value: 'random', label: 'Build one' },
      ],
      state.source,
      (value) => {
        state.source = value
        rebuild()
        hooks.onChoose()
        form.querySelector<HTMLInputElement>(`.segments input[value="${value}"]`)?.focus()
        if (value !== 'files') hooks.onRun()
      },
    )
    return [source, ...buildSource(), createAdvancedPanel(state, change)]
  }

  function buildSource(): HTMLElement[] {
    switch (state.source) {
      case 'example':
        return [
          createExamplePanel(state.example, (id) => {
            state.example = id
            replaceContent(lesson, findExample(id).lesson)
            hooks.onChoose()
            hooks.onRun()
          }),
          describeLesson(),
        ]
      case 'files':
        return [
          createFilePanel(picked(), hooks.onPick),
          createLossField(),
          createLayerEditor(state, picked().contents?.weights, change, restructure),
          createConventions(),
        ]
      case 'random':
        return [
          createLayerEditor(state, undefined, change, restructure),
          element('p', { class: 'hint', id: 'network-size' }, describeSize(state)),
          createLossField(),
          createBugFields(),
          element(
            'div',
            { class: 'field-pair' },
            createField(
              'Samples m',
              createNumber(state.samples, { least: 1, most: 100_000, isWhole: true }, (value) => {
                state.samples = value!
                change()
              }),
            ),
            createField(
              'Random seed',
              createNumber(state.seed, { least: 0, most: 2 ** 31, isWhole: true }, (value) => {
                state.seed = value!
                change()
              }),
            ),
          ),
          createConventions(),
        ]
    }
  }

  let lesson = element('p', {})
  function describeLesson(): HTMLElement {
    lesson = element('p', {}, findExample(state.example).lesson)
    return element('div', { class: 'lesson', 'aria-live': 'polite' }, lesson)
  }

  function createLossField(): HTMLElement {
    const select = createSelect(
      LOSS_NAMES.map((name) => ({ value: name, label: name })),
      state.loss,
      (value) => {
        state.loss = value
        const last = lastActivationOf(value)
        if (last !== undefined) state.activations[state.activations.length - 1] = last
        restructure()
      },
      { id: 'loss' },
    )
    return createField('Loss', select)
  }

  function createBugFields(): HTMLElement {
    const bug = describeBug(state.bug)
    const isSquare = (layer: number) => state.widths[layer - 1] === state.widths[layer]
    const kind = createSelect<BugKind>(
      BUGS.map(({ kind: value, label }) => ({ value, label, disabled: value === 'no-l2' && state.l2 === 0 })),
      state.bug,
      (value) => {
        state.bug = value
        if (value === 'transposed' && !isSquare(state.bugLayer)) {
          const square = state.activations.findIndex((_, l) => isSquare(l + 1))
          if (square >= 0) state.bugLayer = square + 1
        }
        restructure()
      },
      { id: 'bug' },
    )
    const layer =
      bug.inLayer &&
      createField(
        'In layer',
        createSelect(
          state.activations.map((_, l) => ({
            value: String(l + 1),
            label: String(l + 1),
            disabled: state.bug === 'transposed' && !isSquare(l + 1),
          })),
          String(state.bugLayer),
          (value) => {
            state.bugLayer = Number(value)
            change()
          },
          { id: 'bug-layer' },
        ),
      )
    return element('div', { class: 'field' }, createField('Plant a bug', kind, bug.explanation), layer)
  }

  function createConventions(): HTMLElement {
    const l2 = createNumber(
      state.l2,
      { least: 0, most: 1e6 },
      (value) => {
        state.l2 = value!
        change()
      },
      { id: 'l2' },
    )
    // whether the L2 bug can be planted hangs on it
    l2.addEventListener('change', restructure)
    return element(
      'div',
      { class: 'field-pair field-pair-wide' },
      createField(
        'Layout',
        createSelect(
          LAYOUT_NAMES.map((value) => ({ value, label: LAYOUT_LABELS[value] })),
          state.layout,
          (value) => {
            state.layout = value
            change()
          },
          { id: 'layout' },
        ),
      ),
      createField('L2 λ', l2),
    )
  }

  rebuild()
  return {
    element: form,
    rebuild,
  }
}

const LAYOUT_LABELS = {
  columns: 'columns: W X + b',
  rows: 'rows: X W + b',
  pytorch: 'pytorch: X Wᵀ + b',
} as const

function describeSize({ widths, samples }: NetworkState): string {
  const count = countParameters(widths).toLocaleString('en-US')
  return `${widths.join('-')}: ${count} parameters, ${samples} ${samples === 1 ? 'sample' : 'samples'}. The gradient comes from this page's own backpropagation.`
}
