import { ACTIVATION_NAMES } from 'webgpu-gradcheck'
import { parseWidths } from '../../../src/bench/random-problem.js'
import { createField, createNumber, createSelect, createText } from '../controls.js'
import { element, replaceContent } from '../dom.js'
import { describeError } from '../error-box.js'
import { rememberAddress } from '../url-state.js'
import { type WorkerClient, WorkerError } from '../worker/client.js'
import type { BenchResult, DeviceSurvey } from '../worker/protocol.js'
import { createSpeedResults } from './results.js'
import { BENCH_DEVICES, type BenchDevice, formatSpeedState, isNetwork, parseSpeedState } from './state.js'

const NETWORKS = [
  '12288-5-5-1',
  '64-24-12-10',
  '784-128-64-10',
  '784-256-128-10',
  '784-512-512-10',
  '784-2048-2048-10',
]

const DEVICE_LABELS: Readonly<Record<BenchDevice, string>> = {
  gpu: 'GPU',
  software: 'Software adapter',
  cpu: 'Processor',
}

/** The view that measures how fast this computer checks a network, the processor beside the GPU. */
export function createSpeedView(
  client: WorkerClient,
  survey: Promise<DeviceSurvey>,
  fields: ReadonlyMap<string, string>,
  announce: (text: string) => void,
  closed: AbortSignal,
): HTMLElement {
  const state = parseSpeedState(fields)
  const results = element('div', { class: 'results' })
  const run = element('button', { type: 'submit', class: 'run-button' }, 'Measure')
  const devices = element('fieldset', { class: 'checks' }, element('legend', {}, 'Measure on'))
  const remember = () => rememberAddress('speed', formatSpeedState(state))

  const network = createText(state.network, '784-256-128-10', (text) => {
    network.setCustomValidity(
      isNetwork(text) ? '' : 'Write the features and every layer’s width, each up to 8192: 784-256-128-10',
    )
    if (network.validity.valid) state.network = text
    remember()
  })
  network.setAttribute('list', 'speed-networks')
  const form = element(
    'form',
    { class: 'panel setup', 'aria-label': 'What to measure' },
    createField('Network', network, 'Features, then the width of each layer'),
    element('datalist', { id: 'speed-networks' }, ...NETWORKS.map((value) => element('option', { value }))),
    createField(
      'Activation',
      createSelect(
        ACTIVATION_NAMES.map((value) => ({ value, label: value })),
        state.activation,
        (value) => {
          state.activation = value
          remember()
        },
      ),
    ),
    element(
      'div',
      { class: 'field-pair' },
      createField(
        'Samples',
        createNumber(state.samples, { least: 1, most: 10_000, isWhole: true }, (value) => {
          state.samples = value!
          remember()
        }),
      ),
      createField(
        'Seconds a device',
        createNumber(state.seconds, { least: 1, most: 60, isWhole: true }, (value) => {
          state.seconds = value!
          remember()
        }),
      ),
    ),
    devices,
    run,
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (form.reportValidity()) void measure()
  })
  void survey.then(
    (found) => showDevices(found),
    (error: unknown) => replaceContent(results, describeError(error)),
  )

  function showDevices(found: DeviceSurvey): void {
    const present: Readonly<Record<BenchDevice, boolean>> = {
      gpu: found.gpu !== undefined,
      software: found.software !== undefined,
      cpu: true,
    }
    const chosen = state.devices ?? BENCH_DEVICES.filter((device) => device !== 'software' && present[device])
    const boxes = BENCH_DEVICES.map((device) =>
      element('input', {
        type: 'checkbox',
        id: `measure-${device}`,
        value: device,
        checked: present[device] && chosen.includes(device),
        disabled: !present[device],
        onchange: () => {
          state.devices = BENCH_DEVICES.filter((_, k) => boxes[k].checked)
          remember()
        },
      }),
    )
    state.devices = BENCH_DEVICES.filter((_, k) => boxes[k].checked)
    devices.append(
      ...BENCH_DEVICES.map((device, k) =>
        element(
          'label',
          { class: 'check' },
          boxes[k],
          `${DEVICE_LABELS[device]}${present[device] ? '' : ' (not here)'}`,
        ),
      ),
    )
  }

  async function measure(): Promise<void> {
    const chosen = state.devices ?? ['cpu']
    if (chosen.length === 0) {
      const fix = 'tick the processor or an adapter'
      replaceContent(results, describeError(new WorkerError({ message: 'no device is chosen', fix })))
      return
    }
    const controller = new AbortController()
    const stop = element('button', { type: 'button', class: 'stop-button' }, 'Stop')
    stop.addEventListener('click', () => controller.abort())
    closed.addEventListener('abort', () => controller.abort())
    const text = element('p', { class: 'progress-text' })
    const status = element(
      'div',
      { class: 'panel progress' },
      element('div', { class: 'progress-main' }, text, element('progress', { 'aria-label': 'Measuring' })),
      stop,
    )
    run.disabled = true
    const rows: BenchResult[] = []
    const title = `${state.network}, ${state.activation}, ${state.samples} ${state.samples === 1 ? 'sample' : 'samples'}`
    try {
      for (const device of chosen) {
        text.textContent = `Measuring on ${DEVICE_LABELS[device].toLowerCase()} …`
        announce(text.textContent)
        replaceContent(results, status, ...(rows.length > 0 ? createSpeedResults(title, rows) : []))
        const request = {
          kind: 'bench',
          network: {
            widths: parseWidths(state.network),
            activation: state.activation,
            samples: state.samples,
          },
          device,
          seconds: state.seconds,
        } as const
        rows.push(await client.request(request, { signal: controller.signal, patienceMilliseconds: 0 }))
      }
      replaceContent(results, ...createSpeedResults(title, rows))
      announce('Measured')
    } catch (error) {
      const stopped = error instanceof WorkerError && error.code === 'stopped'
      const note = stopped
        ? element('div', { class: 'panel empty' }, element('p', {}, 'Stopped.'))
        : describeError(error)
      replaceContent(results, note, ...(rows.length > 0 ? createSpeedResults(title, rows) : []))
    } finally {
      run.disabled = false
    }
  }

  replaceContent(
    results,
    element(
      'div',
      { class: 'panel empty ready' },
      element('h2', {}, 'CPU beside GPU'),
      element(
        'p',
        {},
        'A textbook check runs the whole network twice for every parameter, so its time grows with the square of the network’s size. This one carries only the change of each parameter through the layers behind it, thousands of changes at once.',
      ),
      element(
        'p',
        {},
        'Measured is the numerical gradient of a random network; its difference from backpropagation stands beside each time, since a wrong answer can be had faster.',
      ),
    ),
  )
  return element(
    'div',
    { class: 'workspace' },
    element('h1', { class: 'visually-hidden' }, 'How fast this computer checks'),
    form,
    results,
  )
}
