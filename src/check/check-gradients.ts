import type { DifferenceSettings, Evaluator } from '../differentiate/evaluator.js'
import { scaleSteps } from '../network/step-scales.js'
import { isRecord } from '../requirements.js'
import { type CheckOptions, chooseEvaluator, readSettings } from './check-options.js'
import { describeLoss, explainIgnored } from './describe-loss.js'
import { adviseToSaveCost, diagnose } from './diagnosis/diagnose.js'
import { explainElsewhere } from './diagnosis/elsewhere.js'
import { roundByTensor } from './error-estimate.js'
import { type EvaluatedGradients, evaluateGradients } from './evaluate-gradients.js'
import { combineFindings } from './fast/combine-findings.js'
import { mergeFindings } from './fast/merge-findings.js'
import { listEntries } from './gradient-entries.js'
import type { TensorEvidence } from './judge.js'
import { concludeAll, judgeAll } from './judge-all.js'
import { describeKinks } from './kinks/describe-kinks.js'
import { type BoundProblem, bindProblem, type Problem } from './problem.js'
import type { ProgramProblem } from './program/bind-program-problem.js'
import { checkProgram } from './program/check-program.js'
import type { CheckReport, Finding, StepReport } from './report.js'
import { describeSampling, explainSampling } from './sampling.js'
import type { SetupFinding } from './setup/findings.js'
import { inspectSetup } from './setup/inspect-setup.js'
import { findOtherPoints } from './setup/other-points.js'
import { readSteps, sweepSteps } from './sweep-steps.js'
import { chooseTolerance, chooseTolerances } from './tolerances.js'

/**
 * Checks an analytical gradient: perturbs every parameter (or a sample) by ±h, compares the numerical gradient
 * with the analytical one by ‖g − ĝ‖₂/(‖g‖₂ + ‖ĝ‖₂) and judges every entry against its own error estimate. A
 * wrong gradient is a result (`verdict: 'fail'`), not an exception.
 * @throws GradcheckError for input that cannot be checked, or a device that stays lost
 */
export async function checkGradients(
  problem: Problem | ProgramProblem,
  options: CheckOptions = {},
): Promise<CheckReport> {
  if (isRecord(problem) && 'program' in problem) return checkProgram(problem as ProgramProblem, options)
  return checkNetwork(problem as Problem, options)
}

