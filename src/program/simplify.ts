import { HIGHEST_INTEGER_POWER } from '../operations/arithmetic.js'
import type { Definition } from '../operations/definition.js'
import type { Attributes, Operation } from '../operations/operation.js'
import { OPERATIONS } from '../operations/table.js'
import { elementCount, formatShape } from '../tensor.js'
import { ancestorsOf, type ComputedValue, type Program, type Source, type Value } from './program.js'
import { normalizeAxes, type Shape } from './shapes.js'

type Name = keyof typeof OPERATIONS

/**
 * The same function in operations that lose no digits: 1/(1 + e^−x), a softmax written out, the logarithm of one,
 * E[x²] − E[x]², (x − mean)/deviation and their like are replaced by the operation that they are. What is left keeps its
 * order, its names and its sources; values that nothing reads any more are gone.
 */
export function simplifyProgram(program: Program): Program {
  const simplifier = new Simplifier()
  const made: number[] = []
  for (const value of program.values) made.push(simplifier.take(value, made))
  return prune({ values: simplifier.values, output: made[program.output] })
}

/** Without the computed values and constants that the output does not need. */
function prune(program: Program): Program {
  const needed = ancestorsOf(program)
  const ids = new Map<number, number>()
  const values: Value[] = []
  for (const value of program.values) {
    if (needed[value.id] === 0 && value.kind !== 'input') continue
    ids.set(value.id, values.length)
    const id = values.length
    values.push(
      value.kind === 'computed'
        ? { ...value, id, operands: value.operands.map((operand) => ids.get(operand)!) }
        : { ...value, id },
    )
  }
  return { values, output: ids.get(program.output)! }
}

/** A reduction of x whose result, broadcast against x, stands for what it was made of. */
interface Reduced {
  readonly x: number
  readonly axes: readonly number[]
}

/** A term of a sum, with its sign. */
interface Term {
  readonly id: number
  readonly sign: 1 | -1
}

/** Terms of a sum that are looked at. */
const MOST_TERMS = 16

class Simplifier {
  readonly values: Value[] = []
  #source: Source = {}

  /** Adds a value, or what it may be replaced by; gives back which it is. */
  take(value: Value, made: readonly number[]): number {
    if (value.kind !== 'computed') return this.#push({ ...value, id: this.values.length })
    const operands = value.operands.map((id) => made[id])
    this.#source = value.source
    const found = this.#recognise(value.operation, operands)
    // a constant of one element may have more axes than what it is taken for
    const isAlike = found !== undefined && formatShape(this.values[found].shape) === formatShape(value.shape)
    if (!isAlike) {
      return this.#push({ ...value, id: this.values.length, operands })
    }
    const { name } = value.source
    const replaced = this.values[found]
    // what has a name keeps it
    if (name !== undefined && replaced.kind === 'computed' && replaced.source.name === undefined) {
      this.values[found] = { ...replaced, source: { ...replaced.source, name } }
    }
    return found
  }

