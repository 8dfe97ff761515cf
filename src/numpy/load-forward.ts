import type { ForwardSource, TracedForward } from './trace-forward.js'

/**
 * Reads a forward pass in Python and lists what it does to the arrays as a program, which `checkGradients` takes as it is:
 * `checkGradients(await traceForward({ sources, entry, arrays }))`. Nothing of it is run as Python. Parser and interpreter
 * are loaded when this is first called.
 * @throws GradcheckError `bad-forward` with the place, for what is not understood
 */
export async function traceForward(source: ForwardSource): Promise<TracedForward> {
  if (source.backward !== undefined) {
    const { traceBackward } = await import('../blame/read-backward.js')
    return await traceBackward(source)
  }
  const { traceForward: trace } = await import('./trace-forward.js')
  return await trace(source)
}
