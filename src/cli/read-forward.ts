import { readFile } from 'node:fs/promises'
import { basename, dirname, join, normalize } from 'node:path'
import type { ProgramProblem } from '../check/program/bind-program-problem.js'
import { GradcheckError } from '../errors.js'
import { escapeControls } from '../escape-controls.js'
import { LOSS_NAMES } from '../network/losses.js'
import type { ForwardSource, TracedForward } from '../numpy/trace-forward.js'
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
  settings: CheckSettings,
): Promise<ProgramProblem & Pick<TracedForward, 'forward' | 'backward'>> {
  requireOneForward(settings)
  if (paths.length === 0) {
    throw new GradcheckError('bad-usage', 'no file with arrays was given', {
      fix: 'gradcheck check FILE.npz --forward model.py:loss',
    })
  }
  const { forward, backward, expression, loss, init, upstream, savedOutput, parameters } = settings
  const code = forward === undefined ? {} : await readCode(forward, backward, settings.with)
  const arrays = await readFiles(paths)
  const { traceForward } = await import('../numpy/load-forward.js')
  return await traceForward({
    ...code,
    arrays,
    ...(expression === undefined ? {} : { expression }),
    ...(loss === undefined ? {} : { loss }),
    ...(init === undefined ? {} : { init }),
    ...(upstream === undefined ? {} : { upstream }),
    ...(savedOutput === undefined ? {} : { output: savedOutput }),
    ...(parameters === undefined ? {} : { parameters: readPatterns(parameters) }),
    bind: readPairs('--bind', settings.bind),
    set: readPairs('--set', settings.set),
  })
}

/** @throws GradcheckError for options of which one says what the other says */
function requireOneForward({
  forward,
  expression,
  activations,
  loss,
  with: others,
  init,
}: CheckSettings): void {
  const given = forward === undefined ? '--expression' : '--forward'
  const refuse = (message: string, fix: string) => new GradcheckError('bad-usage', message, { fix })
  if (activations !== undefined) {
    throw refuse(`${given} and --activations say the network twice`, 'leave one of them out')
  }
  if (expression !== undefined) {
    const other = Object.entries({ forward, loss, with: others, init }).find(
      ([, value]) => value !== undefined,
    )
    if (other !== undefined) {
      throw refuse(
        `--expression and --${other[0]} cannot be combined: an expression reads no file`,
        'leave one of them out; --forward FILE.py --loss "EXPRESSION" is an expression in the names of a file',
      )
    }
  }
  if (loss !== undefined && LOSS_NAMES.some((name) => name === loss)) {
    throw refuse(
      `--loss ${loss} is the loss of a network that is declared by --activations`,
      'name the function that computes the loss, --forward model.py:loss, or give --loss an expression of Python',
    )
  }
}

async function readCode(
  forward: string,
  backward: string | undefined,
  others: readonly string[] = [],
): Promise<Pick<ForwardSource, 'sources' | 'entry' | 'backward'>> {
  const { file, entry } = splitEntry('--forward', forward)
  const own = entry === undefined ? {} : { entry }
  if (backward === undefined) return { sources: await readSources(file, others, new Map()), ...own }
  const back = splitEntry('--backward', backward)
  if (back.entry === undefined) {
    throw new GradcheckError('bad-usage', `--backward "${backward}" names no function`, {
      fix: 'write --backward model.py:backward',
    })
  }
  if (normalize(back.file) === normalize(file))
    return { sources: await readSources(file, others, new Map()), ...own, backward: back.entry }
  // a file is named by where it is only where its name alone could be another's
  const name = basename(back.file) === basename(file) ? back.file : basename(back.file)
  const sources = await readSources(file, [back.file, ...others], new Map([[back.file, name]]))
  return { sources, ...own, backward: `${name}:${back.entry}` }
}

/** The patterns of `W*,b*`. */
function readPatterns(text: string): string[] {
  const patterns = text.split(',').map((pattern) => pattern.trim())
  if (!patterns.includes('')) return patterns
  throw new GradcheckError('bad-usage', `--parameters has an empty name in "${text}"`, {
    fix: "write --parameters 'W*,b*'",
  })
}

/** FILE:NAME; a drive's colon is none. */
function splitEntry(option: string, text: string): { file: string; entry: string | undefined } {
  const match = /^(.+\.(?:py|ipynb))(?::([A-Za-z_][\w.]*))?$/.exec(text)
  if (match !== null) return { file: match[1], entry: match[2] }
  throw new GradcheckError('bad-usage', `${option} "${text}" names no .py or .ipynb file`, {
    fix: `write ${option} model.py:${option.slice(2)}`,
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

/** @param called names of files that are not called by their paths */
async function readSources(
  file: string,
  others: readonly string[],
  called: ReadonlyMap<string, string>,
): Promise<Record<string, string>> {
  const sources: Record<string, string> = Object.create(null)
  const pending = [file, ...others]
  const named = new Set(pending)
  const read = new Set<string>()
  for (let path = pending.shift(); path !== undefined && read.size < MOST_FILES; path = pending.shift()) {
    if (read.has(path)) continue
    read.add(path)
    const text = await readText(path, named.has(path))
    if (text === undefined) continue
    sources[path === file ? basename(path) : (called.get(path) ?? path)] = text
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
export function describeForward(
  problem: ProgramProblem & Pick<TracedForward, 'forward' | 'backward'>,
): string {
  const { forward, backward, parameters, gradients, program } = problem
  const list = (of: ProgramProblem['parameters']) =>
    of instanceof Map ? [...of.entries()] : Object.entries(of)
  const lines = [
    `${forward.file}${forward.entry === '' ? '' : `:${forward.entry}`}, ${forward.operations} operations`,
    ...forward.bound.map(({ argument, array }) => `  ${argument} = ${array}`),
    ...(backward === undefined
      ? []
      : [
          `${backward.file}:${backward.entry}`,
          ...backward.bound.map(({ argument, value }) => `  ${argument} = ${value}`),
        ]),
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
