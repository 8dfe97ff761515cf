import { ARITHMETIC } from './arithmetic.js'
import { CHOICES } from './choices.js'
import type { Definition } from './definition.js'
import { EXPONENTIAL } from './exponential.js'
import { GATED } from './gated.js'
import { HYPERBOLIC } from './hyperbolic.js'
import { LOSSES } from './losses.js'
import type { Attributes, Operation } from './operation.js'
import { PRODUCTS } from './products.js'
import { RECTIFIERS } from './rectifiers.js'
import { REDUCTIONS } from './reductions.js'
import { SIGMOIDS } from './sigmoids.js'
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
  ...REDUCTIONS,
  ...VIEWS,
  ...LOSSES,
}

export type OperationName = keyof typeof OPERATIONS

export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[]

/** An operation by its name: what a thread makes of a message. */
export function createOperation(name: OperationName, attributes: Attributes): Operation {
  const definition: Definition<object> = OPERATIONS[name] as Definition<object>
  return definition.make(name, attributes)
}
