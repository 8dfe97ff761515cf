import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../support/run-cli.js'

const CHECK = [
  'check',
  fileURLToPath(new URL('../fixtures/three-layer.npz', import.meta.url)),
  ...['--activations', 'relu,relu,sigmoid', '--loss', 'binary-cross-entropy', '--device', 'software'],
]
/** Another driver that the environment names would be used instead of unpacking SwiftShader. */
const NO_DRIVER_NAMED = { VK_DRIVER_FILES: '', VK_ICD_FILENAMES: '' }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradcheck-cache-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the software driver', () => {
  it('is unpacked once, by whichever of several processes is first', async () => {
    const environment = { ...NO_DRIVER_NAMED, XDG_CACHE_HOME: folder }
    const runs = await Promise.all([1, 2].map(() => runCli(CHECK, { environment })))
    for (const { status, stderr } of runs) {
      expect(stderr).toContain('device: software (')
      expect(status).toBe(0)
    }
    expect(await readdir(join(folder, 'webgpu-gradcheck'))).toEqual([
      expect.stringMatching(/^swiftshader-[\d.]+$/),
    ])
  })

  it('that cannot be unpacked is named, with what to do', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    const environment = { ...NO_DRIVER_NAMED, XDG_CACHE_HOME: file }
    const { status, stdout, stderr } = await runCli(CHECK, { environment })
    expect(status).toBe(4)
    expect(stdout).toBe('')
    expect(stderr).toContain('SwiftShader could not be unpacked')
    expect(stderr).toContain('fix: name a folder that can be written to in XDG_CACHE_HOME')
  })
})
