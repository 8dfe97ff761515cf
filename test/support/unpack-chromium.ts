import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import { unpackTar } from 'modern-tar/fs'

/**
 * Chromium from the npm package @sparticuz/chromium, for the tests that need a browser: the browser itself with
 * SwiftShader beside it, the NSS libraries that a bare Linux lacks, and fonts. `CHROMIUM_PATH` names another
 * Chromium or Chrome to be used instead.
 */

// the package exports no more than its module, build/esm/index.js or build/cjs/index.cjs
const PACKAGE = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..', '..')

/** Where the unpacked browser lies, by the package's version. */
const FOLDER = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'webgpu-gradcheck',
  `chromium-${readVersion()}`,
)

/** The package's own names folders of a cloud service. */
const FONT_CONFIGURATION = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

/** The path of the browser once `unpackChromium` has run. */
export const CHROMIUM_PATH = process.env.CHROMIUM_PATH || join(FOLDER, 'chromium')

/** Starts it as any user, root too, with WebGPU on SwiftShader and nothing sent to its makers. */
export const CHROMIUM_ARGUMENTS: readonly string[] = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-background-networking',
]

/** Unpacks the browser unless that has been done before. Several processes may at once. */
export async function unpackChromium(): Promise<void> {
  if (existsSync(CHROMIUM_PATH)) return
  if (process.env.CHROMIUM_PATH) throw new Error(`CHROMIUM_PATH: there is no ${CHROMIUM_PATH}`)
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `@sparticuz/chromium is for Linux on x64: on ${process.platform} ${process.arch} name a browser in CHROMIUM_PATH`,
    )
  }
  await mkdir(dirname(FOLDER), { recursive: true })
  // each process into its own folder; the first to finish gives it its name
  const own = await mkdtemp(`${FOLDER}-`)
  try {
    await Promise.all([
      unpack('chromium.br', createWriteStream(join(own, 'chromium'), { mode: 0o755 })),
      unpack('swiftshader.tar.br', unpackTar(own)),
      unpack('al2023.tar.br', unpackTar(own)),
      unpack('fonts.tar.br', unpackTar(own)),
    ])
    await writeFile(join(own, 'fonts.conf'), FONT_CONFIGURATION)
    await rename(own, FOLDER).catch((cause) => {
      if (!existsSync(CHROMIUM_PATH)) throw cause
    })
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

/** The environment in which the browser finds its libraries and fonts, and no other Vulkan driver than its own. */
export function chromiumEnvironment(): Record<string, string> {
  const { VK_DRIVER_FILES: _, VK_ICD_FILENAMES: __, ...environment } = process.env
  if (!process.env.CHROMIUM_PATH) {
    const libraries = [join(FOLDER, 'lib'), environment.LD_LIBRARY_PATH].filter(Boolean).join(':')
    Object.assign(environment, {
      LD_LIBRARY_PATH: libraries,
      FONTCONFIG_FILE: join(FOLDER, 'fonts.conf'),
    })
  }
  return environment as Record<string, string>
}

async function unpack(archive: string, to: NodeJS.WritableStream): Promise<void> {
  await pipeline(createReadStream(join(PACKAGE, 'bin', archive)), createBrotliDecompress(), to)
}

function readVersion(): string {
  return JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')).version
}
