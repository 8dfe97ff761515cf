import { element } from '../dom.js'
import { describeError } from '../error-box.js'
import { describeBug } from '../problem/bugs.js'
import { findExample } from '../problem/examples.js'
import { countParameters } from '../problem/random-network.js'
import { createAnswer } from '../results/answer.js'
import { createResults } from '../results/results.js'
import { rememberAddress, visitAddress } from '../url-state.js'
import { type WorkerClient, WorkerError } from '../worker/client.js'
import { createExplanation } from './explanation.js'
import { acceptDrops, type PickedFiles } from './file-panel.js'
import { createNetworkForm, RUN_LABEL } from './form.js'
import { createProgressLine } from './progress.js'
import { describeSettings, describeSource, formatState, lastActivationOf, parseState } from './state.js'

/** A random network with more is checked when it is asked for, not as the page opens. */
const MOST_PARAMETERS_UNASKED = 100_000

/** The view that checks a network's gradient. */
export function createNetworkView(
  client: WorkerClient,
  fields: ReadonlyMap<string, string>,
  announce: (text: string) => void,
  closed: AbortSignal,
): HTMLElement {
  const state = parseState(fields)
  let picked: PickedFiles = { files: [] }
  let running: { controller: AbortController; finished: Promise<void> } | undefined
  const answer = createAnswer(describeQuestion, RUN_LABEL)
  const form = createNetworkForm(state, () => picked, {
    onChange: () => {
      rememberAddress('network', formatState(state))
      answer.compare()
    },
    onChoose: () => {
      visitAddress('network', formatState(state))
      answer.compare()
    },
    onRun: () => void run(true),
    onPick: (files) => void pick(files),
  })
  // what is no number yet is another question, too
  form.element.addEventListener('input', answer.compare)

  /** All that the verdict hangs on. */
  function describeQuestion(): string {
    const files = picked.files.map(({ name, size, lastModified }) => [name, size, lastModified])
    const isComplete = form.element.checkValidity()
    return JSON.stringify([formatState(state), state.source === 'files' ? files : [], isComplete])
  }

  async function run(isAsked: boolean): Promise<void> {
    if (!form.element.reportValidity()) return
    if (state.source === 'files' && picked.files.length === 0) {
      const message = 'there is no file to check yet'
      showError(new WorkerError({ message, fix: 'drop a file on the panel, or pick one' }))
      return
    }
    const before = running
    const controller = new AbortController()
    const current = { controller, finished: check(controller, isAsked, before) }
    running = current
    await current.finished
    if (running === current) running = undefined
  }

  /** One check at a time: a new one waits until the one before has stopped. */
  async function check(
    controller: AbortController,
    isAsked: boolean,
    before: { controller: AbortController; finished: Promise<void> } | undefined,
  ): Promise<void> {
    const { signal } = controller
    const isCurrent = () => running?.controller === controller
    const progress = createProgressLine(() => controller.abort())
    const question = describeQuestion()
    answer.show(progress.element)
    const { top } = answer.verdict.getBoundingClientRect()
    if (isAsked && (top < 0 || top > innerHeight - 120)) answer.verdict.scrollIntoView()
    announce('Checking')
    before?.controller.abort()
    await before?.finished
    if (signal.aborted) {
      if (isCurrent()) showError(new WorkerError({ message: 'stopped', code: 'stopped' }))
      return
    }
    const title = describeTitle()
    const published = state.source === 'example' ? findExample(state.example).published : undefined
    const source = describeSource(state, picked.files)
    try {
      const { report, summary } = await client.request(
        { kind: 'check', source, settings: describeSettings(state) },
        { signal, onProgress: (at, adapter) => progress.update(at, adapter) },
      )
      if (!isCurrent()) return
      const results = createResults(report, summary, { title, published })
      answer.answer(question, results.verdict, results.details)
      announce(results.headline)
    } catch (error) {
      if (isCurrent()) showError(error)
    }
  }

  function showError(error: unknown): void {
    const stopped = error instanceof WorkerError && error.code === 'stopped'
    if (stopped) {
      answer.show(element('div', { class: 'panel' }, element('p', {}, 'Stopped: nothing was compared yet.')))
      announce('Stopped')
      return
    }
    answer.show(describeError(error))
  }

  async function pick(files: readonly File[]): Promise<void> {
    running?.controller.abort()
    running = undefined
    picked = { files }
    state.source = 'files'
    try {
      const contents = await client.request({ kind: 'inspect', files })
      picked = { files, contents }
      const layers = contents.weights?.length
      if (layers !== undefined && layers !== state.activations.length) {
        const last = lastActivationOf(state.loss) ?? 'linear'
        state.activations = Array.from({ length: layers }, (_, l) => (l < layers - 1 ? 'relu' : last))
      }
      answer.show(
        element(
          'div',
          { class: 'panel empty' },
          element('h2', {}, 'The file is read'),
          element('p', {}, 'Say which activations and loss the network has, then check the gradient.'),
        ),
      )
      announce('The file is read')
    } catch (error) {
      showError(error)
    }
    form.rebuild()
    visitAddress('network', formatState(state))
  }

  function describeTitle(): string {
    switch (state.source) {
      case 'example': {
        const { title, network } = findExample(state.example)
        return `${title} (${network})`
      }
      case 'files':
        return picked.files.map(({ name }) => name).join(', ')
      case 'random': {
        const bug = state.bug === 'none' ? '' : `, planted bug: ${describeBug(state.bug).label}`
        return `Random ${state.widths.join('-')}${bug}`
      }
    }
  }

  closed.addEventListener('abort', () => running?.controller.abort())
  const isSmall = state.source === 'random' && countParameters(state.widths) <= MOST_PARAMETERS_UNASKED
  if (state.source === 'example' || isSmall) queueMicrotask(() => void run(false))
  else {
    answer.show(
      element(
        'div',
        { class: 'panel empty' },
        element('h2', {}, 'Nothing checked yet'),
        element('p', {}, `Set up the network and press “${RUN_LABEL}”.`),
      ),
    )
  }
  const workspace = element(
    'div',
    { class: 'workspace has-verdict' },
    element('h1', { class: 'visually-hidden' }, 'Check a network’s gradient'),
    answer.verdict,
    form.element,
    element('div', { class: 'result-list' }, answer.details, createExplanation()),
  )
  acceptDrops(workspace, (files) => void pick(files))
  return workspace
}
