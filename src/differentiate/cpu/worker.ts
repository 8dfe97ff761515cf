import { type ChangeCarrier, createCpuCarrier } from '../../program/carry-changes.js'
import type { BoundProgram } from '../../program/evaluate.js'
import { carryGroups } from '../../program/numerical-gradient.js'
import { PieceEvaluator } from './evaluate-piece.js'
import { type FromWorker, restoreModel, restoreProgram, type ToWorker } from './worker-messages.js'

/** Answers a coordinating thread's messages; runs in worker threads of Node and in web workers alike. */
export function serve(
  post: (message: FromWorker, transfer: ArrayBuffer[]) => void,
): (message: ToWorker) => Promise<void> {
  let evaluator: PieceEvaluator
  let bound: BoundProgram
  let carrier: ChangeCarrier
  return async (message) => {
    switch (message.kind) {
      case 'model':
        evaluator = new PieceEvaluator(restoreModel(message.model), message.settings)
        break
      case 'program':
        bound = restoreProgram(message.program)
        carrier = createCpuCarrier(bound)
        break
      case 'ready':
        post({ id: message.id, result: undefined }, [])
        break
      case 'piece': {
        const evaluation = evaluator.evaluate(message.task)
        let next = evaluation.next()
        while (!next.done) next = evaluation.next()
        const result = next.value
        const buffers = result.flatMap(({ derivatives, kinks }) => [derivatives.buffer, kinks.buffer])
        post({ id: message.id, result }, buffers as ArrayBuffer[])
        break
      }
      case 'perturbations': {
        const { perturbations } = message
        const { shape } = bound.program.values[perturbations.id]
        const result = (await carryGroups(carrier, shape, perturbations))!
        post({ id: message.id, result }, [result.slopes.buffer, result.crossings.buffer] as ArrayBuffer[])
      }
    }
  }
}
