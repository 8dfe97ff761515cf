/** Readies the browser before the first of the tests that run in it. */
export { unpackChromium as setup } from './unpack-chromium.js'
