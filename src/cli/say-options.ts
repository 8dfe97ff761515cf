import { mapStrings, type SettingName, sayOtherwise } from '../settings.js'

/** A text that speaks of settings as code has them, with the command's options in their place. */
export const sayOptions = (text: string): string => sayOtherwise(text, writeOption)

/** A report whose sentences speak of the command's options. */
export function withOptions<T extends { setup?: unknown; diagnosis?: unknown; notices: unknown }>(
  report: T,
): T {
  const { setup, diagnosis, notices } = report
  return {
    ...report,
    ...(setup === undefined ? {} : { setup: mapStrings(setup, sayOptions) }),
    ...(diagnosis === undefined ? {} : { diagnosis: mapStrings(diagnosis, sayOptions) }),
    notices: mapStrings(notices, sayOptions),
  }
}

function writeOption(name: SettingName, value?: string): string {
  const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  if (value === undefined) return option
  // as a shell takes it
  return /^[\w.,+-]*$/.test(value) ? `${option} ${value}` : `${option} '${value.replaceAll("'", '')}'`
}
