import { type SettingName, sayOtherwise } from '../settings.js'

/** A text that speaks of settings as code has them, with the command's options in their place. */
export const sayOptions = (text: string): string => sayOtherwise(text, writeOption)

/** A setting as the command's option, quoted for a shell where that is needed. */
export function writeOption(name: SettingName, value?: string): string {
  const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  if (value === undefined) return option
  return /^[\w.,+\-=/…]*$/.test(value) ? `${option} ${value}` : `${option} '${value.replaceAll("'", '')}'`
}
