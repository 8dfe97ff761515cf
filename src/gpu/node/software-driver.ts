import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { unpackTar } from 'modern-tar'
import { GradcheckError } from '../../errors.js'
import { hasSystemLoader, loadSharedLibrary } from './vulkan.js'

const PACKAGE = '@sparticuz/chromium'
const ICD_FILE = 'vk_swiftshader_icd.json'
const FILES = [ICD_FILE, 'libvk_swiftshader.so', 'libvulkan.so.1']

/** The environment variables by which Vulkan's loader is told which drivers to use. */
const DRIVER_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const

/**
 * Readies a software Vulkan driver and points Vulkan's loader at it: the driver that VK_DRIVER_FILES (or
 * VK_ICD_FILENAMES) already names, else SwiftShader from the npm package @sparticuz/chromium, unpacked once into
 * a cache folder. Must run before Dawn first looks for Vulkan in this process.
 * @returns gives the environment back as it was
 * @throws GradcheckError `device-unavailable` where there is no such package or system
 */
export async function useSoftwareDriver(): Promise<() => void> {
  const kept = DRIVER_VARIABLES.map((name) => [name, process.env[name]] as const)
  const restore = () => {
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  const named = process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES
  if (named && hasSystemLoader()) return restore
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new GradcheckError(
      'device-unavailable',
      `no software adapter for ${process.platform} on ${process.arch}: SwiftShader comes for Linux on x64 alone`,
      { fix: 'check on the processor (device cpu), or name another Vulkan driver in VK_DRIVER_FILES' },
    )
  }
  const folder = await unpackSwiftShader()
  const loader = join(folder, 'libvulkan.so.1')
  if (!hasSystemLoader() && !loadSharedLibrary(loader)) {
    throw new GradcheckError('device-unavailable', `Vulkan's loader ${loader} could not be loaded`)
  }
  for (const name of DRIVER_VARIABLES) process.env[name] ||= join(folder, ICD_FILE)
  return restore
}

async function unpackSwiftShader(): Promise<string> {
  const archive = findArchive()
  if (archive === undefined) {
    throw new GradcheckError('device-unavailable', `the software adapter needs the npm package ${PACKAGE}`, {
      fix: `npm install --save-dev ${PACKAGE}, or name another Vulkan driver in VK_DRIVER_FILES`,
    })
  }
  const { version } = JSON.parse(await readFile(join(archive.root, 'package.json'), 'utf8')) as {
    version: string
  }
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const folder = join(cache, 'webgpu-gradcheck', `swiftshader-${version}`)
  if (FILES.every((file) => existsSync(join(folder, file)))) return folder
  try {
    const entries = await unpackTar(await promisify(brotliDecompress)(await readFile(archive.file)))
    await mkdir(dirname(folder), { recursive: true })
    // several processes may unpack at once: each into its own folder, and the first to finish gives it its name
    const own = await mkdtemp(`${folder}-`)
    for (const entry of entries) {
      const name = basename(entry.header.name)
      if (FILES.includes(name) && entry.data !== undefined) await writeFile(join(own, name), entry.data)
    }
    await rename(own, folder).catch(async (cause) => {
      await rm(own, { recursive: true, force: true })
      if (!existsSync(join(folder, ICD_FILE))) throw cause
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new GradcheckError('device-unavailable', `SwiftShader could not be unpacked: ${reason}`, {
      cause,
      fix: 'name a folder that can be written to in XDG_CACHE_HOME',
    })
  }
  return folder
}

function findArchive(): { root: string; file: string } | undefined {
  const require = createRequire(import.meta.url)
  for (const folder of require.resolve.paths(PACKAGE) ?? []) {
    const root = join(folder, PACKAGE)
    const file = join(root, 'bin', 'swiftshader.tar.br')
    if (existsSync(file)) return { root, file }
  }
  return undefined
}
