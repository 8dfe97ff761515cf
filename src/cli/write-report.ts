import { stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { GradcheckError } from '../errors.js'
import { escapeControls } from '../escape-controls.js'
import { type Terminal, writeAll, writeNotice } from './terminal.js'

/** Writes a report to stdout, or to the file at `path` where one is given. */
export async function writeReport(text: string, path: string | undefined, terminal: Terminal): Promise<void> {
  if (path === undefined) {
    await writeAll(terminal.stdout, text)
    return
  }
  try {
    await writeFile(path, text)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error
    throw new GradcheckError('bad-usage', `the report cannot be written to ${path}: ${String(reason)}`, {
      cause: error,
    })
  }
  await writeNotice(terminal.stderr, `report written to ${escapeControls(path)}\n`)
}

/**
 * Finds out before a long check that its report will have a place.
 * @throws GradcheckError `bad-usage` when the path is a directory or lies in none.
 */
export async function requireWritable(path: string): Promise<void> {
  const folder = dirname(path)
  if (!(await isDirectory(folder))) {
    throw new GradcheckError(
      'bad-usage',
      `the report cannot be written to ${path}: there is no folder ${folder}`,
    )
  }
  if (await isDirectory(path)) {
    throw new GradcheckError('bad-usage', `the report cannot be written to ${path}: it is a directory`, {
      fix: 'pass a file name with --output',
    })
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
