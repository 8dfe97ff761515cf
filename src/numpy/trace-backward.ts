import { GradcheckError } from '../errors.js'
import { findNonFinite, type NamedTensors, unravelIndex } from '../tensor.js'
import type { Parameter, Statement } from './ast.js'
import {
  BackwardPass,
  type BackwardRun,
  followAndKeep,
  type PartialWatcher,
  requireShapes,
} from './backward-pass.js'
import { ContextPass, hasContext, inputsOf } from './context-pass.js'
import { guessParameters, namesOfGradient } from './find-gradients.js'
import { mayBeUpstream } from './find-upstream.js'
import { describePlace, type SourceFile } from './source-file.js'
import { Forward, type ForwardSource, type Parse } from './trace-forward.js'
import { PyDict, PyList, PyTuple, Unknown, type Value } from './values.js'

/** What a gradient is called that stands in code, by the name of what it is of. */
const GRADIENT_WORDS = [
  /^d_?([A-Za-z]\w*)$/,
  /^(?:grad|dL_d|dJd|dLd|nabla)_?([A-Za-z]\w*)$/,
  /^([A-Za-z]\w*)_grad$/,
]

/** A forward and a backward pass, followed at the given point. */
export interface FollowedPair {
  readonly forward: Forward
  readonly pass: BackwardPass
  readonly run: BackwardRun
  readonly followed: ReturnType<Forward['follow']>
}

/**
 * Follows a forward pass, and a backward pass behind it.
 * @param parameters names of the arrays that are parameters; by what the backward pass makes, where they are not given
 * @throws GradcheckError with the place, for what is not understood, other shapes, and where no gradient is found
 */
export function followPair(
  asked: ForwardSource,
  files: readonly SourceFile[],
  parse: Parse,
  parameters?: readonly string[],
): FollowedPair {
  const source = { ...asked, arrays: withoutGradients(asked, files) }
  const context = findContext(source, files)
  const { arrays } = source
  const given = context?.inputs.filter((name) => (arrays.get(name)?.shape.length ?? 0) > 0)
  const names = parameters ?? given ?? guessFrom(source, files)
  const gradients = new Map(names.map((name) => [name, savedGradient(source, name)]))
  const read = context === undefined ? source : { ...source, upstream: context.upstream }
  const forward = new Forward(read, files, parse, gradients)
  const { followed, left } = followAndKeep(forward)
  const Pass = context === undefined ? BackwardPass : ContextPass
  const pass = new Pass(forward, source.backward!, followed.result, left)
  const unknown: Unknown[] = []
  const run = pass.run(lookForUnknown(pass, names, unknown))
  const { further } = run.gradients
  if (further.length > 0 && parameters === undefined)
    return followPair(asked, files, parse, [...run.gradients.arrays.keys(), ...further])
  const found = [...run.gradients.arrays.keys()]
  if (found.length < names.length && unknown.length > 0) throw forward.interpreter.errorOf(unknown[0])
  if (found.length === 0) {
    throw forward.interpreter.error(
      { file: pass.called.scope.file, at: pass.called.at },
      `${pass.called.name} leaves no array that is called a gradient`,
      'return dW1 for W1, in a tuple or a dictionary, or leave it in an attribute or a dictionary of that name',
    )
  }
  // the code may count its parameters, so that they must be exactly these
  if (found.length < names.length && parameters === undefined) return followPair(asked, files, parse, found)
  requireShapes(pass, run, source.arrays)
  requireFinite(forward, pass, run)
  return { forward, pass, run, followed }
}

/** Watches for gradients that are not understood, such as those that chance has a part in. */
function lookForUnknown(
  { called }: BackwardPass,
  parameters: readonly string[],
  found: Unknown[],
): PartialWatcher {
  const wanted = new Set(parameters.flatMap(namesOfGradient))
  let returned: Value = null
  const look = (value: Value): void => {
    if (value instanceof Unknown) found.push(value)
    else if (value instanceof PyTuple || value instanceof PyList) value.items.forEach(look)
    else if (value instanceof PyDict) for (const { value: item } of value.entries.values()) look(item)
  }
  return {
    made(statement, value) {
      if (statement.kind === 'return') returned = value
      return value
    },
    left({ body }, scope) {
      if (body !== called.body) return
      look(returned)
      for (const [name, value] of scope.names) if (wanted.has(name)) look(value)
    },
  }
}

/** @throws GradcheckError `bad-value` for a gradient with elements that are not finite, with the line that makes the first */
function requireFinite(forward: Forward, pass: BackwardPass, { gradients }: BackwardRun): void {
  for (const [name, { array, at }] of gradients.arrays) {
    const { numbers } = array
    const wrong = findNonFinite(numbers)
    if (wrong === -1) continue
    const { base } = forward.tracer
    const areFinite = (id: number) => findNonFinite(base[id]) === -1
    const maker = forward.values
      .slice(pass.start)
      .find(
        (value) =>
          value.id < base.length &&
          value.kind === 'computed' &&
          !areFinite(value.id) &&
          value.operands.every(areFinite),
      )
    const { file, line, column } = maker?.source ?? {}
    const where =
      line === undefined ? describePlace(pass.called.scope.file, pass.called.at) : `${file}:${line}:${column}`
    const index = unravelIndex(wrong, array.shape).join(', ')
    throw new GradcheckError(
      'bad-value',
      `${where}: this makes ${numbers[wrong]}, and with it ${at}[${index}], of the gradient of ${name}`,
      { fix: 'look at what it divides by, or takes the logarithm of: a gradient must be finite' },
    )
  }
}

