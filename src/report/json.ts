import type { CheckReport, EntryReport, Finding, TensorReport } from '../check/report.js'
import { escapeControlsInJson } from './escape-controls.js'

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
    diagnosis: report.diagnosis.map(findingToJson),
    crossValidation: {
      checked: report.crossValidation.checked,
      difference: encodeNumber(report.crossValidation.difference),
    },
    timing: { seconds: encodeNumber(report.timing.seconds), perturbations: report.timing.perturbations },
    notices: [...report.notices],
    interrupted: report.interrupted,
  }
}

/** A number as JSON can hold it. */
export function encodeNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** An object as indented JSON text, lists of numbers on one line, safe to print on a terminal. */
export function formatJson(value: object): string {
  const text = JSON.stringify(value, null, 2)
  const compact = text.replace(/\[\n\s+([-+.\deE,\s]+?)\n\s+\]/g, (_, numbers: string) => {
    return `[${numbers.replace(/,\s+/g, ', ')}]`
  })
  return `${escapeControlsInJson(compact)}\n`
}

function tensorToJson(tensor: TensorReport): object {
  return {
    name: tensor.name,
    gradient: tensor.gradient,
    shape: [...tensor.shape],
    checked: tensor.checked,
    difference: encodeNumber(tensor.difference),
    numericalError: encodeNumber(tensor.numericalError),
    verdict: tensor.verdict,
    kinks: tensor.kinks,
    wrongEntries: tensor.wrongEntries,
    undecidedEntries: tensor.undecidedEntries,
    worst: tensor.worst.map(entryToJson),
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

function findingToJson(finding: Finding): object {
  return {
    kind: finding.kind,
    tensors: [...finding.tensors],
    ...(finding.factor === undefined ? {} : { factor: encodeNumber(finding.factor) }),
    ...(finding.residual === undefined ? {} : { residual: encodeNumber(finding.residual) }),
    message: finding.message,
  }
}
