import { PieceEvaluator } from './evaluate-piece.js'
import { type FromWorker, restoreModel, type ToWorker } from './worker-messages.js'

/** Answers a coordinating thread's messages; runs in worker threads of Node and in web workers alike. */
export function serve(
  post: (message: FromWorker, transfer: ArrayBuffer[]) => void,
): (message: ToWorker) => void {
  let evaluator: PieceEvaluator
  return (message) => {
    if (message.kind === 'model') {
      evaluator = new PieceEvaluator(restoreModel(message.model), message.settings)
      return
    }
    const evaluation = evaluator.evaluate(message.task)
    let next = evaluation.next()
    while (!next.done) next = evaluation.next()
    const result = next.value
    const buffers = result.flatMap(({ derivatives, kinks }) => [derivatives.buffer, kinks.buffer])
    post({ id: message.id, result }, buffers as ArrayBuffer[])
  }
}
