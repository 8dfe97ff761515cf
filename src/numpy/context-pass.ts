import { NdArray } from './arrays.js'
import { BackwardPass, type BackwardRun, type PartialWatcher } from './backward-pass.js'
import { PyTuple, type Value } from './values.js'

/**
 * The backward pass of a torch.autograd.Function: what it returns are the gradients of what its forward pass was given, by
 * their places and not by their names.
 */
export class ContextPass extends BackwardPass {
  /** @throws GradcheckError also where fewer gradients are returned than the forward pass has arguments, or more */
  override run(watcher: PartialWatcher = {}, most?: number): BackwardRun {
    const { called, forward } = this
    const inputs = inputsOf(forward.entered?.parameters ?? [])
    const returned: { last: Value; result: Value } = { last: null, result: null }
    const { steps, at } = super.run(
      {
        ...watcher,
        made(statement, value) {
          const given = watcher.made?.(statement, value) ?? value
          if (statement.kind === 'return') returned.last = given
          return given
        },
        left(function_, scope) {
          if (function_.body === called.body) returned.result = returned.last
          watcher.left?.(function_, scope)
        },
      },
      most,
    )
    const { result } = returned
    const items = result instanceof PyTuple ? result.items : [result]
    if (items.length < inputs.length || items.slice(inputs.length).some((item) => item !== null)) {
      throw forward.interpreter.error(
        { file: called.scope.file, at: called.at },
        `${called.name} returns ${items.length} gradients, and forward has ${inputs.length} arguments: ${inputs.join(', ')}`,
        'return one for each in their order, None for what has no gradient',
      )
    }
    const arrays = new Map<string, { array: NdArray; at: string }>()
    for (const [k, name] of inputs.entries()) {
      const item = items[k]
      if (item instanceof NdArray && forward.parameterNames.includes(name))
        arrays.set(name, { array: item, at: `result ${k + 1}` })
    }
    return { gradients: { arrays, further: [] }, steps, at }
  }
}

/** Whether a function has a context to keep things in. */
export const hasContext = (parameters: readonly { readonly name: string }[]): boolean =>
  parameters[0]?.name === 'ctx'

/** The arguments of a forward pass behind its context. */
export const inputsOf = (parameters: readonly { readonly name: string }[]): string[] =>
  parameters.slice(1).map(({ name }) => name)
