import { type Codes, numberNames } from '../gpu/shader-codes.js'
import { ARITHMETIC } from './arithmetic.js'
import { ASSEMBLIES } from './assembly.js'
import { CHOICES } from './choices.js'
import { CONVOLUTIONS } from './convolution.js'
import type { Definition } from './definition.js'
import { isElementwise } from './elementwise.js'
import { EXPONENTIAL } from './exponential.js'
import { EXTREMES } from './extremes.js'
import { GATED } from './gated.js'
import { GATHERS } from './gather.js'
import { HYPERBOLIC } from './hyperbolic.js'
import { LOSSES } from './losses.js'
import { PRODUCTS } from './products.js'
import { RECTIFIERS } from './rectifiers.js'
import { REDUCTIONS } from './reductions.js'
import { SIGMOIDS } from './sigmoids.js'
import { SOFTMAXES } from './softmax.js'
import { STANDARDIZATIONS } from './standardization.js'
import { TRIGONOMETRIC } from './trigonometric.js'
import { VIEWS } from './views.js'

/** Every operation by its name. One more is written into its own file's list, and stands here. */
export const OPERATIONS = {
  ...ARITHMETIC,
  ...EXPONENTIAL,
  ...TRIGONOMETRIC,
  ...HYPERBOLIC,
  ...SIGMOIDS,
  ...GATED,
  ...RECTIFIERS,
  ...CHOICES,
  ...PRODUCTS,
  ...CONVOLUTIONS,
  ...REDUCTIONS,
  ...EXTREMES,
  ...SOFTMAXES,
  ...STANDARDIZATIONS,
  ...VIEWS,
  ...ASSEMBLIES,
  ...GATHERS,
  ...LOSSES,
}

/** The names of the shaders' rules, from all operations. */
function listShaderRules(): string[] {
  const names = Object.entries(OPERATIONS).flatMap(([name, entry]) => {
    const { make, examples = [{}] } = entry as Definition
    return examples.map(({ attributes = {} }) => {
      const operation = make(name, attributes)
      return isElementwise(operation) ? operation.rule.shader : undefined
    })
  })
  return [...new Set(names.filter((name) => name !== undefined))]
}

/** `package::rule_codes` of the shaders: a number for every rule. */
export const RULE_CODES: Codes = numberNames(listShaderRules())
