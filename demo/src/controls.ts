import { element, nextId } from './dom.js'

/** A choice of a select: its value and what it is called. */
export interface Choice<T extends string> {
  readonly value: T
  readonly label: string
  readonly disabled?: boolean
}

/** A label above a control, a hint below it. */
export function createField(
  label: string,
  control: HTMLInputElement | HTMLSelectElement,
  hint?: string,
): HTMLElement {
  control.id ||= nextId('field')
  const hintText =
    hint === undefined ? undefined : element('span', { class: 'hint', id: nextId('hint') }, hint)
  if (hintText !== undefined) control.setAttribute('aria-describedby', hintText.id)
  return element('div', { class: 'field' }, element('label', { for: control.id }, label), control, hintText)
}

export function createSelect<T extends string>(
  choices: readonly Choice<T>[],
  value: T,
  onChange: (value: T) => void,
  attributes: Readonly<Record<string, string>> = {},
): HTMLSelectElement {
  const select = element(
    'select',
    attributes,
    ...choices.map((choice) =>
      element(
        'option',
        { value: choice.value, selected: choice.value === value, disabled: choice.disabled },
        choice.label,
      ),
    ),
  )
  select.addEventListener('change', () => onChange(select.value as T))
  return select
}

/** What a number may be. */
export interface NumberRange {
  readonly least?: number
  readonly most?: number
  readonly isWhole?: boolean
  /** May stay empty, which is `undefined`. */
  readonly isOptional?: boolean
  readonly placeholder?: string
}

/** An input for a number; the browser says itself what is wrong with what was typed. */
export function createNumber(
  value: number | undefined,
  range: NumberRange,
  onChange: (value: number | undefined) => void,
  attributes: Readonly<Record<string, string>> = {},
): HTMLInputElement {
  const input = element('input', {
    type: 'number',
    inputmode: range.isWhole === true ? 'numeric' : 'decimal',
    step: range.isWhole === true ? '1' : 'any',
    min: range.least,
    max: range.most,
    required: range.isOptional !== true,
    placeholder: range.placeholder,
    value: value === undefined ? '' : formatNumber(value),
    ...attributes,
  })
  input.addEventListener('input', () => {
    if (!input.validity.valid) return
    if (input.value !== '') onChange(input.valueAsNumber)
    else if (range.isOptional === true) onChange(undefined)
  })
  return input
}

/** A number as a person types it: 1e-5, not 0.00001. */
function formatNumber(value: number): string {
  const plain = String(value)
  const short = value.toExponential().replace('e+', 'e')
  return short.length < plain.length ? short : plain
}

export function createText(
  value: string,
  placeholder: string,
  onChange: (value: string) => void,
): HTMLInputElement {
  const input = element('input', {
    type: 'text',
    value,
    placeholder,
    spellcheck: 'false',
    autocomplete: 'off',
  })
  input.addEventListener('input', () => onChange(input.value))
  return input
}

/** Radio buttons side by side that look like one control. */
export function createSegments<T extends string>(
  legend: string,
  choices: readonly Choice<T>[],
  value: T,
  onChange: (value: T) => void,
): HTMLFieldSetElement {
  const name = nextId('segments')
  return element(
    'fieldset',
    { class: 'segments' },
    element('legend', { class: 'visually-hidden' }, legend),
    ...choices.map((choice) => {
      const input = element('input', {
        type: 'radio',
        name,
        value: choice.value,
        id: `${name}-${choice.value}`,
        checked: choice.value === value,
        onchange: () => onChange(choice.value),
      })
      return element('label', { for: input.id }, input, element('span', {}, choice.label))
    }),
  )
}
