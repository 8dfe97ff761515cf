import { constants } from 'node:os'

/** Keeps a library loaded when its handle is closed; `<dlfcn.h>` of glibc and musl, not among Node's constants. */
const RTLD_NODELETE = 0x1000

/**
 * Loads a shared library into the process, where a later `dlopen` by its file name finds it.
 * @returns false when the system has no such library
 * @see https://nodejs.org/api/process.html#processdlopenmodule-filename-flags
 */
export function loadSharedLibrary(fileName: string): boolean {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen
  try {
    process.dlopen({ exports: {} }, fileName, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE)
    return true
  } catch (error) {
    // a library that is no Node add-on is loaded all the same, then refused for not registering and closed
    return error instanceof Error && error.message.startsWith('Module did not self-register')
  }
}

let systemLoader: boolean | undefined

/**
 * Whether the system has Vulkan's loader, or needs none (Metal, Direct3D). Found out once, so that a loader that
 * this package brings along later is not mistaken for the system's.
 */
export function hasSystemLoader(): boolean {
  systemLoader ??= process.platform !== 'linux' || loadSharedLibrary('libvulkan.so.1')
  return systemLoader
}
