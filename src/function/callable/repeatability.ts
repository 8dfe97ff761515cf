/** Values of a function at one point, at different times of a check. */
export interface Repetitions {
  /** One after the other. */
  readonly first: readonly number[]
  /** After the gradient function was called. */
  readonly afterGradient: number
  /** After the function was evaluated at other points. */
  readonly last: readonly number[]
}

/** How far values of one point lie apart; 0 where they are all the same. */
export function spreadOf({ first, afterGradient, last }: Repetitions): number {
  const values = [...first, afterGradient, ...last]
  return values.every((value) => Object.is(value, values[0])) ? 0 : Math.max(...values) - Math.min(...values)
}

/**
 * Why a function's values at one point may differ, as far as the order shows it: the gradient function changed
 * something, other points did, every call does, or chance.
 */
export function explainSpread(repetitions: Repetitions): string {
  const { first, afterGradient, last } = repetitions
  const all = [...first, afterGradient, ...last]
  const spread = spreadOf(repetitions)
  const differ = `the function is not deterministic: ${all.length} evaluations at the same point differ by up to ${spread}`
  const isSteady = (values: readonly number[]) => values.every((value) => Object.is(value, values[0]))
  if (isSteady(first) && !Object.is(afterGradient, first[0])) {
    return `${differ}. They are the same until the gradient function is called: it changes something that the function uses (parameters, buffers, running averages). Work on copies there, and check again`
  }
  if (isSteady([...first, afterGradient])) {
    return `${differ}. They are the same until the function is evaluated at other points: it keeps state between calls (running averages, caches, arrays that it writes into). Clear that before each call, and check again`
  }
  const steps = all.slice(1).map((value, k) => value - all[k])
  if (steps.every((step) => step > 0) || steps.every((step) => step < 0)) {
    return `${differ}, each ${steps[0] > 0 ? 'larger' : 'smaller'} than the one before: it keeps state between calls (a counter, a sum, an array that it writes into). Clear that before each call, and check again`
  }
  return `${differ}: fix its random numbers (dropout, sampling) or clear the state that it keeps between calls, and check again; differences of rounding alone, as of sums in changing order, may be declared as \`noise\``
}
