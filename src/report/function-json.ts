import type { FunctionReport, PointReport } from '../function/function-report.js'
import { encodeNumber, findingToJson, tensorToJson } from './json.js'

/** The JSON report on a function (schema 1), as an object that `JSON.stringify` writes without loss. */
export function functionReportToJson(report: FunctionReport): object {
  return {
    schema: report.schema,
    verdict: report.verdict,
    formula: report.formula,
    difference: encodeNumber(report.difference),
    tolerance: encodeNumber(report.tolerance),
    numericalError: encodeNumber(report.numericalError),
    cost: encodeNumber(report.cost),
    at: encodeAll(report.at),
    points: { ...report.points },
    method: report.method,
    scheme: report.scheme,
    step: encodeNumber(report.step),
    precision: report.precision,
    device: { ...report.device },
    derivatives: report.derivatives.map((derivative) => ({
      variable: derivative.variable,
      gradient: derivative.gradient,
      source: derivative.source,
      checked: derivative.checked,
      difference: encodeNumber(derivative.difference),
      verdict: derivative.verdict,
      kinks: derivative.kinks,
      wrongPoints: derivative.wrongPoints,
      undecidedPoints: derivative.undecidedPoints,
      worst: derivative.worst.map(pointToJson),
    })),
    tensors: report.tensors.map(tensorToJson),
    ...(report.noise === undefined
      ? {}
      : { noise: { ...report.noise, bound: encodeNumber(report.noise.bound) } }),
    diagnosis: report.diagnosis.map(findingToJson),
    special: report.special.map((place) => ({ ...place, at: encodeAll(place.at) })),
    crossValidation: {
      checked: report.crossValidation.checked,
      difference: encodeNumber(report.crossValidation.difference),
      rounding: encodeNumber(report.crossValidation.rounding),
    },
    ...(report.steps === undefined
      ? {}
      : {
          steps: {
            variable: report.steps.variable,
            at: encodeAll(report.steps.at),
            reference: encodeNumber(report.steps.reference),
            steps: [...report.steps.steps],
            series: report.steps.series.map(({ scheme, method, errors, truncationSlope, roundingSlope }) => ({
              scheme,
              method,
              errors: errors.map(encodeNumber),
              truncationSlope: truncationSlope ?? null,
              roundingSlope: roundingSlope ?? null,
            })),
          },
        }),
    timing: { seconds: encodeNumber(report.timing.seconds), perturbations: report.timing.perturbations },
    reasons: [...report.reasons],
    notices: [...report.notices],
  }
}

function pointToJson(point: PointReport): object {
  return {
    at: encodeAll(point.at),
    index: [...point.index],
    analytical: encodeNumber(point.analytical),
    numerical: encodeNumber(point.numerical),
    textbook: encodeNumber(point.textbook),
    step: encodeNumber(point.step),
    error: encodeNumber(point.error),
    relativeError: encodeNumber(point.relativeError),
  }
}

const encodeAll = (at: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(at).map(([name, value]) => [name, encodeNumber(value)]))