  #recognise(operation: Operation, operands: readonly number[]): number | undefined {
    switch (operation.name) {
      case 'negative':
        return this.#operandOf(operands[0], 'negative')
      case 'power':
        return this.#constantPower(operands[0], operands[1])
      case 'divide':
        return this.#quotient(operands[0], operands[1])
      case 'multiply':
        return this.#product(operands[0], operands[1])
      case 'log':
      case 'log1p':
        return this.#logarithm(operation.name, operands[0])
      case 'add':
      case 'subtract':
        return this.#sum(operation.name, operands[0], operands[1])
      case 'sum':
      case 'mean':
        return this.#reduction(operation, operands[0])
      case 'take':
        return this.#pickedLogits(operation, operands[0])
    }
    return undefined
  }

  // ---- what is looked for

  /** 1/(1 + e^−x), e^x/(1 + e^x), softmax, norms. */
  #quotient(a: number, b: number): number | undefined {
    const other = this.#onePlus(b)
    if (other !== undefined) {
      const exponent = this.#operandOf(other, 'exp')
      if (exponent !== undefined && this.#isNumber(a, 1)) return this.#sigmoidOfNegative(exponent)
      if (exponent !== undefined && this.#isExp(a, exponent)) return this.#add('sigmoid', [exponent])
    }
    const logits = this.#operandOf(a, 'exp')
    const total = this.#reduced(b, 'sum')
    if (logits !== undefined && total !== undefined && this.#isExp(total.x, logits)) {
      return this.#softmaxOf('softmax', logits, total.axes)
    }
    const root = this.#rootOf(b)
    return root === undefined ? undefined : this.#normed(a, root)
  }

  /** A power whose exponent is one number. */
  #constantPower(base: number, exponent: number): number | undefined {
    const number = this.#numberOf(exponent)
    if (number === undefined) return undefined
    if (number === 2) return this.#add('square', [base])
    if (number === 0.5) return this.#add('sqrt', [base])
    if (Number.isInteger(number) && number >= 1 && number <= HIGHEST_INTEGER_POWER) {
      return this.#add('integerPower', [base], { exponent: number })
    }
    return undefined
  }

  /** x·σ(x), (x − mean)·(variance + ε)^−½. */
  #product(a: number, b: number): number | undefined {
    for (const [x, gate] of [
      [a, b],
      [b, a],
    ]) {
      if (this.#isSame(this.#operandOf(gate, 'sigmoid') ?? -1, x)) return this.#add('silu', [x])
      const rest = this.#operandOf(gate, 'rsqrt') ?? this.#powerOf(gate, -0.5)
      const found = rest === undefined ? undefined : this.#normed(x, rest)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** ln(1 + e^x), ln σ, ln(1 − σ), ln Σ e^x, ln softmax, also of what is taken from one. */
  #logarithm(name: 'log' | 'log1p', x: number): number | undefined {
    const rest = name === 'log1p' ? x : this.#onePlus(x)
    if (rest !== undefined) {
      const exponent = this.#operandOf(rest, 'exp')
      if (exponent !== undefined) return this.#add('softplus', [exponent])
      const logit = this.#operandOf(this.#negated(rest) ?? -1, 'sigmoid')
      if (logit !== undefined) return this.#add('negative', [this.#add('softplus', [logit])])
    }
    if (name === 'log1p') return undefined
    const complement = this.#computed(x, 'subtract')
    if (complement !== undefined && this.#isNumber(complement.operands[0], 1)) {
      const logit = this.#operandOf(complement.operands[1], 'sigmoid')
      if (logit !== undefined) return this.#add('negative', [this.#add('softplus', [logit])])
    }
    const logit = this.#operandOf(x, 'sigmoid')
    if (logit !== undefined) {
      return this.#add('negative', [this.#add('softplus', [this.#add('negative', [logit])])])
    }
    const total = this.#computed(x, 'sum')
    if (total !== undefined) {
      const logits = this.#operandOf(total.operands[0], 'exp')
      if (logits !== undefined) return this.#add('logSumExp', [logits], total.operation.attributes)
    }
    return this.#logOfView(x)
  }

  /** The logarithm of what was taken from a softmax is taken from its logarithm. */
  #logOfView(x: number): number | undefined {
    const views: ComputedValue[] = []
    let at = x
    for (;;) {
      const value = this.values[at]
      if (value.kind !== 'computed') return undefined
      if (value.operation.name === 'softmax') break
      if (!VIEWS.has(value.operation.name)) return undefined
      views.push(value)
      at = value.operands[0]
    }
    const softmax = this.values[at] as ComputedValue
    let result = this.#add('logSoftmax', softmax.operands, softmax.operation.attributes)
    for (const { operation } of views.reverse()) {
      const taken = operation.name === 'take' ? this.#pickedLogits(operation, result) : undefined
      result = taken ?? this.#addOperation(operation, [result])
    }
    return result
  }

  /** e^x − x, softplus(o) − x·o, cross-entropies of logits, E[x²] − E[x]², x − ln Σ e^x, m + ln Σ e^(x − m). */
  #sum(name: 'add' | 'subtract', a: number, b: number): number | undefined {
    if (name === 'subtract') {
      const sum = this.#reduced(b, 'logSumExp')
      if (sum !== undefined && this.#isSame(sum.x, a)) return this.#softmaxOf('logSoftmax', a, sum.axes)
      const variance = this.#varianceOf(a, b)
      if (variance !== undefined) return variance
    } else {
      const sum = this.#shiftedLogSum(a, b) ?? this.#shiftedLogSum(b, a)
      if (sum !== undefined) return sum
    }
    return this.#pairOfTerms(name, a, b)
  }

  /** Two terms of a sum that are to be taken together. */
  #pairOfTerms(name: 'add' | 'subtract', a: number, b: number): number | undefined {
    const terms = [...this.#termsOf(a, 1), ...this.#termsOf(b, name === 'add' ? 1 : -1)]
    if (terms.length > MOST_TERMS) return undefined
    for (const [i, one] of terms.entries()) {
      for (const [j, other] of terms.entries()) {
        if (i === j) continue
        const pair = this.#pair(one, other)
        if (pair === undefined) continue
        const rest = terms.filter((_, k) => k !== i && k !== j)
        return this.#addUp([pair, ...rest])
      }
    }
    return undefined
  }

  #pair(one: Term, other: Term): Term | undefined {
    const shape = this.values[one.id].shape
    if (formatShape(shape) !== formatShape(this.values[other.id].shape)) return undefined
    if (one.sign !== other.sign) {
      const exponent = this.#operandOf(one.id, 'exp')
      if (exponent !== undefined && this.#isSame(exponent, other.id)) {
        return { id: this.#add('expMinusSelf', [exponent]), sign: one.sign }
      }
      const logit = this.#operandOf(one.id, 'softplus')
      const factors = this.#computed(other.id, 'multiply')?.operands
      const at = factors?.findIndex((factor) => logit !== undefined && this.#isSame(factor, logit)) ?? -1
      if (logit !== undefined && factors !== undefined && at !== -1) {
        const target = factors[1 - at]
        return this.#crossEntropy(logit, target, shape, one.sign)
      }
    }
    return this.#twoSides(one, other)
  }

  /** y·ln σ(z) + (1 − y)·ln(1 − σ(z)), of softplus already. */
  #twoSides(one: Term, other: Term): Term | undefined {
    const first = this.#weightedSoftplus(one)
    const second = this.#weightedSoftplus(other)
    if (first === undefined || second === undefined || first.sign !== second.sign) return undefined
    const logit = second.logit
    if (!this.#isSame(this.#negated(first.logit) ?? -1, logit)) return undefined
    const complement = this.#computed(second.weight, 'subtract')
    const isComplement =
      complement !== undefined &&
      this.#isNumber(complement.operands[0], 1) &&
      this.#isSame(complement.operands[1], first.weight)
    if (!isComplement && !this.#areComplements(first.weight, second.weight)) return undefined
    return this.#crossEntropy(logit, first.weight, this.values[one.id].shape, first.sign)
  }

  #crossEntropy(logit: number, target: number, shape: Shape, sign: 1 | -1): Term | undefined {
    const id = this.#add('binaryCrossEntropyWithLogits', [logit, target])
    return formatShape(this.values[id].shape) === formatShape(shape) ? { id, sign } : undefined
  }

  /** w·softplus(z) of a term, whichever sign it has. */
  #weightedSoftplus(term: Term): { weight: number; logit: number; sign: 1 | -1 } | undefined {
    let { id, sign } = term
    const inner = this.#negated(id)
    if (inner !== undefined) [id, sign] = [inner, sign === 1 ? -1 : 1]
    const factors = this.#computed(id, 'multiply')?.operands
    if (factors === undefined) return undefined
    for (const [weight, value] of [factors, factors.toReversed()]) {
      const turned = this.#negated(value)
      const logit = this.#operandOf(turned ?? value, 'softplus')
      if (logit !== undefined) {
        return { weight, logit, sign: turned === undefined ? sign : sign === 1 ? -1 : 1 }
      }
    }
    return undefined
  }

  /** Σ t·ln softmax along the last axis, and over others. */
  #reduction(operation: Operation, x: number): number | undefined {
    const factors = this.#computed(x, 'multiply')?.operands
    if (factors === undefined) return undefined
    const shape = this.values[x].shape
    const axes = axesOf(operation, shape)
    const isMean = operation.name === 'mean'
    const isWhole = axes.length === shape.length
    if (operation.attributes.keepDims === true || !axes.includes(shape.length - 1)) return undefined
    for (const [targets, logs] of [factors, factors.toReversed()]) {
      const log = this.#computed(logs, 'logSoftmax')
      const alike = [targets, logs].every((id) => formatShape(this.values[id].shape) === formatShape(shape))
      if (log === undefined || !alike || !isLastAxis(log.operation, shape)) continue
      const losses = this.#add('softmaxCrossEntropy', [log.operands[0], targets])
      const rest = axes.filter((axis) => axis !== shape.length - 1)
      const sum = rest.length === 0 ? losses : this.#add('sum', [losses], isWhole ? {} : { axes: rest })
      const count = axes.reduce((product, axis) => product * shape[axis], 1)
      const factor = this.#constant(isMean ? -1 / count : -1)
      return this.#add('multiply', [sum, factor])
    }
    return undefined
  }

  /** One logarithm of each row of a softmax. */
  #pickedLogits(operation: Operation, x: number): number | undefined {
    const flat = this.#computed(x, 'reshape')
    const log = this.#computed(flat?.operands[0] ?? x, 'logSoftmax')
    const indices = operation.attributes.indices
    if (flat === undefined || log === undefined || !Array.isArray(indices) || flat.shape.length !== 1)
      return undefined
    const { shape } = log
    const classes = shape.at(-1) ?? 0
    const isEachRow =
      indices.length === elementCount(shape.slice(0, -1)) &&
      indices.every((index, row) => index >= 0 && Math.floor(index / classes) === row)
    if (!isEachRow || !isLastAxis(log.operation, shape)) return undefined
    const targets = new Float64Array(elementCount(shape))
    for (const index of indices) targets[index] = 1
    const losses = this.#add('softmaxCrossEntropy', [log.operands[0], this.#constants(targets, shape)])
    return this.#add('negative', [this.#add('reshape', [losses], { shape: [indices.length] })])
  }

  /** Softmax of x − m, where m is the same all along, is that of x. */
  #softmaxOf(name: 'softmax' | 'logSoftmax', x: number, axes: readonly number[]): number {
    let logits = x
    for (;;) {
      const shifted = this.#computed(logits, 'subtract')
      if (shifted === undefined) break
      const [inner, shift] = shifted.operands
      const { shape } = this.values[inner]
      if (formatShape(shape) !== formatShape(shifted.shape) || !this.#isConstantAlong(shift, shape, axes))
        break
      logits = inner
    }
    return this.#add(name, [logits], { axes: [...axes] })
  }

  /** m + ln Σ e^(x − m) */
  #shiftedLogSum(shift: number, sum: number): number | undefined {
    const value = this.#computed(sum, 'logSumExp')
    if (value === undefined) return undefined
    const shifted = this.#computed(value.operands[0], 'subtract')
    if (shifted === undefined) return undefined
    const [x, by] = shifted.operands
    const axes = axesOf(value.operation, shifted.shape)
    const isSame = this.#isSame(by, shift) || this.#isReshapeOf(by, shift) || this.#isReshapeOf(shift, by)
    if (!isSame || !this.#isConstantAlong(by, this.values[x].shape, axes)) return undefined
    if (formatShape(this.values[x].shape) !== formatShape(shifted.shape)) return undefined
    if (formatShape(this.values[shift].shape) !== formatShape(value.shape)) return undefined
    return this.#add('logSumExp', [x], value.operation.attributes)
  }

  /** E[x²] − E[x]² as the mean of (x − mean)². */
  #varianceOf(a: number, b: number): number | undefined {
    const ofSquares = this.#computed(a, 'mean')
    const square = this.#squareOf(b)
    const ofValues = square === undefined ? undefined : this.#computed(square, 'mean')
    if (ofSquares === undefined || ofValues === undefined) return undefined
    const x = this.#squareOf(ofSquares.operands[0])
    const [one, other] = [ofSquares, ofValues].map(({ operation }) => JSON.stringify(operation.attributes))
    if (x === undefined || !this.#isSame(x, ofValues.operands[0]) || one !== other) return undefined
    const axes = axesOf(ofValues.operation, this.values[x].shape)
    const mean = this.#add('mean', [x], { axes, keepDims: true })
    const squares = this.#add('square', [this.#add('subtract', [x, mean])])
    return this.#add('mean', [squares], ofSquares.operation.attributes)
  }

  /** x/√(…): a norm, of the last operand's square. */
  #normed(x: number, square: number): number | undefined {
    let [variance, epsilon] = [square, 0]
    const sum = this.#computed(square, 'add')
    if (sum !== undefined) {
      for (const [one, other] of [sum.operands, sum.operands.toReversed()]) {
        const number = this.#numberOf(other)
        if (number !== undefined && number >= 0) [variance, epsilon] = [one, number]
      }
    }
    const mean = this.#reduced(variance, 'mean')
    const total = mean ?? this.#reduced(variance, 'sum')
    if (total === undefined) return undefined
    const base = this.#squareOf(total.x)
    if (base === undefined || !this.#isSame(base, x)) return undefined
    const { shape } = this.values[x]
    const count = total.axes.reduce((product, axis) => product * shape[axis], 1)
    const axes = [...total.axes]
    if (mean === undefined) {
      const normed = this.#add('rmsNorm', [x], { axes, epsilon: epsilon / count })
      return this.#add('multiply', [normed, this.#constant(1 / Math.sqrt(count))])
    }
    const centred = this.#computed(x, 'subtract')
    const own = centred === undefined ? undefined : this.#reduced(centred.operands[1], 'mean')
    const isCentred =
      own !== undefined &&
      this.#isSame(own.x, centred!.operands[0]) &&
      String(own.axes) === String(total.axes)
    if (!isCentred) return this.#add('rmsNorm', [x], { axes, epsilon })
    return this.#add('standardize', [centred!.operands[0]], { axes, epsilon })
  }

  // ---- what values are

  #computed(id: number, name: Name): ComputedValue | undefined {
    const value = this.values[id]
    return value?.kind === 'computed' && value.operation.name === name ? value : undefined
  }

  #operandOf(id: number, name: Name): number | undefined {
    return this.#computed(id, name)?.operands[0]
  }

  /** The number that a constant is, whatever its shape. */
  #numberOf(id: number): number | undefined {
    const value = this.values[id]
    if (value?.kind !== 'constant' || value.data.length !== 1) return undefined
    return value.data[0]
  }

  #isNumber(id: number, number: number): boolean {
    return this.#numberOf(id) === number
  }

  /** Whether values are the same: one value, the same numbers, or the same operation on what is the same. */
  #isSame(one: number, other: number, depth = 4): boolean {
    if (one === other) return true
    if (one < 0 || other < 0) return false
    const [a, b] = [this.values[one], this.values[other]]
    if (formatShape(a.shape) !== formatShape(b.shape)) return false
    if (a.kind === 'constant' && b.kind === 'constant') return a.data.every((x, k) => x === b.data[k])
    if (depth === 0 || a.kind !== 'computed' || b.kind !== 'computed') return false
    return (
      a.operation.name === b.operation.name &&
      JSON.stringify(a.operation.attributes) === JSON.stringify(b.operation.attributes) &&
      a.operands.every((operand, k) => this.#isSame(operand, b.operands[k], depth - 1))
    )
  }

  #isExp(id: number, exponent: number): boolean {
    return this.#isSame(this.#operandOf(id, 'exp') ?? -1, exponent)
  }

  /** Whether constants add up to 1 everywhere. */
  #areComplements(one: number, other: number): boolean {
    const [a, b] = [this.values[one], this.values[other]]
    return (
      a.kind === 'constant' &&
      b.kind === 'constant' &&
      formatShape(a.shape) === formatShape(b.shape) &&
      a.data.every((x, k) => x + b.data[k] === 1)
    )
  }

  /** x of 1 + x. */
  #onePlus(id: number): number | undefined {
    const sum = this.#computed(id, 'add')
    if (sum === undefined) return undefined
    if (this.#isNumber(sum.operands[0], 1)) return sum.operands[1]
    return this.#isNumber(sum.operands[1], 1) ? sum.operands[0] : undefined
  }

  /** x of −x, of x·−1 and 0 − x. */
  #negated(id: number): number | undefined {
    const value = this.values[id]
    if (value?.kind !== 'computed') return undefined
    const [a, b] = value.operands
    if (value.operation.name === 'negative') return a
    if (value.operation.name === 'subtract' && this.#isNumber(a, 0)) return b
    if (value.operation.name !== 'multiply') return undefined
    return this.#isNumber(a, -1) ? b : this.#isNumber(b, -1) ? a : undefined
  }

  #squareOf(id: number): number | undefined {
    const product = this.#computed(id, 'multiply')
    if (product !== undefined && this.#isSame(product.operands[0], product.operands[1]))
      return product.operands[0]
    return this.#operandOf(id, 'square') ?? this.#powerOf(id, 2)
  }

  #rootOf(id: number): number | undefined {
    return this.#operandOf(id, 'sqrt') ?? this.#powerOf(id, 0.5)
  }

  #powerOf(id: number, exponent: number): number | undefined {
    const power = this.#computed(id, 'power')
    if (power !== undefined && this.#isNumber(power.operands[1], exponent)) return power.operands[0]
    const fixed = this.#computed(id, 'integerPower') ?? this.#computed(id, 'realPower')
    return fixed?.operation.attributes.exponent === exponent ? fixed.operands[0] : undefined
  }

  /** What was reduced along which axes, where the result lies along the others as the operand does. */
  #reduced(id: number, name: 'sum' | 'mean' | 'logSumExp'): Reduced | undefined {
    const shaped = this.#computed(id, 'reshape')
    const value = this.#computed(shaped?.operands[0] ?? id, name)
    if (value === undefined) return undefined
    const [x] = value.operands
    const { shape } = this.values[x]
    const axes = axesOf(value.operation, shape)
    const kept = shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
    const own = this.values[id].shape
    // leading axes need not be kept: broadcasting puts them there
    const aligned = [...new Array<number>(Math.max(0, kept.length - own.length)).fill(1), ...own]
    return formatShape(aligned) === formatShape(kept) ? { x, axes } : undefined
  }

  /** Whether a value that is broadcast to a shape is the same all along some of its axes. */
  #isConstantAlong(id: number, shape: Shape, axes: readonly number[]): boolean {
    const own = this.values[id].shape
    return (
      own.length <= shape.length && axes.every((axis) => (own[axis - shape.length + own.length] ?? 1) === 1)
    )
  }

  #isReshapeOf(id: number, of: number): boolean {
    return this.#operandOf(id, 'reshape') === of
  }

  /** The terms of a sum; of more than are looked at some alone. */
  #termsOf(id: number, sign: 1 | -1): Term[] {
    const terms: Term[] = []
    const open: Term[] = [{ id, sign }]
    while (open.length > 0 && terms.length + open.length <= MOST_TERMS + 1) {
      const term = open.pop()!
      const value = this.values[term.id]
      const opposite = term.sign === 1 ? -1 : 1
      if (value.kind !== 'computed' || elementCount(value.shape) === 1) {
        terms.push(term)
        continue
      }
      const [a, b] = value.operands
      switch (value.operation.name) {
        case 'negative':
          open.push({ id: a, sign: opposite })
          break
        case 'add':
          open.push({ id: b, sign: term.sign }, { id: a, sign: term.sign })
          break
        case 'subtract':
          open.push({ id: b, sign: opposite }, { id: a, sign: term.sign })
          break
        default:
          terms.push(term)
      }
    }
    return [...terms, ...open]
  }

  // ---- what is made

  #sigmoidOfNegative(exponent: number): number {
    const x = this.#negated(exponent)
    return this.#add('sigmoid', [x ?? this.#add('negative', [exponent])])
  }

  #addUp([first, ...others]: readonly Term[]): number {
    let sum = first.sign === 1 ? first.id : this.#add('negative', [first.id])
    for (const { id, sign } of others) sum = this.#add(sign === 1 ? 'add' : 'subtract', [sum, id])
    return sum
  }

  #constant(value: number): number {
    return this.#constants(Float64Array.of(value), [])
  }

  #constants(data: Float64Array, shape: Shape): number {
    return this.#push({ kind: 'constant', id: this.values.length, shape, data, source: this.#source })
  }

  #add(name: Name, operands: readonly number[], attributes: Attributes = {}): number {
    return this.#addOperation((OPERATIONS[name] as Definition<object>).make(name, attributes), operands)
  }

  #addOperation(operation: Operation, operands: readonly number[]): number {
    const shape = operation.shape(operands.map((id) => this.values[id].shape))
    // the name belongs to the last of what is made in a value's place
    const { name: _name, ...source } = this.#source
    return this.#push({ kind: 'computed', id: this.values.length, operation, operands, shape, source })
  }

  #push(value: Value): number {
    this.values.push(value)
    return value.id
  }
}

/** Operations whose elements are elements of their operand. */
const VIEWS: ReadonlySet<string> = new Set<Name>(['reshape', 'transpose', 'take', 'slice'])

/** The axes that a reduction goes over. */
function axesOf({ attributes }: Operation, shape: Shape): number[] {
  const axes = attributes.axes as readonly number[] | undefined
  return normalizeAxes(axes ?? [...shape.keys()], shape.length)
}

/** Whether a softmax is along the last axis alone. */
function isLastAxis({ attributes }: Operation, shape: Shape): boolean {
  const axes = (attributes.axes as readonly number[] | undefined) ?? [-1]
  return axes.length === 1 && (axes[0] === -1 || axes[0] === shape.length - 1)
}
