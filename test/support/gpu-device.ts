/** How tests open a device of the software adapter, in Node; in a browser gpu-device.browser.ts takes its place. */
export { openGpuDevice } from '../../src/gpu/node/open-adapter.js'
