import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.js'
import { type ServedFolder, serveFolder } from '../support/serve-folder.js'
import { openPage } from '../support/watch-page.js'

let folder: string
let served: ServedFolder
let chromium: Browser

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradcheck-watched-'))
  await mkdir(join(folder, 'site'))
  await writeFile(join(folder, 'secret.txt'), 'outside')
  await writeFile(join(folder, 'site', 'index.html'), '<!doctype html><title>empty</title><p>ready</p>')
  await writeFile(join(folder, 'site', 'worker.js'), "fetch('https://worker.invalid/').catch(() => {})")
  await writeFile(
    join(folder, 'site', 'service-worker.js'),
    "fetch('https://service-worker.invalid/').catch(() => {})",
  )
  served = await serveFolder(join(folder, 'site'), { under: '/some/folder/' })
  chromium = await launchChromium()
})

afterAll(async () => {
  await chromium?.close()
  await served?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('a watched page', () => {
  it('that does nothing wrong has nothing to show', async () => {
    await using watched = await openPage(chromium, served.url)
    await watched.page.evaluate(async () => {
      console.warn('no error')
      await fetch('data:text/plain,here')
      await fetch(URL.createObjectURL(new Blob(['here'])))
    })
    expect(await watched.page.getByText('ready').isVisible()).toBe(true)
    expect(watched.errors).toEqual([])
    expect(watched.foreignRequests).toEqual([])
  })

  it('shows errors: thrown, rejected, logged, in a worker, of files that are not there', async () => {
    await using watched = await openPage(chromium, served.url)
    await watched.page.evaluate(async () => {
      setTimeout(() => {
        throw new RangeError('was thrown')
      })
      void Promise.reject(new Error('was rejected'))
      console.error('was logged')
      new Worker(URL.createObjectURL(new Blob(["console.error('was logged in a worker')"])))
      await fetch('absent.txt')
    })
    for (const text of ['was thrown', 'was rejected', 'was logged (', 'was logged in a worker', '404']) {
      await expect.poll(() => watched.errors).toContainEqual(expect.stringContaining(text))
    }
    expect(watched.errors).toHaveLength(5)
  })

  it('shows requests to other origins: of the page, of workers, of service workers, of sockets', async () => {
    await using watched = await openPage(chromium, served.url)
    await watched.page.evaluate(async () => {
      await fetch('https://page.invalid/').catch(() => undefined)
      new Image().src = 'http://localhost:1/image.png'
      new WebSocket('wss://socket.invalid/')
      new Worker('worker.js')
      await navigator.serviceWorker.register('service-worker.js')
    })
    const expected = [
      'http://localhost:1/image.png',
      'https://page.invalid/',
      'https://service-worker.invalid/',
      'https://worker.invalid/',
      'wss://socket.invalid/',
    ]
    await expect.poll(() => watched.foreignRequests.toSorted()).toEqual(expected)
  })

  it('shows long tasks of the main thread', async () => {
    await using watched = await openPage(chromium, served.url)
    const milliseconds = await watched.page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          setTimeout(() => {
            const start = performance.now()
            while (performance.now() < start + 120);
            resolve(performance.now() - start)
          })
        }),
    )
    // a busy machine may make others long
    const lengths = async () => (await watched.longTasks()).map((task) => task.milliseconds)
    await expect.poll(async () => Math.max(...(await lengths()))).toBeGreaterThan(milliseconds - 2)
  })

  it('is a browser of its own: storage of one page is not that of the next', async () => {
    await using first = await openPage(chromium, served.url)
    await first.page.evaluate(() => localStorage.setItem('key', 'value'))
    await using second = await openPage(chromium, served.url)
    expect(await second.page.evaluate(() => localStorage.getItem('key'))).toBeNull()
  })
})

describe('a served folder', () => {
  it('gives its files with their types, under its path alone, and nothing outside', async () => {
    const root = await fetch(served.url)
    expect(root.headers.get('content-type')).toMatch('text/html')
    expect((await fetch(`${served.url}worker.js`)).headers.get('content-type')).toMatch('text/javascript')
    for (const path of ['absent.html', '..%2Fsecret.txt', '%2E%2E/secret.txt', '../../index.html']) {
      expect((await fetch(served.url + path)).status, path).toBe(404)
    }
  })

  it('is offline once closed, whatever is connected', async () => {
    const closing = await serveFolder(join(folder, 'site'))
    expect(await (await fetch(closing.url)).text()).toContain('ready')
    await closing.close()
    await expect(fetch(closing.url)).rejects.toThrow()
  })
})
