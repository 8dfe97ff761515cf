import { softmaxBase } from '../../network/losses.js'
import type { Model } from '../../network/model.js'
import { outputOf } from '../../network/model.js'
import { FLOAT32_ROUNDOFF } from '../../tensor.js'

/** What code adds to the argument of a logarithm, or keeps it from, so that it never sees 0. */
const GUARDS: readonly number[] = [1e-16, 2 ** -52, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5]

/**
 * Whether a cost is the model's cross-entropy with a guard in its logarithms: ln(A + ε), or A kept from ε to 1 − ε.
 * That is the same loss for a gradient check: nobody's backward pass knows of the guard.
 */
export function isGuardedCost(model: Model, cost: number, allowed: number): boolean {
  const logarithms = readLogarithms(model)
  if (logarithms === undefined) return false
  const penalty = model.l2Cost()
  return GUARDS.some((guard) =>
    [
      (a: number) => Math.log(a + guard),
      (a: number) => Math.log(Math.min(1 - guard, Math.max(guard, a))),
    ].some((log) => {
      const sum = logarithms.reduce((total, { weight, a }) => total - weight * log(a), 0)
      return Math.abs(model.lossScale * sum + penalty - cost) <= allowed + 1e-9 * Math.abs(cost)
    }),
  )
}

/** The probabilities whose logarithms a cross-entropy adds up; undefined for other losses. */
function readLogarithms(model: Model): { weight: number; a: number }[] | undefined {
  const { targets } = model
  const { Z, A } = outputOf(model.forward())
  switch (model.loss.name) {
    case 'binary-cross-entropy':
      return Array.from(targets.data).flatMap((y, k) => [
        ...(y === 0 ? [] : [{ weight: model.weightOf(k) * y, a: A.data[k] }]),
        ...(y === 1 ? [] : [{ weight: model.weightOf(k) * (1 - y), a: 1 - A.data[k] }]),
      ])
    case 'softmax-cross-entropy': {
      const { probabilities } = softmaxBase(Z, targets)
      return Array.from(targets.data).flatMap((y, k) =>
        y === 0 ? [] : [{ weight: model.weightOf(k) * y, a: probabilities.data[k] }],
      )
    }
    default:
      return undefined
  }
}

/**
 * Whether a cross-entropy written down as it stands in a book overflows here: a logarithm of 0, or an exponential beyond
 * the largest number. Its gradient need not.
 * @param unitRoundoff of the arithmetic that it was computed in
 */
export function mayOverflow(model: Model, unitRoundoff: number): boolean {
  const { loss } = model
  const { Z, A } = outputOf(model.forward())
  const round = unitRoundoff > FLOAT32_ROUNDOFF / 2 ? Math.fround : (value: number) => value
  switch (loss.name) {
    case 'binary-cross-entropy':
      return A.data.some((a) => round(a) === 0 || round(1 - round(a)) === 0)
    case 'softmax-cross-entropy': {
      const { probabilities } = softmaxBase(Z, model.targets)
      return (
        Z.data.some((z) => !Number.isFinite(round(Math.exp(z)))) ||
        probabilities.data.some((p) => round(p) === 0)
      )
    }
    default:
      return false
  }
}
