import { escapeControls } from '../../../src/escape-controls.js'
import { formatShape } from '../../../src/tensor.js'
import { element } from '../dom.js'
import type { FileContents } from '../worker/protocol.js'

/** What the file panel shows: what was picked and what lies in it. */
export interface PickedFiles {
  readonly files: readonly File[]
  readonly contents?: FileContents
}

/** A place to drop files on or to pick them with. Nothing leaves the computer. */
export function createFilePanel(picked: PickedFiles, onPick: (files: readonly File[]) => void): HTMLElement {
  const input = element('input', {
    type: 'file',
    id: 'file-input',
    class: 'visually-hidden',
    multiple: true,
    accept: '.npz,.npy,.safetensors',
    'aria-describedby': 'file-hint',
  })
  input.addEventListener('change', () => {
    if (input.files !== null && input.files.length > 0) onPick([...input.files])
  })
  const zone = element(
    'div',
    { class: 'drop-zone' },
    input,
    element(
      'label',
      { for: input.id, class: 'drop-label' },
      element('strong', {}, picked.files.length === 0 ? 'Drop files here or pick them' : 'Pick other files'),
    ),
    element(
      'span',
      { class: 'hint', id: 'file-hint' },
      '.npz, .npy or .safetensors with the data, parameters and gradients. They are read on this page and never uploaded.',
    ),
  )
  return element('div', { class: 'file-panel' }, zone, describePicked(picked))
}

/** Lets files be dropped anywhere on an element; a browser would otherwise leave the page to show them. */
export function acceptDrops(zone: HTMLElement, onPick: (files: readonly File[]) => void): void {
  zone.addEventListener('dragover', (event) => {
    if (event.dataTransfer?.types.includes('Files') !== true) return
    event.preventDefault()
    zone.classList.add('is-over')
  })
  zone.addEventListener('dragleave', () => zone.classList.remove('is-over'))
  zone.addEventListener('drop', (event) => {
    zone.classList.remove('is-over')
    const files = [...(event.dataTransfer?.files ?? [])]
    if (files.length === 0) return
    event.preventDefault()
    onPick(files)
  })
}

function describePicked({ files, contents }: PickedFiles): HTMLElement | undefined {
  if (files.length === 0) {
    return element(
      'pre',
      { class: 'code', tabindex: 0, 'aria-label': 'How to save the arrays with NumPy' },
      'np.savez("net.npz", X=X, Y=Y,\n         W1=W1, b1=b1, dW1=dW1, db1=db1, …)',
    )
  }
  const names = files.map(({ name }) => escapeControls(name)).join(', ')
  if (contents === undefined) return element('p', { class: 'picked' }, element('strong', {}, names))
  return element(
    'div',
    { class: 'picked' },
    element('strong', {}, names),
    element(
      'ul',
      { class: 'array-list' },
      ...contents.arrays.map(({ name, shape }) =>
        element('li', {}, element('code', {}, escapeControls(name)), ` ${formatShape(shape)}`),
      ),
    ),
  )
}
