import { type Tensor, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

/** A forward pass and its backward pass as NumPy source, made of a random program, and arrays for it. */
export interface RandomPair {
  readonly text: string
  readonly arrays: Map<string, Tensor>
}

type Shape = readonly [number, number]

/** A value of the program, with its lines, and what passes its gradient `g` on to its operands. */
interface Step {
  readonly name: string
  readonly shape: Shape
  readonly lines: readonly string[]
  readonly passBack: (g: string) => readonly (readonly [operand: string, text: string, before?: string])[]
}

const MOST_VALUES = 12

/** The vector-Jacobian products that are written here by hand are those of a textbook, not of the operations' table. */
export function makeRandomPair(seed: number): RandomPair {
  // a program whose end reaches no parameter is drawn anew
  for (let attempt = 0; ; attempt++) {
    const made = draw(new Draws(1000 * seed + attempt))
    if (made !== undefined) return made
  }
}

function draw(draws: Draws): RandomPair | undefined {
  const arrays = new Map<string, Tensor>()
  const steps: Step[] = []
  const shapes = new Map<string, Shape>()
  const parameters: string[] = []
  const m = 4 + draws.below(3)
  const add = (name: string, shape: Shape, isParameter: boolean, dimensions: readonly number[] = shape) => {
    const size = dimensions.reduce((product, length) => product * length, 1)
    arrays.set(name, tensor(draws.normals(size, 0.8), [...dimensions]))
    shapes.set(name, shape)
    if (isParameter) parameters.push(name)
  }
  add('X', [m, 2 + draws.below(3)], false)
  const values = ['X']
  const pick = () => values[Math.max(0, values.length - 1 - draws.below(Math.min(3, values.length)))]
  const count = 3 + draws.below(MOST_VALUES - 3)
  for (let k = 0; k < count; k++) {
    const a = pick()
    const shape = shapes.get(a)!
    const y = `v${k + 1}`
    const same = values.filter((one) => shapes.get(one)!.join() === shape.join())
    const b = same[draws.below(same.length)]
    const [rows, columns] = shape
    const unary = (text: string, derivative: string): Step => ({
      name: y,
      shape,
      lines: [`${y} = ${text}`],
      passBack: (g) => [[a, derivative.replaceAll('g', g)]],
    })
    const W = `W${parameters.length + 1}`
    const out = 2 + draws.below(3)
    const moves: (() => Step)[] = [
      () => unary(`np.tanh(${a})`, `g * (1 - ${y} ** 2)`),
      () => unary(`1 / (1 + np.exp(-${a}))`, `g * ${y} * (1 - ${y})`),
      () => unary(`np.sin(${a})`, `g * np.cos(${a})`),
      () => unary(`np.maximum(0, ${a})`, `g * (${a} > 0)`),
      () => unary(`np.log(1 + ${a} ** 2)`, `2 * g * ${a} / (1 + ${a} ** 2)`),
      () => unary(`0.7 * ${a}`, `0.7 * g`),
      () => unary(`${a} - np.mean(${a}, axis=0)`, `g - np.mean(g, axis=0)`),
      () => ({
        ...unary('', `${y} * (g - np.sum(g * ${y}, axis=1, keepdims=True))`),
        lines: [
          `e${k + 1} = np.exp(${a} - np.max(${a}, axis=1, keepdims=True))`,
          `${y} = e${k + 1} / np.sum(e${k + 1}, axis=1, keepdims=True)`,
        ],
      }),
      () => ({ ...unary(`${a}.T`, 'g.T'), shape: [columns, rows] }),
      () => ({
        name: y,
        shape,
        lines: [`${y} = ${a} + ${b}`],
        passBack: (g) => [
          [a, `${g}.copy()`],
          [b, `1 * ${g}`],
        ],
      }),
      () => ({
        name: y,
        shape,
        lines: [`${y} = ${a} * ${b}`],
        passBack: (g) => [
          [a, `${g} * ${b}`],
          [b, `${g} * ${a}`],
        ],
      }),
      () => ({
        name: y,
        shape,
        lines: [`${y} = ${a} / (1 + ${b} ** 2)`],
        passBack: (g) => [
          [a, `${g} / (1 + ${b} ** 2)`],
          [b, `-2 * ${g} * ${a} * ${b} / (1 + ${b} ** 2) ** 2`],
        ],
      }),
      () => ({
        name: y,
        shape: [rows - 1, columns],
        lines: [`${y} = ${a}[1:]`],
        passBack: (g) => [
          [a, `s${k + 1}`, `s${k + 1} = np.zeros((${rows}, ${columns}))\n    s${k + 1}[1:] = ${g}`],
        ],
      }),
    ]
    const layers: (() => Step)[] = [
      () => {
        add(W, [columns, out], true)
        return {
          name: y,
          shape: [rows, out],
          lines: [`${y} = ${draws.below(2) === 0 ? `${a} @ ${W}` : `np.dot(${a}, ${W})`}`],
          passBack: (g) => [
            [a, `np.dot(${g}, ${W}.T)`],
            [W, `${a}.T @ ${g}`],
          ],
        }
      },
      () => {
        add(W, [1, columns], true, [columns])
        return {
          name: y,
          shape,
          lines: [`${y} = ${a} + ${W}`],
          passBack: (g) => [
            [a, `${g} * 1.0`],
            [W, `${g}.sum(axis=0)`],
          ],
        }
      },
      () => {
        add(W, shape, true)
        return {
          name: y,
          shape,
          lines: [`${y} = ${a} * ${W}`],
          passBack: (g) => [
            [a, `${g} * ${W}`],
            [W, `${g} * ${a}`],
          ],
        }
      },
    ]
    const isLayer = k === 0 || draws.below(3) === 0
    const list = isLayer ? layers : moves.slice(0, rows < 3 ? -1 : undefined)
    const step = list[draws.below(list.length)]()
    steps.push(step)
    shapes.set(y, step.shape)
    values.push(y)
  }
  const text = write(steps, parameters, m, draws)
  return text === undefined ? undefined : { text, arrays }
}

function write(
  steps: readonly Step[],
  parameters: readonly string[],
  m: number,
  draws: Draws,
): string | undefined {
  const last = steps[steps.length - 1]
  const all = ['X', ...parameters]
  const kept = steps.map(({ name }) => name)
  // 1/m comes first, or where the gradients of parameters are made
  const isLate = draws.below(2) === 0
  const isDictionary = draws.below(2) === 0
  const lines: string[] = [`    d${last.name} = ${isLate ? last.name : `${last.name} / m`}`]
  const begun = new Set([last.name])
  for (const step of steps.toReversed()) {
    if (!begun.has(step.name)) continue
    for (const [operand, text, before] of step.passBack(`d${step.name}`)) {
      if (operand === 'X') continue
      if (before !== undefined) lines.push(`    ${before}`)
      const isParameter = parameters.includes(operand)
      const own = isParameter && isLate ? `1.0 / m * (${text})` : text
      const target = `d${operand}`
      if (!begun.has(operand)) lines.push(`    ${target} = ${own}`)
      else lines.push(draws.below(2) === 0 ? `    ${target} += ${own}` : `    ${target} = ${target} + ${own}`)
      begun.add(operand)
    }
  }
  const reached = parameters.filter((name) => begun.has(name))
  if (reached.length === 0) return undefined
  const result = isDictionary
    ? `{${reached.map((name) => `'d${name}': d${name}`).join(', ')}}`
    : `${reached.map((name) => `d${name}`).join(', ')}${reached.length === 1 ? ',' : ''}`
  return `import numpy as np

def forward(${all.join(', ')}):
    m = ${m}
${steps.flatMap((step) => step.lines.map((line) => `    ${line}`)).join('\n')}
    loss = 0.5 * np.sum(${last.name} ** 2) / m
    return loss, (${kept.join(', ')},)

def backward(${all.join(', ')}, cache):
    (${kept.join(', ')},) = cache
    m = ${m}
${lines.join('\n')}
    return ${result}
`
}
