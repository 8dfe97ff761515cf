import { element } from './dom.js'

type Theme = 'light' | 'dark'

const KEY = 'gradcheck-theme'

/** The button that turns the page dark or light; without a choice the page follows the system. */
export function createThemeToggle(onChange: () => void): HTMLButtonElement {
  const system = matchMedia('(prefers-color-scheme: dark)')
  let chosen = readChoice()
  const button = element('button', { type: 'button', class: 'quiet-button theme-toggle' })

  const current = (): Theme => chosen ?? (system.matches ? 'dark' : 'light')
  const show = () => {
    if (chosen === undefined) delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = chosen
    const next = current() === 'dark' ? 'light' : 'dark'
    button.textContent = next === 'dark' ? '☾ Dark' : '☀ Light'
    button.setAttribute('aria-label', `Switch to ${next} colours`)
    onChange()
  }
  button.addEventListener('click', () => {
    chosen = current() === 'dark' ? 'light' : 'dark'
    writeChoice(chosen)
    show()
  })
  system.addEventListener('change', show)
  show()
  return button
}

function readChoice(): Theme | undefined {
  try {
    const saved = localStorage.getItem(KEY)
    return saved === 'light' || saved === 'dark' ? saved : undefined
  } catch {
    // a browser that keeps no data for the page: it follows the system
    return undefined
  }
}

function writeChoice(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // the choice then holds until the page is closed
  }
}
