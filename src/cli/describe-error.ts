import { GradcheckError } from '../errors.js'
import { escapeControls } from '../escape-controls.js'
import { clipMiddle } from '../report/layout-text.js'
import { sayOptions } from './say-options.js'

const MAX_LINE_WIDTH = 1000

/**
 * An exception as a few lines for stderr: what is wrong, where, and what to do about it. The stack follows only
 * where `withStack` asks for it.
 */
export function describeError(error: unknown, withStack = false): string {
  const lines =
    error instanceof GradcheckError && error.code !== 'internal'
      ? [
          `gradcheck: ${error.message}`,
          ...error.detail.map((line) => `  ${line}`),
          ...(error.fix === undefined ? [] : [`  fix: ${error.fix}`]),
        ]
      : [
          `gradcheck: ${messageOf(error)} (this is a bug in gradcheck)`,
          '  fix: run it again with GRADCHECK_DEBUG=1 and report what it prints',
        ]
  const text = lines.map((line) => clipMiddle(escapeControls(sayOptions(line)), MAX_LINE_WIDTH)).join('\n')
  return withStack ? `${text}\n${describeStack(error)}\n` : `${text}\n`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

function describeStack(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const stack = (error.stack ?? error.message).split('\n').map(escapeControls).join('\n')
  return error.cause === undefined ? stack : `${stack}\ncaused by ${describeStack(error.cause)}`
}
