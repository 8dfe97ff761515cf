import { GradcheckError } from '../errors.js'

/**
 * Runs what looks for arrays; where one is missing that lies in the file and could not be read, the error says why.
 * @throws GradcheckError what `find` throws
 */
export function explainUnreadable<T>(unreadable: ReadonlyMap<string, GradcheckError>, find: () => T): T {
  try {
    return find()
  } catch (error) {
    if (!(error instanceof GradcheckError) || error.code !== 'missing-array') throw error
    const words = new Set(error.message.split(/[\s,;:"()]+/))
    // a dictionary of arrays becomes one array of objects
    const reason =
      [...unreadable].find(([name]) => words.has(name))?.[1] ??
      [...unreadable.values()].find(({ message }) => message.includes('Python objects'))
    if (reason === undefined) throw error
    throw new GradcheckError(error.code, `${error.message}; ${reason.message}`, {
      ...(reason.fix === undefined ? {} : { fix: reason.fix }),
      cause: error,
    })
  }
}
