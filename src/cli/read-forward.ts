import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ProgramProblem } from '../check/program/bind-program-problem.js'
import { GradcheckError } from '../errors.js'
import { escapeControls } from '../escape-controls.js'
import type { TracedForward } from '../numpy/trace-forward.js'
import { elementCount, formatShape } from '../tensor.js'
import type { CheckSettings } from './options.js'
import { readFiles } from './read-files.js'

/** Modules that are imported from files beside the one that is named, and from theirs. */
const MOST_FILES = 40

/**
 * Reads a user's own forward pass, with what it imports from files beside it, and the arrays that it is checked with.
 * @throws GradcheckError for files that cannot be read, and what in them is not understood
 */
export async function readForward(
  paths: readonly string[],
  settings: CheckSettings & { readonly forward: string },
): Promise<ProgramProblem & Pick<TracedForward, 'forward'>> {
  if (settings.activations !== undefined) {
    throw new GradcheckError('bad-usage', '--forward and --activations say the network twice', {
      fix: 'leave one of them out',
    })
  }
  if (paths.length === 0) {
    throw new GradcheckError('bad-usage', 'no file with arrays was given', {
      fix: 'gradcheck check FILE.npz --forward model.py:loss',
    })
  }
  const { file, entry } = splitEntry(settings.forward)
  const sources = await readSources(file, settings.with ?? [])
  const arrays = await readFiles(paths)
  const { traceForward } = await import('../numpy/trace-forward.js')
  const { loss, upstream } = settings
  return await traceForward({
    sources,
    arrays,
    ...(entry === undefined ? {} : { entry }),
    ...(loss === undefined ? {} : { loss }),
    ...(upstream === undefined ? {} : { upstream }),
    bind: readPairs('--bind', settings.bind),
    set: readPairs('--set', settings.set),
  })
}

/** FILE:NAME; a drive's colon is none. */
function splitEntry(text: string): { file: string; entry: string | undefined } {
  const match = /^(.+\.(?:py|ipynb))(?::([A-Za-z_][\w.]*))?$/.exec(text)
  if (match !== null) return { file: match[1], entry: match[2] }
  throw new GradcheckError('bad-usage', `--forward "${text}" names no .py or .ipynb file`, {
    fix: 'write --forward model.py:loss',
  })
}

function readPairs(option: string, pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at > 0) return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
      throw new GradcheckError('bad-usage', `${option} "${pair}" is no pair`, {
        fix: `write ${option} name=value`,
      })
    }),
  )
}

async function readSources(file: string, others: readonly string[]): Promise<Record<string, string>> {
  const sources: Record<string, string> = Object.create(null)
  const pending = [file, ...others]
  const named = new Set(pending)
  const read = new Set<string>()
  for (let path = pending.shift(); path !== undefined && read.size < MOST_FILES; path = pending.shift()) {
    if (read.has(path)) continue
    read.add(path)
    const text = await readText(path, named.has(path))
    if (text === undefined) continue
    sources[path === file ? basename(path) : path] = text
    for (const [, module] of text.matchAll(/^[ \t]*(?:from|import)[ \t]+([\w.]+)/gm)) {
      pending.push(join(dirname(path), `${module.replaceAll('.', '/')}.py`))
    }
  }
  return sources
}

/** A file's text; undefined of one that is not there and was not named. */
async function readText(path: string, isNamed: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (!isNamed) return undefined
    throw new GradcheckError(
      'bad-file',
      `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}`,
    )
  }
}

/** How a forward pass was read, as text: what got which array, the loss, and every operation that leads to it. */
export function describeForward(problem: ProgramProblem & Pick<TracedForward, 'forward'>): string {
  const { forward, parameters, gradients, program } = problem
  const list = (of: ProgramProblem['parameters']) =>
    of instanceof Map ? [...of.entries()] : Object.entries(of)
  const lines = [
    `${forward.file}${forward.entry === '' ? '' : `:${forward.entry}`}, ${forward.operations} operations`,
    ...forward.bound.map(({ argument, array }) => `  ${argument} = ${array}`),
    'gradients:',
    ...list(gradients).map(
      ([name, { shape }]) => `  ${name} ${formatShape(shape)}, ${elementCount(shape)} parameters`,
    ),
    ...(forward.notices.length === 0 ? [] : ['notices:', ...forward.notices.map((notice) => `  ${notice}`)]),
    '',
  ]
  const arrays = Object.fromEntries(list(parameters))
  return `${lines.map(escapeControls).join('\n')}\n${program.print(arrays)}`
}