async function checkNetwork(problem: Problem, options: CheckOptions): Promise<CheckReport> {
  const evaluator = chooseEvaluator(options)
  const asked = readSettings(options, evaluator)
  const steps = readSteps(options.steps)
  const bound = await bindProblem(problem)
  const started = performance.now()
  const { model, gradients } = bound
  const settings: DifferenceSettings = { ...asked, scales: scaleSteps(model) }
  const tolerances = chooseTolerances(options.tolerance, evaluator, gradients, settings)
  const evaluated = await evaluateGradients(bound, evaluator, settings, tolerances, options)
  const { base, results, checked, interrupted, crossValidation, refinement, secondLook } = evaluated
  const evidence = gatherEvidence(bound, evaluated, tolerances)
  const judged = judgeAll(
    { ...evaluated, gradients, evidence, roundingIn: (dtypes) => roundByTensor(base, dtypes) },
    (dtype) => chooseTolerance(options.tolerance, evaluator, dtype, settings),
  )
  const { totals } = judged
  const merged =
    evaluated.fast &&
    mergeFindings(evaluated.fast, {
      results,
      gradients,
      judgements: judged.judgements,
      evaluator,
      scales: settings.scales,
    })
  const judgements = merged?.judgements ?? judged.judgements
  totals.anyNonZero ||= merged?.anyNonZero === true
  const concluded = concludeAll(
    { judgements, crossValidation, secondLook, totals, evaluator, interrupted },
    tolerances,
  )
  const { tolerance, numericalError } = concluded
  const setup = await inspectSetup(
    {
      problem: bound,
      results,
      rounding: evaluated.rounding,
      evaluator,
      tolerance,
      verdict: concluded.verdict,
    },
    { signal: options.signal },
  )
  const tensors = judgements.map((judgement) => judgement.report)
  const input = { model, gradients, results, estimate: judged.estimate, tensors }
  const explain = () => (merged === undefined ? diagnose(input) : combineFindings(input, merged))
  const diagnosis =
    setup.verdict === 'fail' ? settleUnexplained(explain(), bound, setup.findings, tolerance) : []
  const sampling = options.sample === undefined ? undefined : describeSampling(results)
  const swept = await sweep(bound, evaluated, steps, evaluator, settings, options)
  return {
    schema: 1,
    verdict: setup.verdict,
    difference: merged?.difference ?? totals.difference.difference,
    tolerance,
    numericalError,
    cost: model.cost(model.basePass),
    ...(setup.savedCost === undefined ? {} : { savedCost: setup.savedCost }),
    loss: describeLoss(model, problem.sampleWeights !== undefined),
    parameters: { total: model.parameters.reduce((sum, { size }) => sum + size, 0), checked },
    method: options.method ?? 'difference',
    scheme: settings.scheme,
    step: settings.step,
    precision: evaluator.precision,
    device: { evaluator: evaluator.name, adapter: evaluator.adapter, software: evaluator.software },
    tensors,
    setup: setup.findings,
    diagnosis,
    crossValidation: { checked: crossValidation.checked, difference: crossValidation.difference },
    ...(swept === undefined ? {} : { steps: swept.steps }),
    timing: {
      seconds: (performance.now() - started) / 1000,
      perturbations: evaluated.perturbations,
    },
    reasons: setup.verdict === 'inconclusive' ? [...setup.reasons, ...concluded.reasons] : [],
    notices: [
      ...setup.findings.map(({ message }) => message),
      ...concluded.reasons,
      ...explainIgnored(model),
      ...(bound.savedCost === undefined ? adviseToSaveCost(diagnosis) : []),
      ...describeKinks(base, results, refinement, evaluated.kinks, settings),
      ...(merged?.notices ?? []),
      ...(sampling === undefined || interrupted ? [] : explainSampling(sampling)),
      ...(swept?.notices ?? []),
    ],
    interrupted,
    ...(options.keepGradients === true
      ? { gradients: results.map((tensor, t) => listEntries(tensor, t, evidence[t])) }
      : {}),
    ...(merged === undefined ? {} : { fast: merged.report }),
    ...(sampling === undefined ? {} : { sampling }),
  }
}

/** A diagnosis that leaves something unexplained, or what explains all of it: another network, or another point. */
function settleUnexplained(
  diagnosis: readonly Finding[],
  bound: BoundProblem,
  setup: readonly SetupFinding[],
  tolerance: number,
): readonly Finding[] {
  if (!diagnosis.some(({ kind }) => kind === 'unexplained')) return diagnosis
  const others = setup.flatMap((finding) => (finding.kind === 'other-network' ? finding.suspects : []))
  const suspects = others.length > 0 ? others : findOtherPoints(bound, tolerance)
  const elsewhere = explainElsewhere(suspects, [...new Set(diagnosis.flatMap(({ tensors }) => tensors))])
  return elsewhere.length > 0 ? elsewhere : diagnosis
}

/** What each tensor is judged by. */
function gatherEvidence(
  { gradients }: BoundProblem,
  { estimate, secondLook, refinement, kinks }: EvaluatedGradients,
  tolerances: readonly number[],
): TensorEvidence[] {
  return gradients.map((gradient, t) => ({
    gradient,
    estimate,
    tolerance: tolerances[t],
    truncations: secondLook.truncations[t],
    crossings: Math.max(refinement.crossed[t].length, kinks.positions[t].length),
    between: kinks.between[t],
    untested: kinks.untested[t],
  }))
}

/** The differences at other steps; undefined where none were asked for. */
async function sweep(
  { model, gradients }: BoundProblem,
  { selection }: EvaluatedGradients,
  steps: readonly number[],
  evaluator: Evaluator,
  settings: DifferenceSettings,
  { signal, onProgress }: CheckOptions,
): Promise<{ steps: readonly StepReport[]; notices: string[] } | undefined> {
  if (steps.length === 0) return undefined
  let total = 0
  const rows = await sweepSteps(model, gradients, selection, steps, settings, evaluator, {
    signal,
    onStart: (count) => {
      total = count
    },
    onProgress: (done) => onProgress?.({ done, total, phase: 'sweeping steps' }),
  })
  const missing = steps.length - rows.length
  const notice = `the sweep was interrupted: ${missing} of its ${steps.length} steps are missing`
  return { steps: rows, notices: missing === 0 ? [] : [notice] }
}
