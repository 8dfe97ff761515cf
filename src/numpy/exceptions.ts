import { GradcheckError } from '../errors.js'
import { PyClass, PyInstance, PyTuple, type Scope, type Value } from './values.js'

/** An exception that the code raises, and that it may catch. */
export class PythonError extends GradcheckError {
  constructor(
    readonly exception: PyInstance,
    message: string,
    options: { fix?: string; detail?: readonly string[] },
  ) {
    super('bad-forward', message, options)
  }
}

/** Python's exceptions, each with the one that it is a case of. */
const BASES: readonly (readonly [string, string])[] = [
  ['Exception', 'BaseException'],
  ['KeyboardInterrupt', 'BaseException'],
  ['SystemExit', 'BaseException'],
  ['ArithmeticError', 'Exception'],
  ['ZeroDivisionError', 'ArithmeticError'],
  ['OverflowError', 'ArithmeticError'],
  ['FloatingPointError', 'ArithmeticError'],
  ['LookupError', 'Exception'],
  ['KeyError', 'LookupError'],
  ['IndexError', 'LookupError'],
  ['AssertionError', 'Exception'],
  ['AttributeError', 'Exception'],
  ['NameError', 'Exception'],
  ['UnboundLocalError', 'NameError'],
  ['ImportError', 'Exception'],
  ['ModuleNotFoundError', 'ImportError'],
  ['RuntimeError', 'Exception'],
  ['NotImplementedError', 'RuntimeError'],
  ['RecursionError', 'RuntimeError'],
  ['StopIteration', 'Exception'],
  ['TypeError', 'Exception'],
  ['ValueError', 'Exception'],
  ['OSError', 'Exception'],
  ['FileNotFoundError', 'OSError'],
  ['EOFError', 'Exception'],
  ['MemoryError', 'Exception'],
  ['Warning', 'Exception'],
  ['UserWarning', 'Warning'],
  ['RuntimeWarning', 'Warning'],
  ['DeprecationWarning', 'Warning'],
]

const SCOPE: Scope = {
  names: new Map(),
  outer: undefined,
  file: { name: 'Python', text: '', statements: [] },
  globals: new Set(),
  owner: undefined,
  self: undefined,
}

/** Classes of exceptions by name. */
export const EXCEPTIONS: ReadonlyMap<string, PyClass> = makeClasses()

function makeClasses(): Map<string, PyClass> {
  const classOf = (name: string, bases: readonly PyClass[]) =>
    new PyClass({ kind: 'class', at: 0, name, bases: [], body: [], decorators: [] }, bases, SCOPE)
  const made = new Map([['BaseException', classOf('BaseException', [])]])
  for (const [name, base] of BASES) made.set(name, classOf(name, [made.get(base)!]))
  made.set('IOError', made.get('OSError')!)
  return made
}

const ROOT = EXCEPTIONS.get('BaseException')!

export const isExceptionClass = (of: PyClass | undefined): of is PyClass =>
  of?.order().includes(ROOT) ?? false

export const isException = ({ of }: PyInstance): boolean => isExceptionClass(of)

/** An exception of Python's own. */
export function makeException(name: string, message: string): PyInstance {
  const exception = new PyInstance(EXCEPTIONS.get(name)!)
  exception.attributes.set('args', new PyTuple([message]))
  return exception
}

/** An exception as text: as str writes it, or as repr does. */
export function writeException(
  exception: PyInstance,
  isStr: boolean,
  write: { readonly str: (value: Value) => string; readonly repr: (value: Value) => string },
): string {
  const args = exception.attributes.get('args')
  const items = args instanceof PyTuple ? args.items : []
  const isKey = exception.of?.order().includes(EXCEPTIONS.get('KeyError')!) === true
  if (!isStr) return `${exception.of?.definition.name}(${items.map(write.repr).join(', ')})`
  if (items.length === 0) return ''
  if (items.length > 1) return write.repr(new PyTuple(items))
  return isKey ? write.repr(items[0]) : write.str(items[0])
}
