import * as gradcheck from 'webgpu-gradcheck'

globalThis.gradcheck = gradcheck
