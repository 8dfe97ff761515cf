import { expect } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import type { CheckOptions } from '../../src/check/check-options.js'
import type { CheckReport } from '../../src/check/report.js'
import { ACTIVATION_NAMES } from '../../src/network/activations.js'
import { LAYOUT_NAMES } from '../../src/network/layout.js'
import { LOSS_NAMES } from '../../src/network/losses.js'
import { unravelIndex } from '../../src/tensor.js'
import { Draws, makeRandomProblem, type RandomNetworkOptions } from './random-network.js'
import { changeEntry } from './right-networks.js'

/** Inputs are of sizes from 10^LEAST_POWER to 10^(LEAST_POWER + POWERS); weights fit. */
const LEAST_POWER = -12
const POWERS = 27

/** Small networks of every kind, with inputs of sizes from 1e-12 to 1e15 and first weights that fit. */
export function scaledOptions(number: number): RandomNetworkOptions {
  const draws = new Draws(50_000 + number)
  const depth = 1 + (number % 5)
  const loss = LOSS_NAMES[Math.floor(number / 5) % LOSS_NAMES.length]
  const activations = Array.from({ length: depth }, () => draws.pick(ACTIVATION_NAMES))
  if (loss === 'binary-cross-entropy') activations[depth - 1] = 'sigmoid'
  else if (loss === 'softmax-cross-entropy') activations[depth - 1] = 'linear'
  const widths = Array.from({ length: depth + 1 }, () => 1 + draws.below(10))
  if (loss === 'softmax-cross-entropy' && widths[depth] === 1) widths[depth] = 2
  return {
    seed: 1000 + number,
    activations,
    loss,
    widths,
    samples: 1 + draws.below(8),
    layout: LAYOUT_NAMES[number % LAYOUT_NAMES.length],
    l2: draws.below(4) === 0 ? draws.uniform() : 0,
    biases: draws.pick(['all', 'all', 'some', 'none']),
    scale: draws.pick([0.5, 1, 2, 5]),
    inputScale: 10 ** (LEAST_POWER + POWERS * draws.uniform()),
    kinkMargin: draws.pick([0, 2e-3]),
  }
}

/** What a check of the right gradient says. It never fails, nor does the tool call itself broken. */
export async function checkRightly(number: number, options: CheckOptions): Promise<CheckReport> {
  const report = await checkGradients(makeRandomProblem(scaledOptions(number)).problem, options)
  const where = `network ${number}: ${JSON.stringify(scaledOptions(number))}`
  expect(report.verdict, where).not.toBe('fail')
  expect(report.notices.join(), where).not.toContain('internal error')
  return report
}

/** Whether one entry that is off by a thousandth is found, it alone; nothing where no entry is large enough. */
export async function findsChange(
  number: number,
  leastShare: number,
  options: CheckOptions,
): Promise<boolean | undefined> {
  const { problem, gradients } = makeRandomProblem(scaledOptions(number))
  const changed = changeEntry(gradients, number, 1e-3, leastShare)
  if (changed === undefined) return undefined
  const report = await checkGradients({ ...problem, gradients: changed.gradients }, options)
  const failing = report.tensors.filter(({ verdict }) => verdict === 'fail')
  return (
    report.verdict === 'fail' &&
    failing.length === 1 &&
    failing[0].gradient === changed.name &&
    failing[0].wrongEntries === 1 &&
    failing[0].worst[0].index.join() === unravelIndex(changed.offset, failing[0].shape).join()
  )
}
