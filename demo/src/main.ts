import icon from '../icon.svg?url'
import { redrawCanvases } from './charts/canvas.js'
import { createDeviceLine } from './device-line.js'
import { element, replaceContent } from './dom.js'
import { createFunctionView } from './function/view.js'
import { createNetworkView } from './network/view.js'
import { registerOffline } from './offline.js'
import { createSpeedView } from './speed/view.js'
import { createThemeToggle } from './theme.js'
import { formatAddress, parseAddress, VIEW_NAMES, type ViewName } from './url-state.js'
import { WorkerClient } from './worker/client.js'

const LABELS: Readonly<Record<ViewName, string>> = {
  network: 'Network',
  function: 'Function',
  speed: 'Speed',
}

const TITLES: Readonly<Record<ViewName, string>> = {
  network: 'Check a network’s gradient',
  function: 'Check a function’s derivative',
  speed: 'How fast this computer checks',
}

function start(): void {
  const client = new WorkerClient()
  const main = document.getElementById('main')!
  const live = element('div', {
    class: 'visually-hidden',
    role: 'status',
    'aria-live': 'polite',
    id: 'announcements',
  })
  const links = VIEW_NAMES.map((view) => element('a', { href: formatAddress(view, {}) }, LABELS[view]))
  replaceContent(
    document.getElementById('header')!,
    element(
      'a',
      { class: 'brand', href: '#network' },
      element('img', { src: icon, alt: '', width: 28, height: 28 }),
      element('span', {}, 'Gradient check'),
    ),
    element('nav', { 'aria-label': 'Views' }, ...links),
    createThemeToggle(redrawCanvases),
  )
  const survey = client.request({ kind: 'survey' })
  replaceContent(
    document.getElementById('footer')!,
    element(
      'p',
      {},
      'Everything is computed on this computer: nothing that you type or drop here leaves the page. It runs the library ',
      element('code', {}, 'webgpu-gradcheck'),
      '; the same check is a command.',
    ),
  )
  document.body.append(live)

  let shown: ViewName | undefined
  let open = new AbortController()
  const show = () => {
    const { view, fields } = parseAddress(location.hash)
    for (const [k, link] of links.entries()) {
      if (VIEW_NAMES[k] === view) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
    }
    document.title = `${TITLES[view]} · Gradient check`
    const announce = (text: string) => {
      live.textContent = text
    }
    open.abort()
    open = new AbortController()
    replaceContent(main, createDeviceLine(view, survey), createView(view, fields, announce))
    // after a change of view, not at the beginning, a reader's place is the new content
    if (shown !== undefined && shown !== view) main.focus()
    shown = view
  }

  function createView(
    view: ViewName,
    fields: ReadonlyMap<string, string>,
    announce: (text: string) => void,
  ): HTMLElement {
    switch (view) {
      case 'network':
        return createNetworkView(client, fields, announce, open.signal)
      case 'function':
        return createFunctionView(client, fields, announce)
      case 'speed':
        return createSpeedView(client, survey, fields, announce, open.signal)
    }
  }

  addEventListener('hashchange', ({ oldURL }) => {
    // a view is found again as it was left
    const left = new URL(oldURL).hash
    links[VIEW_NAMES.indexOf(parseAddress(left).view)].href = left || '#network'
    show()
  })
  show()
  registerOffline()
}

start()
