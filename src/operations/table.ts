import { ARITHMETIC } from './arithmetic.js'
import { CHOICES } from './choices.js'
import { EXPONENTIAL } from './exponential.js'
import { GATED } from './gated.js'
import { HYPERBOLIC } from './hyperbolic.js'
import { LOSSES } from './losses.js'
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
