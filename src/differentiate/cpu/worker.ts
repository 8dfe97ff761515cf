import type { Model } from '../../network/model.js'
import { LossChanges } from './loss-changes.js'
import { evaluatePiece } from './pieces.js'
import { type FromWorker, restoreModel, type ToWorker } from './worker-messages.js'

/** Answers a coordinating thread's messages; runs in worker threads of Node and in web workers alike. */
export function serve(
  post: (message: FromWorker, transfer: ArrayBuffer[]) => void,
): (message: ToWorker) => void {
  let model: Model
  let changes: LossChanges
  return (message) => {
    if (message.kind === 'model') {
      model = restoreModel(message.model)
      changes = new LossChanges(model, message.settings)
      return
    }
    const { id, parameterIndex, entries } = message
    const result = evaluatePiece(model, changes, parameterIndex, entries)
    post({ id, ...result }, [result.derivatives.buffer as ArrayBuffer, result.kinks.buffer as ArrayBuffer])
  }
}
