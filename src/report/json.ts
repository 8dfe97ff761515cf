import type { CheckReport, EntryReport, FastReport, Finding, TensorReport } from '../check/report.js'
import { escapeControlsInJson } from '../escape-controls.js'

/**
 * The JSON report (schema 1) as an object that `JSON.stringify` writes without loss: numbers that are not
 * finite are the strings "NaN", "Infinity" and "-Infinity".
 */
export function reportToJson(report: CheckReport): object {
  return {
    schema: report.schema,
    verdict: report.verdict,
    difference: encodeNumber(report.difference),
    tolerance: encodeNumber(report.tolerance),
    numericalError: encodeNumber(report.numericalError),
    cost: encodeNumber(report.cost),
    ...(report.savedCost === undefined ? {} : { savedCost: encodeNumbers(report.savedCost) }),
    ...(report.savedOutput === undefined ? {} : { savedOutput: encodeNumbers(report.savedOutput) }),
    ...(report.loss === undefined ? {} : { loss: encodeNumbers(report.loss) }),
    ...(report.forward === undefined ? {} : { forward: encodeNumbers(report.forward) }),
    ...(report.intermediates === undefined ? {} : { intermediates: encodeNumbers(report.intermediates) }),
    ...(report.backward === undefined ? {} : { backward: report.backward }),
    parameters: { total: report.parameters.total, checked: report.parameters.checked },
    method: report.method,
    scheme: report.scheme,
    step: encodeNumber(report.step),
    precision: report.precision,
    device: {
      evaluator: report.device.evaluator,
      adapter: report.device.adapter,
      software: report.device.software,
    },
    tensors: report.tensors.map(tensorToJson),
    setup: report.setup.map(encodeNumbers),
    diagnosis: report.diagnosis.map(findingToJson),
    crossValidation: {
      checked: report.crossValidation.checked,
      difference: encodeNumber(report.crossValidation.difference),
    },
    ...(report.steps === undefined ? {} : { steps: report.steps.map(encodeNumbers) }),
    timing: { seconds: encodeNumber(report.timing.seconds), perturbations: report.timing.perturbations },
    reasons: [...report.reasons],
    notices: [...report.notices],
    interrupted: report.interrupted,
    ...(report.fast === undefined ? {} : { fast: fastToJson(report.fast) }),
    ...(report.sampling === undefined ? {} : { sampling: report.sampling }),
  }
}

/** A number as JSON can hold it. */
export function encodeNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** The same for every number within a value. */
function encodeNumbers(value: unknown): unknown {
  if (typeof value === 'number') return encodeNumber(value)
  if (Array.isArray(value)) return value.map(encodeNumbers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, encodeNumbers(inner)]))
}

/** An object as indented JSON text, lists of numbers on one line, safe to print on a terminal. */
export function formatJson(value: object): string {
  const text = JSON.stringify(value, null, 2)
  const compact = text.replace(/\[\n\s+([-+.\deE,\s]+?)\n\s+\]/g, (_, numbers: string) => {
    return `[${numbers.replace(/,\s+/g, ', ')}]`
  })
  return `${escapeControlsInJson(compact)}\n`
}

/** A tensor's judgement. */
export function tensorToJson(tensor: TensorReport): object {
  return {
    name: tensor.name,
    gradient: tensor.gradient,
    shape: [...tensor.shape],
    checked: tensor.checked,
    difference: encodeNumber(tensor.difference),
    tolerance: encodeNumber(tensor.tolerance),
    numericalError: encodeNumber(tensor.numericalError),
    verdict: tensor.verdict,
    perturbed: tensor.perturbed,
    kinks: tensor.kinks,
    wrongEntries: tensor.wrongEntries,
    undecidedEntries: tensor.undecidedEntries,
    worst: tensor.worst.map(entryToJson),
    ...(tensor.located === undefined
      ? {}
      : {
          located: {
            rows: [...tensor.located.rows],
            columns: [...tensor.located.columns],
            complete: tensor.located.complete,
          },
        }),
  }
}

function fastToJson({ directions, evaluator, perturbations, detectable }: FastReport): object {
  return {
    directions,
    evaluator,
    perturbations,
    detectable: {
      probability: detectable.probability,
      tensors: detectable.tensors.map(({ name, groups, disagreeing, error, relative }) => ({
        name,
        groups,
        disagreeing,
        error: encodeNumber(error),
        relative: encodeNumber(relative),
      })),
    },
  }
}

function entryToJson(entry: EntryReport): object {
  return {
    index: [...entry.index],
    analytical: encodeNumber(entry.analytical),
    numerical: encodeNumber(entry.numerical),
    relativeError: encodeNumber(entry.relativeError),
    numericalError: encodeNumber(entry.numericalError),
    verdict: entry.verdict,
  }
}

/** A finding. */
export function findingToJson(finding: Finding): object {
  return {
    kind: finding.kind,
    tensors: [...finding.tensors],
    ...(finding.factor === undefined ? {} : { factor: encodeNumber(finding.factor) }),
    ...(finding.residual === undefined ? {} : { residual: encodeNumber(finding.residual) }),
    ...(finding.explained === undefined ? {} : { explained: encodeNumber(finding.explained) }),
    ...(finding.layer === undefined ? {} : { layer: finding.layer }),
    ...(finding.entries === undefined ? {} : { entries: finding.entries.map((index) => [...index]) }),
    ...(finding.alternatives === undefined ? {} : { alternatives: [...finding.alternatives] }),
    message: finding.message,
    ...(finding.link === undefined ? {} : { link: finding.link }),
  }
}
