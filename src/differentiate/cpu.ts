export { createCpuEvaluator } from './cpu/evaluator.js'
