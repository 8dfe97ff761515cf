export {
  type AdapterDescription,
  type ArithmeticDescription,
  type DeviceSurvey,
  type OpenedDevice,
  openDevice,
  surveyDevices,
} from './differentiate/node/open-device.js'
export type { DeviceChoice } from './gpu/node/choose-device.js'
export * from './index.js'
