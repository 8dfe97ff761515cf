import type { OutputStream, Terminal } from '../../src/cli/terminal.js'

/** A stream that keeps what is written to it. */
export class RecordedStream implements OutputStream {
  readonly isTTY: boolean
  readonly columns: number
  text = ''

  constructor({ isTTY = false, columns = 80 }: { isTTY?: boolean; columns?: number } = {}) {
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string, callback?: (error?: Error | null) => void): boolean {
    this.text += text
    callback?.()
    return true
  }
}

/** A terminal that keeps what is written to it. */
export function createFakeTerminal(
  environment: Terminal['environment'] = {},
): Terminal & { stdout: RecordedStream; stderr: RecordedStream } {
  return { stdout: new RecordedStream(), stderr: new RecordedStream(), environment }
}
