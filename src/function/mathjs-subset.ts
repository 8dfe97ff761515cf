import {
  absDependencies,
  addDependencies,
  create,
  derivativeDependencies,
  divideDependencies,
  expDependencies,
  logDependencies,
  multiplyDependencies,
  parseDependencies,
  powDependencies,
  sqrtDependencies,
  subtractDependencies,
  unaryMinusDependencies,
  unaryPlusDependencies,
} from 'mathjs/number'

/** Parser and symbolic derivative on plain numbers; the arithmetic is what `derivative` folds constants with. */
export const mathjs = create({
  parseDependencies,
  derivativeDependencies,
  absDependencies,
  addDependencies,
  divideDependencies,
  expDependencies,
  logDependencies,
  multiplyDependencies,
  powDependencies,
  sqrtDependencies,
  subtractDependencies,
  unaryMinusDependencies,
  unaryPlusDependencies,
})
