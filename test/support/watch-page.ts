import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright'

/**
 * A page with an eye on what it must not do:
 *
 *     await using watched = await openPage(chromium, served.url, { viewport: { width: 360, height: 640 } })
 *     const { page } = watched
 *     …
 *     expect(watched.errors).toEqual([])            // exceptions, console.error, files that failed to load
 *     expect(watched.foreignRequests).toEqual([])   // of the page, its frames, workers and service worker
 *     await watched.longTasks()                     // of the main thread, 50 ms and more
 *
 * All three fill up over time: look at them after what the test waits for has come. On a busy machine any task may
 * become long: ask for how many there are, or for none as long as the work itself, rather than for none.
 */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page
  /** Cookies, permissions, storage, `setOffline`: the page's profile, shared with no other page. */
  readonly context: BrowserContext
  /** Exceptions that nothing caught and errors on the console, in order, of workers too. */
  readonly errors: readonly string[]
  /** Addresses of other origins that were asked for, whether or not anything answered. */
  readonly foreignRequests: readonly string[]
  /** Tasks of the main thread that took 50 ms or more, since the document that is open now was. */
  longTasks(): Promise<LongTask[]>
}

/** @see https://w3c.github.io/longtasks/ */
export interface LongTask {
  /** Milliseconds since the document was opened. */
  readonly start: number
  readonly milliseconds: number
}

/** What the page's own observer keeps, by a name that no page has. */
interface Observed {
  gradcheckLongTasks: { observer: PerformanceObserver; entries: PerformanceEntry[] }
}

/** Opens an address in a profile of its own, watched from the first request on. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options)
  const errors: string[] = []
  const foreignRequests: string[] = []
  const { origin } = new URL(url)
  const look = (address: string) => {
    const { protocol, origin: other } = new URL(address)
    if (protocol !== 'data:' && other.replace(/^ws/, 'http') !== origin) foreignRequests.push(address)
  }
  context.on('request', (request) => look(request.url()))
  context.on('weberror', (event) => errors.push(describeError(event.error())))
  context.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`)
  })
  context.on('page', (page) => page.on('websocket', (socket) => look(socket.url())))
  try {
    await context.addInitScript(observeLongTasks)
    const page = await context.newPage()
    page.on('crash', () => errors.push('the page crashed'))
    await page.goto(url)
    const close = () => context.close()
    return {
      page,
      context,
      errors,
      foreignRequests,
      longTasks: () => page.evaluate(takeLongTasks),
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await context.close()
    throw error
  }
}

const describeError = (error: Error) => error.stack || `${error.name}: ${error.message}`

/** Runs in the page before its own scripts. */
function observeLongTasks(): void {
  const entries: PerformanceEntry[] = []
  const observer = new PerformanceObserver((list) => entries.push(...list.getEntries()))
  observer.observe({ type: 'longtask' })
  Object.assign(globalThis, { gradcheckLongTasks: { observer, entries } })
}

/** Runs in the page. */
function takeLongTasks(): LongTask[] {
  const { observer, entries } = (globalThis as unknown as Observed).gradcheckLongTasks
  entries.push(...observer.takeRecords())
  return entries.map(({ startTime, duration }) => ({ start: startTime, milliseconds: duration }))
}