/** The arguments of a torch.autograd.Function's forward pass, and the array that its backward pass is given. */
function findContext(
  { entry, backward, upstream, arrays }: ForwardSource,
  files: readonly SourceFile[],
): { readonly inputs: readonly string[]; readonly upstream: string } | undefined {
  const [forward, back] = [entry, backward].map((of) => findMethod(of ?? '', files))
  if (forward === undefined || back === undefined || !hasContext(forward) || !hasContext(back))
    return undefined
  const known = [...inputsOf(back).slice(0, 1), 'dout', 'grad_output', 'grad'].find((name) =>
    arrays.has(name),
  )
  return { inputs: inputsOf(forward), upstream: upstream ?? known ?? 'dout' }
}

/** The parameters of `CLASS.METHOD`. */
function findMethod(entry: string, files: readonly SourceFile[]): readonly Parameter[] | undefined {
  const [owner, method] = (entry.split(':').at(-1) ?? '').split('.')
  for (const statement of files.flatMap(({ statements }) => statements)) {
    if (statement.kind !== 'class' || statement.name !== owner) continue
    const found = statement.body.findLast((one) => one.kind === 'function' && one.name === method)
    if (found?.kind === 'function') return found.parameters
  }
  return undefined
}

function savedGradient({ arrays }: ForwardSource, name: string): string {
  return namesOfGradient(name).find((gradient) => arrays.has(gradient)) ?? `d${name}`
}

function guessFrom({ arrays, backward }: ForwardSource, files: readonly SourceFile[]): string[] {
  const names = [...arrays.keys()].filter((name) => findNonFinite(arrays.get(name)!.data) === -1)
  const guessed = guessParameters(names, reachedFrom(nameOfEntry(backward), files))
  // nothing is named: what is returned may be the gradients of all arrays there are
  return guessed.length > 0 ? guessed : names
}

const nameOfEntry = (entry = '') => entry.split(/[.:]/).at(-1)!

/** The arrays but for saved gradients: it is the backward pass that makes those. What it is given is none. */
function withoutGradients(
  { arrays, backward, upstream, bind = {} }: ForwardSource,
  files: readonly SourceFile[],
): NamedTensors {
  const given = new Set(
    reachedFrom(nameOfEntry(backward), files).flatMap((one) =>
      one.kind === 'function' && one.name === nameOfEntry(backward)
        ? one.parameters.map(({ name }) => name)
        : [],
    ),
  )
  const isKept = (name: string) =>
    given.has(name) ||
    mayBeUpstream(name, upstream) ||
    Object.values(bind).includes(name) ||
    !isGradient(name, arrays, files)
  return new Map([...arrays].filter(([name]) => isKept(name)))
}

/** Whether an array is called the gradient of another, or of what the code has: `dZ3` among saved gradients. */
function isGradient(name: string, arrays: NamedTensors, files: readonly SourceFile[]): boolean {
  const isWord = (word: string) =>
    files.some(({ text }) => new RegExp(`(?<![\\w.])${word}(?!\\w)`).test(text))
  const [of] = GRADIENT_WORDS.flatMap((pattern) => pattern.exec(name)?.[1] ?? [])
  if (of === undefined) return false
  return (arrays.has(of) || isWord(of)) && !namesOfGradient(name).some(isWord)
}

/** The definitions of a function's name, and of whatever it calls, as their names say. */
function reachedFrom(entry: string, files: readonly SourceFile[]): Statement[] {
  const definitions = new Map<string, Statement[]>()
  const list = (statements: readonly Statement[]): void => {
    for (const statement of statements) {
      if (statement.kind === 'class') list(statement.body)
      else if (statement.kind === 'function')
        definitions.set(statement.name, [...(definitions.get(statement.name) ?? []), statement])
    }
  }
  for (const { statements } of files) list(statements)
  const reached = new Set<Statement>()
  const pending = [entry]
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const definition of definitions.get(name) ?? []) {
      if (reached.has(definition)) continue
      reached.add(definition)
      pending.push(...namesRead(definition))
    }
  }
  return [...reached]
}

/** Every name and every member's name in code. */
function namesRead(code: unknown): string[] {
  if (Array.isArray(code)) return code.flatMap(namesRead)
  if (code === null || typeof code !== 'object') return []
  const record = code as Record<string, unknown>
  const own = record.kind === 'name' || record.kind === 'member' ? [String(record.name)] : []
  return [...own, ...Object.values(record).flatMap(namesRead)]
}
