const NAMES = [
  'activations',
  'loss',
  'reduction',
  'ignoreIndex',
  'layout',
  'l2',
  'inputs',
  'targets',
  'sampleWeights',
  'weights',
  'biases',
  'gradients',
  'at',
  'gradient',
  'step',
  'tolerance',
  'method',
  'precision',
  'device',
  'memory',
  'fast',
  'sample',
] as const

/** What a reader can set, by its name in code. */
export type SettingName = (typeof NAMES)[number]

/**
 * A setting within a sentence, as code has it: `` `l2: 0.7` ``. The command line and the page say it in their own words
 * by {@link sayOtherwise}.
 */
export const setting = (name: SettingName, value?: string | number): string =>
  value === undefined ? `\`${name}\`` : `\`${name}: ${value}\``

/** A text with every setting in it said in other words. */
export function sayOtherwise(text: string, say: SaySetting): string {
  return text.replace(/`(\w+)(?:: ([^`]*))?`/g, (whole, name: string, value?: string) =>
    isSetting(name) ? say(name, value) : whole,
  )
}

/** How a setting is said. */
export type SaySetting = (name: SettingName, value?: string) => string

/** What a report has sentences in. */
interface Sentences {
  readonly setup?: unknown
  readonly diagnosis?: unknown
  readonly reasons?: unknown
  readonly notices: unknown
}

/** A report with every setting in its sentences said in other words. */
export function sayReportOtherwise<T extends Sentences>(report: T, say: SaySetting): T {
  const said = (['setup', 'diagnosis', 'reasons', 'notices'] as const)
    .filter((key) => report[key] !== undefined)
    .map((key) => [key, mapStrings(report[key], (text) => sayOtherwise(text, say))])
  return { ...report, ...Object.fromEntries(said) }
}

/** Every string within a value, lists and objects included, mapped. */
function mapStrings<T>(value: T, map: (text: string) => string): T {
  if (typeof value === 'string') return map(value) as T
  if (Array.isArray(value)) return value.map((each) => mapStrings(each, map)) as T
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapStrings(inner, map)])) as T
}

const isSetting = (name: string): name is SettingName => NAMES.some((known) => known === name)
