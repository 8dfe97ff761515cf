import { createField, createNumber, createSegments, createText } from '../controls.js'
import { element } from '../dom.js'
import { describeError } from '../error-box.js'
import { createAnswer } from '../results/answer.js'
import { rememberAddress, visitAddress } from '../url-state.js'
import type { WorkerClient } from '../worker/client.js'
import { createFunctionResults } from './results.js'
import { FUNCTION_EXAMPLES, type FunctionExample, formatFunctionState, parseFunctionState } from './state.js'

const RUN_LABEL = 'Check the derivative'

/** The view that checks the derivative of a formula, and shows why the step matters. */
export function createFunctionView(
  client: WorkerClient,
  fields: ReadonlyMap<string, string>,
  announce: (text: string) => void,
): HTMLElement {
  const state = parseFunctionState(fields)
  const answer = createAnswer(describeQuestion, RUN_LABEL)
  const remember = () => rememberAddress('function', formatFunctionState(state))
  let asked = 0

  const formula = createText(state.formula, 'x^2', (value) => {
    state.formula = value
  })
  formula.required = true
  const gradient = createText(state.gradient, 'left empty: derived for you', (value) => {
    state.gradient = value
  })
  const at = createNumber(state.at, {}, (value) => {
    state.at = value!
  })
  const lesson = element('p', {})
  const lessonBox = element('div', { class: 'lesson', 'aria-live': 'polite' }, lesson)
  const chips = FUNCTION_EXAMPLES.map((example) =>
    element('button', { type: 'button', class: 'chip', onclick: () => choose(example) }, example.title),
  )
  const scheme = createSegments(
    'Scheme',
    [
      { value: 'central', label: 'Central' },
      { value: 'forward', label: 'Forward' },
    ],
    state.scheme,
    (value) => {
      state.scheme = value
      remember()
      void run()
    },
  )
  const form = element(
    'form',
    { class: 'panel setup', 'aria-label': 'The function to check' },
    element('div', { class: 'chips', role: 'group', 'aria-label': 'Examples' }, ...chips),
    lessonBox,
    createField(
      'Function f',
      formula,
      'Of one variable: + − * / ^, sin, exp, log, tanh, relu, sigmoid, x > 0 ? a : b …',
    ),
    createField(
      'Its derivative',
      gradient,
      'As you would write it by hand; right or wrong is what the check finds out',
    ),
    createField('At', at),
    scheme,
    element('button', { type: 'submit', class: 'run-button' }, RUN_LABEL),
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (form.reportValidity()) void run()
  })

  form.addEventListener('input', answer.compare)

  /** All that the verdict hangs on; the slider's step is only for looking. */
  function describeQuestion(): string {
    const { step: _, ...question } = state
    return JSON.stringify([question, form.checkValidity()])
  }

  function choose(example: FunctionExample): void {
    Object.assign(state, { formula: example.formula, gradient: example.gradient, at: example.at })
    visitAddress('function', formatFunctionState(state))
    formula.value = example.formula
    gradient.value = example.gradient
    at.value = String(example.at)
    void run()
  }

  /** Shows which example is on, if one is, and what there is to see in it. */
  function showLesson(): void {
    const on = FUNCTION_EXAMPLES.findIndex(
      (example) => example.formula === state.formula && example.gradient === state.gradient,
    )
    for (const [k, chip] of chips.entries()) chip.setAttribute('aria-pressed', String(k === on))
    lessonBox.hidden = on < 0
    lesson.textContent = FUNCTION_EXAMPLES[on]?.lesson ?? ''
  }

  async function run(): Promise<void> {
    const turn = ++asked
    const question = describeQuestion()
    remember()
    showLesson()
    try {
      const { formula: text, gradient: derivative, at: place, scheme: chosen } = state
      const result = await client.request({
        kind: 'function',
        formula: text,
        gradient: derivative.trim(),
        at: place,
        scheme: chosen,
      })
      if (turn !== asked) return
      const results = createFunctionResults(result, state, remember)
      answer.answer(question, results.verdict, results.details)
      announce(results.headline)
    } catch (error) {
      if (turn === asked) answer.show(describeError(error))
    }
  }

  void run()
  return element(
    'div',
    { class: 'workspace has-verdict' },
    element('h1', { class: 'visually-hidden' }, 'Check a function’s derivative'),
    answer.verdict,
    form,
    answer.details,
  )
}
