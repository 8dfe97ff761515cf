import type { Cotangents } from '../../backward/reverse-pass.js'
import { bareParameter } from '../../network/model.js'
import type { BoundProgram } from '../../program/evaluate.js'
import type { Finding } from '../report.js'
import { createNumbersBaseline } from './baseline.js'
import { toFinding } from './diagnose.js'
import { isNear, putTellingFirst, type TensorEvidence } from './evidence.js'
import { explainNumbers } from './explain.js'
import type { NumbersHypothesis } from './explanation.js'
import { LOCAL_KINDS } from './kinds.js'
import { type EdgeMistake, findEdgeMistake, openBudget } from './program-edges.js'
import { ARRANGED_HYPOTHESES, UNARRANGED_HYPOTHESES } from './tensor-hypotheses/all.js'

/** A gradient's numbers beside the numerical ones. */
export interface NumbersToDiagnose {
  readonly name: string
  /** The gradient's own name. */
  readonly gradient: string
  readonly shape: readonly number[]
  readonly analytical: Float64Array
  readonly numerical: Float64Array
  /** Bounds on the errors of the numerical ones; infinite where nothing is known. */
  readonly errors: Float64Array
  readonly tolerance: number
  readonly isWrong: boolean
}

/** How many mistakes on edges are looked for, one after the other. */
const MOST_EDGES = 3
/** Share of a value that its error may be at most, if something is to be concluded from it. */
const LARGEST_ERROR = 0.1

/**
 * Names what is wrong with gradients of which nothing is known but their numbers: those of a function in code, and of
 * a formula at its points.
 * @param isArranged whether neighbours in a tensor have to do with each other: not so of points
 */
export function diagnoseNumbers(tensors: readonly NumbersToDiagnose[], isArranged: boolean): Finding[] {
  const evidence = tensors.map(toEvidence)
  const wrong = evidence.filter(({ isWrong }) => isWrong)
  const hypotheses: readonly NumbersHypothesis[] = isArranged ? ARRANGED_HYPOTHESES : UNARRANGED_HYPOTHESES
  return explainNumbers(createNumbersBaseline(evidence), wrong, hypotheses).map(toFinding)
}

/**
 * The same of a program's gradients, whose backward pass is known: one mistake on an edge of it, where that explains
 * several tensors, or one that numbers alone do not; and what numbers say of the rest.
 * @param inputs the ids of the tensors in the program
 */
export function diagnoseProgram(
  bound: BoundProgram,
  cotangents: Cotangents,
  inputs: readonly number[],
  tensors: readonly NumbersToDiagnose[],
): Finding[] {
  const evidence = tensors.map(toEvidence)
  const baseline = createNumbersBaseline(evidence)
  const explain = (wrong: readonly TensorEvidence[]) => explainNumbers(baseline, wrong, ARRANGED_HYPOTHESES)
  const wrong = evidence.filter(({ isWrong }) => isWrong)
  const byNumbers = explain(wrong)
  const budget = openBudget()
  const onEdge = findEdgeMistake(bound, cotangents, inputs, evidence, budget)
  const isBetter =
    onEdge !== undefined &&
    (onEdge.explained.length > 1 || byNumbers.some(({ kind }) => LOCAL_KINDS.has(kind)))
  if (!isBetter) return byNumbers.map(toFinding)
  const findings: Finding[] = []
  let rest = wrong
  for (let found: EdgeMistake | undefined = onEdge; found !== undefined && findings.length < MOST_EDGES; ) {
    findings.push({ ...toFinding(found), source: found.source })
    const explained = new Set(found.explained.map((tensor) => tensor.evidence))
    rest = rest.filter((tensor) => !explained.has(tensor))
    if (rest.length === 0) return findings
    // of what is left only what its numbers do not tell
    const open = explain(rest)
    if (!open.some(({ kind }) => LOCAL_KINDS.has(kind))) break
    const left = new Set(rest)
    found = findEdgeMistake(
      bound,
      cotangents,
      inputs,
      evidence.map((tensor) => ({ ...tensor, isWrong: left.has(tensor) })),
      budget,
    )
    // its evidence is known by the tensor's place
    if (found !== undefined) found = withEvidence(found, evidence)
  }
  return [...findings, ...explain(rest).map(toFinding)]
}

/** The same of the evidence that the others of a diagnosis go by. */
const withEvidence = (found: EdgeMistake, evidence: readonly TensorEvidence[]): EdgeMistake => ({
  ...found,
  explained: found.explained.map((one) => ({ ...one, evidence: evidence[one.evidence.t] })),
})

function toEvidence(tensor: NumbersToDiagnose, t: number): TensorEvidence {
  const { name, gradient, shape, analytical, numerical, errors, tolerance, isWrong } = tensor
  const norm = numerical.reduce(
    (most, value, k) => (Number.isFinite(errors[k]) ? Math.max(most, Math.abs(value)) : most),
    0,
  )
  const isZero = numerical.every((value, k) => Math.abs(value) <= errors[k])
  const known = Uint32Array.from(numerical.keys()).filter(
    (k) =>
      errors[k] <= LARGEST_ERROR * Math.max(Math.abs(numerical[k]), tolerance * norm) ||
      // nothing is told by a 0, but that something else was given for it
      (isZero && errors[k] <= LARGEST_ERROR * Math.abs(analytical[k])),
  )
  const departs = (k: number) => !isNear(analytical[k], numerical[k], tolerance, errors[k])
  return {
    t,
    parameter: bareParameter(name, shape),
    name: gradient,
    given: analytical,
    right: numerical,
    confirmed: known,
    offsets: putTellingFirst(known, analytical, numerical),
    isWrong: isWrong && known.some(departs),
    tolerance,
    rounding: (k) => errors[k],
    mostRounding: Number.POSITIVE_INFINITY,
  }
}
