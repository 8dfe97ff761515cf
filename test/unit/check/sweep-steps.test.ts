import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { Progress } from '../../../src/check/check-options.js'
import { bindProblem } from '../../../src/check/problem.js'
import { chooseSweepSample, SWEEP_STEPS } from '../../../src/check/sweep-steps.js'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import type { Evaluator } from '../../../src/differentiate/evaluator.js'
import { selectAll } from '../../../src/differentiate/selection.js'
import { dense, sequential } from '../../../src/network/network.js'
import { tensor } from '../../../src/tensor.js'
import { FIXTURES, readFixture } from '../../support/fixtures.js'
import { makeRandomProblem } from '../../support/random-network.js'

const published = readFixture('three-layer.npz')

/** 6 → 30 → 20 → 3, tanh: 893 parameters without a kink. */
const smooth = makeRandomProblem({
  seed: 3,
  activations: ['tanh', 'sigmoid', 'linear'],
  loss: 'half-squared-error',
  widths: [6, 30, 20, 3],
  samples: 5,
})

describe('a sweep of steps', () => {
  it('has a row for every step from 1e-1 to 1e-8, on all parameters of a small network', async () => {
    const { steps, parameters } = await checkGradients(published, { steps: true })
    expect(steps!.map(({ step }) => step)).toEqual([...SWEEP_STEPS])
    expect(SWEEP_STEPS).toEqual([1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    for (const { checked } of steps!) expect(checked).toBe(parameters.total)
  })

  it("shows the textbook's V, and that difference arithmetic loses nothing by a small step", async () => {
    const { steps } = await checkGradients(smooth.problem, { steps: true })
    const [ours, textbook] = [steps!.map((row) => row.difference), steps!.map((row) => row.textbook)]
    // truncation is the same for both, and falls as h²
    expect(ours[2] / ours[1]).toBeCloseTo(0.01, 3)
    expect(textbook[1] / ours[1]).toBeCloseTo(1, 4)
    const best = textbook.indexOf(Math.min(...textbook))
    expect(SWEEP_STEPS[best]).toBeGreaterThan(1e-7)
    expect(SWEEP_STEPS[best]).toBeLessThan(1e-3)
    // rounding grows as 1/h
    expect(textbook[7] / textbook[6]).toBeGreaterThan(3)
    expect(textbook[7]).toBeGreaterThan(100 * textbook[best])
    for (let k = 1; k < ours.length; k++) expect(ours[k]).toBeLessThan(Math.max(ours[k - 1], 1e-14))
    expect(ours[7]).toBeLessThan(1e-14)
  })

  it('has the published figure of the textbook method at its step', async () => {
    const expected = FIXTURES.find(([name]) => name === 'three-layer.npz')![1] as {
      textbook_difference?: number
    }
    const { steps } = await checkGradients(published, { steps: [1e-7] })
    expect(steps![0].textbook / expected.textbook_difference!).toBeCloseTo(1, 2)
  })

  // at larger steps a check evaluates what truncation explains once more, with next to no step
  it.each(['central', 'forward'] as const)('has the figures of checks at its steps: %s', async (scheme) => {
    const { steps } = await checkGradients(published, { steps: [1e-5, 1e-6], scheme })
    for (const { step, difference, textbook } of steps!) {
      expect((await checkGradients(published, { step, scheme, perturb: 'parameters' })).difference).toBe(
        difference,
      )
      expect((await checkGradients(published, { step, scheme, method: 'textbook' })).difference).toBe(
        textbook,
      )
    }
  })

  it('compares with difference arithmetic whichever method checks', async () => {
    const byDifference = await checkGradients(published, { steps: true })
    const byTextbook = await checkGradients(published, { steps: true, method: 'textbook' })
    expect(byTextbook.steps).toEqual(byDifference.steps)
  })

  it('is taken by the evaluator that was chosen', async () => {
    const cpu = createCpuEvaluator('test')
    const seen: number[] = []
    const evaluator: Evaluator = {
      ...cpu,
      evaluate(model, tensors, settings, hooks) {
        seen.push(settings.step)
        return cpu.evaluate(model, tensors, settings, hooks)
      },
    }
    await checkGradients(smooth.problem, { evaluator, steps: [0.5, 0.25] })
    expect(seen).toEqual([1e-6, 0.5, 0.25])
  })

  it('does not change the check beside it', async () => {
    const { timing: _, steps: __, ...swept } = await checkGradients(published, { steps: true })
    const { timing: ___, ...plain } = await checkGradients(published)
    expect(swept).toEqual(plain)
    expect(plain).not.toHaveProperty('steps')
    expect(await checkGradients(published, { steps: false })).not.toHaveProperty('steps')
  })

  it('covers the sample that is checked', async () => {
    const { steps, parameters } = await checkGradients(smooth.problem, { steps: [1e-4], sample: 50 })
    expect(steps![0].checked).toBe(parameters.checked)
  })

  it('goes from the largest step to the smallest, each once', async () => {
    const { steps } = await checkGradients(published, { steps: [1e-6, 1e-2, 1e-6] })
    expect(steps!.map(({ step }) => step)).toEqual([1e-2, 1e-6])
  })

  it.each([0, -1, 100, 1e-31, Number.NaN, Number.POSITIVE_INFINITY])('refuses a step of %d', async (step) => {
    await expect(checkGradients(published, { steps: [1e-3, step] })).rejects.toMatchObject({
      code: 'bad-usage',
      message: `step must be a number from 1e-30 to 10, not ${step}`,
    })
  })

  it('tells its progress up to the end', async () => {
    const seen: Progress[] = []
    const options = { steps: [1e-2, 1e-4], onProgress: (progress: Progress) => seen.push(progress) }
    await checkGradients(smooth.problem, options)
    const swept = seen.filter(({ phase }) => phase === 'sweeping steps')
    expect(swept.at(-1)).toMatchObject({ done: 4 * 893, total: 4 * 893 })
    for (const [k, { done, total }] of swept.entries()) {
      expect(total).toBe(4 * 893)
      if (k > 0) expect(done).toBeGreaterThanOrEqual(swept[k - 1].done)
    }
  })

  it('that is interrupted keeps the steps it finished, and the verdict', async () => {
    const controller = new AbortController()
    const { verdict, interrupted, steps, notices } = await checkGradients(smooth.problem, {
      steps: true,
      signal: controller.signal,
      onProgress: ({ phase, done }) => {
        if (phase === 'sweeping steps' && done >= 4 * 893) controller.abort()
      },
    })
    expect({ verdict, interrupted }).toEqual({ verdict: 'pass', interrupted: false })
    expect(steps!.map(({ step }) => step)).toEqual([1e-1])
    expect(notices).toEqual(['the sweep was interrupted: 7 of its 8 steps are missing'])
  })
})

describe('the sample of a sweep', () => {
  /** A network of zeros: only its sizes matter. */
  const modelOf = async (widths: number[], samples: number) => {
    const zeros = (...shape: number[]) => tensor(new Float64Array(shape[0] * shape[1]), shape)
    const parameters = Object.fromEntries(
      widths.slice(1).flatMap((width, l) => [
        [`W${l + 1}`, zeros(width, widths[l])],
        [`b${l + 1}`, zeros(width, 1)],
      ]),
    )
    const gradients = Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [`d${name}`, value]),
    )
    const network = sequential([dense('tanh'), dense('tanh'), dense('linear')], {
      loss: 'half-squared-error',
    })
    const data = { inputs: zeros(widths[0], samples), targets: zeros(widths[3], samples) }
    return (await bindProblem({ network, parameters, gradients, ...data })).model
  }

  it.each([
    [[40, 60, 60, 5], 4, 900, 1010],
    [[100, 100, 100, 10], 50, 345, 362],
    [[200, 300, 300, 10], 400, 6, 9],
  ])(
    'of widths %j and %i samples fits the work, spread over the tensors',
    async (widths, samples, least, most) => {
      const model = await modelOf(widths, samples)
      const sample = chooseSweepSample(model, selectAll(model), 8)
      const count = sample.reduce((sum, { entries }) => sum + entries.length, 0)
      expect(count).toBeGreaterThanOrEqual(least)
      expect(count).toBeLessThanOrEqual(most)
      const forward = model.layers.reduce((sum, layer) => sum + layer.weights.length, 0) * samples
      // one of every tensor comes on top
      expect((count - sample.length) * forward * 16).toBeLessThanOrEqual(6e9)
      if (count >= sample.length) for (const { entries } of sample) expect(entries.length).toBeGreaterThan(0)
      for (const { entries, parameter } of sample) {
        expect(new Set(entries).size).toBe(entries.length)
        for (const entry of entries) expect(entry).toBeLessThan(parameter.size)
      }
    },
  )

  it('keeps some tensors where one of each would already be too much', async () => {
    const model = await modelOf([600, 700, 600, 10], 200)
    const sample = chooseSweepSample(model, selectAll(model), 8)
    const kept = sample.filter(({ entries }) => entries.length > 0)
    expect(kept.map(({ parameter }) => parameter.name)).toEqual(['W1', 'W2'])
    for (const { entries } of kept) expect(entries).toHaveLength(1)
  })
})
