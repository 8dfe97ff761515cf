import type { SettingName } from '../../src/settings.js'

/** What the page's fields are called; a setting that has none is said as it is. */
const FIELDS: Partial<Record<SettingName, string>> = {
  activations: 'Activation',
  loss: 'Loss',
  reduction: 'Reduction',
  ignoreIndex: 'Class to ignore',
  layout: 'Layout',
  l2: 'L2 λ',
  inputs: 'Data',
  targets: 'Targets',
  sampleWeights: 'Sample weights',
  weights: 'Weights',
  biases: 'Biases',
  gradients: 'Gradients',
  step: 'Step h',
  tolerance: 'Tolerance',
  method: 'Method',
  precision: 'Precision',
  device: 'Device',
  sample: 'Parameters to check',
}

/** A setting as the page's field and what to put there. */
export function writeField(name: SettingName, value?: string): string {
  const field = `“${FIELDS[name] ?? name}”`
  return value === undefined ? field : `${field} ${value.replaceAll("'", '')}`
}
