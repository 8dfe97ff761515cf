import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

/**
 * Serves the files of a folder, as a host of static files does, on 127.0.0.1 and a port that is free:
 *
 *     await using served = await serveFolder('demo/dist', { under: '/some/folder/' })
 *     await page.goto(served.url)
 */

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
}

/** A folder that is being served until it is closed. */
export interface ServedFolder extends AsyncDisposable {
  /** Of the folder's index.html; ends in a slash. */
  readonly url: string
  /** Stops serving, connections that are open included. The page is offline then. */
  close(): Promise<void>
}

/**
 * @param options.under the path under which the folder is seen, with a slash at both ends
 */
export async function serveFolder(
  folder: string,
  { under = '/' }: { readonly under?: string } = {},
): Promise<ServedFolder> {
  const server = createServer((request, response) => {
    const path = pathOf(request.url ?? '/', under)
    if (path === undefined) answer(response, 404)
    else void sendFile(response, join(folder, path))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}${under}`, close, [Symbol.asyncDispose]: close }
}

/** The path inside the folder, which it does not leave. */
function pathOf(address: string, under: string): string | undefined {
  const { pathname } = new URL(address, 'http://127.0.0.1')
  if (!pathname.startsWith(under)) return undefined
  const path = normalize(`/${decodeURIComponent(pathname.slice(under.length))}`)
  return path.endsWith('/') ? `${path}index.html` : path
}

async function sendFile(response: ServerResponse, file: string): Promise<void> {
  let content: Uint8Array
  try {
    content = await readFile(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    answer(response, code === 'ENOENT' || code === 'EISDIR' ? 404 : 500)
    return
  }
  // what was built anew is seen at once
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'cache-control': 'no-cache',
  })
  response.end(content)
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${status}`)
}
