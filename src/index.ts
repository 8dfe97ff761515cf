export type {
  BackwardReport,
  FollowedBackward,
  LineMark,
  LinePlace,
  LineReport,
  NumericalVerdicts,
} from './check/backward-report.js'
export { checkGradients } from './check/check-gradients.js'
export type { CheckOptions, Method, Progress } from './check/check-options.js'
export type { GradientEntries } from './check/gradient-entries.js'
export type { Problem, TensorsByName } from './check/problem.js'
export { type ArrayProblemOptions, problemFromArrays } from './check/problem-from-arrays.js'
export type { ProgramProblem } from './check/program/bind-program-problem.js'
export type { IntermediateReport, SavedIntermediate } from './check/program/check-intermediates.js'
export type {
  CheckReport,
  DeviceReport,
  EntryReport,
  FastReport,
  Finding,
  ForwardReport,
  LocatedReport,
  LossReport,
  SamplingReport,
  StepReport,
  TensorReport,
  Verdict,
} from './check/report.js'
export type { CostSuspect, SetupChange, SetupFinding } from './check/setup/findings.js'
export { createCpuEvaluator } from './differentiate/cpu/evaluator.js'
export { useWebWorkers } from './differentiate/cpu/web-workers.js'
export type { Workers } from './differentiate/cpu/worker-pool.js'
export type { Evaluator, GpuPrecision, Perturbed, Precision, Scheme } from './differentiate/evaluator.js'
export type { PerturbChoice } from './differentiate/plan.js'
export { createBrowserEvaluator } from './differentiate/webgpu/browser.js'
export type { WebgpuEvaluator, WebgpuOptions } from './differentiate/webgpu/evaluator.js'
export { type ErrorCode, GradcheckError } from './errors.js'
export { mergeArrays } from './files/merge-arrays.js'
export { readArrays } from './files/read-arrays.js'
export type { FormulaProblem } from './function/bind-function.js'
export type {
  CallableProblem,
  GivenPoint,
  NamedNumbers,
  Point,
  Upstream,
} from './function/callable/problem.js'
export { checkFunction, type FunctionOptions } from './function/check-function.js'
export type {
  DerivativeReport,
  FunctionReport,
  PointReport,
  SpecialPlace,
} from './function/function-report.js'
export type { VariableValues } from './function/points.js'
export type { StepErrors, StepSeries } from './function/step-series.js'
export { ACTIVATION_NAMES, type ActivationName, type ActivationText } from './network/activations.js'
export { LAYOUT_NAMES, type Layout } from './network/layout.js'
export { LOSS_NAMES, type LossName } from './network/losses.js'
export type { NamingOptions } from './network/naming.js'
export {
  dense,
  type LayerDeclaration,
  type Network,
  type NetworkOptions,
  sequential,
} from './network/network.js'
export { REDUCTION_NAMES, type Reduction } from './network/reductions.js'
export { traceForward } from './numpy/load-forward.js'
export type { ForwardSource, TracedForward } from './numpy/trace-forward.js'
export {
  type Builder,
  type Node,
  type NodeLike,
  type ProgramDefinition,
  program,
} from './program/builder.js'
export { functionReportToJson } from './report/function-json.js'
export { formatFunctionReport } from './report/function-text.js'
export { reportToJson } from './report/json.js'
export { formatReport } from './report/text.js'
export { type DType, type NamedTensors, type Tensor, tensor } from './tensor.js'
