import type { Model, ParameterTensor } from '../network/model.js'
import { type StepScales, scaleOf } from '../network/step-scales.js'
import type { ChangeCarrier } from '../program/carry-changes.js'
import type { BoundProgram } from '../program/evaluate.js'

/** `central`: (J(θ+h) − J(θ−h)) / 2h; `forward`: (J(θ+h) − J(θ)) / h. */
export type Scheme = 'central' | 'forward'

export const SCHEME_NAMES: readonly Scheme[] = ['central', 'forward']

/** How far and to which sides each parameter is perturbed. */
export interface DifferenceSettings {
  /** h */
  readonly step: number
  readonly scheme: Scheme
  /** What h is divided by, so that what a parameter moves changes by about h. @default every parameter moves by h */
  readonly scales?: StepScales | undefined
}

/** By how much an evaluation moves element `entry` of a parameter. */
export function moveOf(
  { step, scales }: DifferenceSettings,
  parameter: ParameterTensor,
  entry: number,
): number {
  return step / scaleOf(scales, parameter, entry)
}

/**
 * What is moved to differentiate a tensor: each of its parameters, or the outputs of the operation that it enters, its
 * layer's pre-activations. All weights into one unit share, for each sample, one response of the loss: moved once, it
 * gives all of their derivatives.
 */
export type Perturbed = 'parameters' | 'outputs'

/** The chosen elements of one parameter tensor, by ascending offset in the model's orientation. */
export interface TensorSelection {
  readonly parameter: ParameterTensor
  readonly entries: Uint32Array
}

/** The numerical derivatives of one tensor's chosen elements. */
export interface TensorDerivatives extends TensorSelection {
  /** What is moved. */
  readonly perturbed: Perturbed
  /** ∂J/∂θ at each of `entries`; NaN where not evaluated. */
  readonly derivatives: Float64Array
  /**
   * Non-zero where a perturbation of the entry carried some unit across a kink; by outputs, where one of those that
   * the entry moves does so even with next to no step.
   */
  readonly kinks: Uint8Array
  /** How many of `entries`, from the first on, are evaluated. */
  done: number
}

/** The arithmetic of an evaluator: float32, double-single on a GPU (two float32 to a number), or float64. */
export type Precision = 'single' | 'extended' | 'double'

/** The arithmetics that a WebGPU adapter offers. */
export type GpuPrecision = Exclude<Precision, 'double'>

export const GPU_PRECISIONS: readonly GpuPrecision[] = ['single', 'extended']

/**
 * The unit roundoff of a precision. Extended precision's is what its elementary functions keep; sums and products
 * keep four bits more (shaders/extended/real.wesl).
 */
export function unitRoundoffOf(precision: Precision): number {
  return { single: 2 ** -24, extended: 2 ** -44, double: 2 ** -53 }[precision]
}

/**
 * The steps that a check takes. Beyond the largest no smaller step is next to nothing beside the network's own scale;
 * below the least its square is lost.
 */
export const STEP_LIMITS = { least: 1e-30, largest: 10 } as const

/** The step by which parameters are moved where the user names none: its truncation follows the precision. */
export function defaultStepOf(evaluator: { name: string; precision: Precision }): number {
  return evaluator.precision === 'single' || evaluator.name === 'textbook' ? 1e-5 : 1e-6
}

/** Relative to the one asked for, so small that next to nothing crosses a kink or curves; difference arithmetic loses nothing by it. */
export const FINE_STEP = 2 ** -30

/** What an evaluator reports and listens to while it works. */
export interface EvaluationHooks {
  readonly signal?: AbortSignal | undefined
  /** Called with the number of parameters evaluated so far in this call. */
  readonly onProgress?: ((done: number) => void) | undefined
}

/**
 * Perturbs parameters and evaluates what becomes of the loss. Three stand behind this interface: `webgpu` and
 * `cpu` by difference arithmetic, `textbook` by two whole forward passes.
 */
export interface Evaluator {
  readonly name: 'webgpu' | 'cpu' | 'textbook'
  /** The adapter's or processor's name. */
  readonly adapter: string
  /** True for a WebGPU adapter that runs on the processor. */
  readonly software: boolean
  readonly precision: Precision
  /**
   * Fills in the numerical derivatives, the L2 term included. Resolves early, with `done` below the number of
   * entries, when the signal aborts.
   * @throws GradcheckError `device-lost` when a device stays lost
   */
  evaluate(
    model: Model,
    tensors: readonly TensorDerivatives[],
    settings: DifferenceSettings,
    hooks?: EvaluationHooks,
  ): Promise<void>
  /** Carries perturbations of a program's values, by difference arithmetic; left out where there is none. */
  createCarrier?(bound: BoundProgram): ChangeCarrier
}

/**
 * Makes room for the derivatives of a selection.
 * @param perturbed what is moved for each tensor; both tensors of a layer alike
 */
export function createDerivatives(
  selection: readonly TensorSelection[],
  perturbed: (t: number) => Perturbed = () => 'parameters',
): TensorDerivatives[] {
  return selection.map(({ parameter, entries }, t) => ({
    parameter,
    entries,
    perturbed: perturbed(t),
    derivatives: new Float64Array(entries.length).fill(Number.NaN),
    kinks: new Uint8Array(entries.length),
    done: 0,
  }))
}

/** The difference quotient of the L2 term, exactly: Δ(w²)/δ = 2w + δ, whose δ cancels in the central scheme. */
export function l2Slope(
  model: Model,
  parameter: ParameterTensor,
  entry: number,
  settings: DifferenceSettings,
): number {
  if (model.network.l2 === 0 || parameter.role === 'biases') return 0
  const w = model.values(parameter)[entry]
  return model.l2Scale * (2 * w + (settings.scheme === 'forward' ? moveOf(settings, parameter, entry) : 0))
}
