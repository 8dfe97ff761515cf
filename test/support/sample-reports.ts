import type { CheckReport, EntryReport, TensorReport } from '../../src/check/report.js'

/** A report of a check that passes, with some fields replaced. */
export function makeReport(changes: Partial<CheckReport> = {}): CheckReport {
  return {
    schema: 1,
    verdict: 'pass',
    difference: 2.6012e-8,
    tolerance: 1e-7,
    numericalError: 3.4e-8,
    cost: 2.407833389834357,
    loss: {
      name: 'binary-cross-entropy',
      reduction: 'mean',
      samples: { total: 3, counted: 3 },
      weighted: false,
    },
    parameters: { total: 47, checked: 47 },
    method: 'difference',
    scheme: 'central',
    step: 1e-5,
    precision: 'single',
    device: { evaluator: 'webgpu', adapter: 'SwiftShader Device', software: true },
    tensors: [makeTensor({ name: 'W1', shape: [5, 4] }), makeTensor({ name: 'b1', shape: [5, 1] })],
    setup: [],
    diagnosis: [],
    crossValidation: { checked: 20, difference: 1.2e-9 },
    timing: { seconds: 0.1234, perturbations: 94 },
    reasons: [],
    notices: [],
    interrupted: false,
    ...changes,
  }
}

/** A tensor that passes, with some fields replaced. */
export function makeTensor(changes: Partial<TensorReport> = {}): TensorReport {
  const name = changes.name ?? 'W1'
  const shape = changes.shape ?? [5, 4]
  return {
    name,
    gradient: `d${name}`,
    shape,
    checked: shape.reduce((product, length) => product * length, 1),
    difference: 2.6e-8,
    tolerance: 1e-7,
    numericalError: 3e-8,
    verdict: 'pass',
    kinks: 0,
    wrongEntries: 0,
    undecidedEntries: 0,
    perturbed: 'parameters',
    worst: [],
    ...changes,
  }
}

/** A tensor whose entries are all twice too large. */
export function makeFailingTensor(name: string, entries = 8): TensorReport {
  const worst = Array.from(
    { length: entries },
    (_, k): EntryReport => ({
      index: [k, 2 * k],
      analytical: 0.2469135802 / (k + 1),
      numerical: 0.1234567901 / (k + 1),
      relativeError: 1 / 3,
      numericalError: 2e-8,
      verdict: 'fail',
    }),
  )
  return makeTensor({ name, verdict: 'fail', difference: 1 / 3, wrongEntries: entries, worst })
}

/** A report of a check in which W2 and b1 fail. */
export function makeFailingReport(changes: Partial<CheckReport> = {}): CheckReport {
  return makeReport({
    verdict: 'fail',
    difference: 0.2850931567,
    tensors: [
      makeTensor({ name: 'W1' }),
      makeFailingTensor('b1'),
      makeFailingTensor('W2'),
      makeTensor({ name: 'b2', shape: [3, 1] }),
    ],
    diagnosis: [
      { kind: 'scaled', tensors: ['W2'], factor: 2, residual: 1e-9, message: 'dW2 is 2 times too large' },
    ],
    ...changes,
  })
}
