import { expect } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import type { CheckOptions } from '../../src/check/check-options.js'
import { unravelIndex } from '../../src/tensor.js'
import { changeEntry, makeRightProblem, rightNetworkOptions } from './right-networks.js'

/** What verdicts on one network's gradient must be. */
export interface Expectation {
  readonly dtype: 'float64' | 'float32'
  /** Least share of its tensor's largest entry from which on a change of 1e-3 must be found. */
  readonly leastShare: number
}

/**
 * Expects a network's right gradient not to fail, the same with one entry changed by a thousandth to fail at that
 * entry, and a change too small for float32 not to matter.
 * @returns true where the right gradient is inconclusive
 */
export async function expectVerdicts(
  number: number,
  { dtype, leastShare }: Expectation,
  options: CheckOptions,
): Promise<boolean> {
  const { problem, gradients } = makeRightProblem(number, dtype)
  const where = `network ${number}, ${dtype}: ${JSON.stringify(rightNetworkOptions(number))}`
  const right = await checkGradients(problem, options)
  expect(right.notices.join(), where).not.toContain('internal error')
  expect(right.verdict, where).not.toBe('fail')
  expect(right.tensors.map(({ wrongEntries }) => wrongEntries)).toEqual(right.tensors.map(() => 0))
  if (right.verdict === 'inconclusive') expect(right.notices.length, where).toBeGreaterThan(0)

  const changed = changeEntry(gradients, number, 1e-3, leastShare)
  if (changed !== undefined) {
    const wrong = await checkGradients({ ...problem, gradients: changed.gradients }, options)
    const tensor = wrong.tensors.find(({ gradient }) => gradient === changed.name)!
    const at = `${changed.name}, entry ${changed.offset}, ${where}`
    // with sample weights of both signs a gradient is a small sum of large terms, of which float32 may keep less than
    // a thousandth
    const mayBeLost = dtype === 'float32' && rightNetworkOptions(number).sampleWeights === 'signed'
    if (mayBeLost) expect(wrong.verdict, `${at}: ${wrong.notices}`).not.toBe('pass')
    else expect(wrong.verdict, `${at}: ${wrong.notices}`).toBe('fail')
    expect(tensor.verdict, at).toBe(wrong.verdict)
    expect(tensor.worst[0].index, at).toEqual(unravelIndex(changed.offset, tensor.shape))
    expect(tensor.worst[0].verdict).toBe(wrong.verdict)
  }

  // an entry that is next to nothing: what passes is within what the report says of its errors
  const small = changeEntry(gradients, number + 1000, 1e-3, 0)
  if (small !== undefined && small.share < leastShare) {
    const { verdict, tensors, tolerance } = await checkGradients(
      { ...problem, gradients: small.gradients },
      options,
    )
    const tensor = tensors.find(({ gradient }) => gradient === small.name)!
    expect(tensor.difference <= tolerance || verdict !== 'pass', `${small.name}, ${where}`).toBe(true)
  }

  if (dtype === 'float32' && right.verdict === 'pass') {
    const tiny = changeEntry(gradients, number, 1e-9, 0)
    if (tiny !== undefined) {
      const same = await checkGradients({ ...problem, gradients: tiny.gradients }, options)
      expect(same.verdict, where).toBe('pass')
    }
  }
  return right.verdict === 'inconclusive'
}
