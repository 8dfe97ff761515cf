import { constants } from 'node:os'

/**
 * Loads a shared library into the process, where a later `dlopen` by its file name finds it.
 * @returns false when the system has no such library
 * @see https://nodejs.org/api/process.html#processdlopenmodule-filename-flags
 */
export function loadSharedLibrary(fileName: string): boolean {
  try {
    process.dlopen({ exports: {} }, fileName, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL)
    return true
  } catch (error) {
    // a library that is no Node add-on is loaded all the same, and then refused for not registering itself
    return error instanceof Error && error.message.startsWith('Module did not self-register')
  }
}

/** True unless this is a system where Dawn needs Vulkan and the Vulkan loader is not installed. */
export function hasGraphicsLoader(): boolean {
  return process.platform !== 'linux' || loadSharedLibrary('libvulkan.so.1')
}
