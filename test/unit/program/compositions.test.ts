import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { type Builder, buildProgram, type Node, program } from '../../../src/program/builder.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { inputsOf } from '../../../src/program/program.js'
import { type Tensor, tensor } from '../../../src/tensor.js'

interface Packed {
  readonly shape: number[]
  readonly data: number[]
}

interface TorchCase {
  readonly method: string
  readonly operands: readonly Packed[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly named: Readonly<Record<string, Packed>>
  readonly output: Packed
  readonly upstream: Packed
  readonly gradients: readonly Packed[]
  readonly namedGradients: Readonly<Record<string, Packed>>
}

// made by test/fixtures/operations-torch.py
const CASES: readonly TorchCase[] = JSON.parse(
  readFileSync(new URL('../../fixtures/operations-torch.json', import.meta.url), 'utf8'),
)

const unpack = ({ shape, data }: Packed): Tensor => tensor(data, shape)

function call(b: Builder, of: TorchCase, arrays: Readonly<Record<string, Node>>): Node {
  const nodes = of.operands.map((_, k) => arrays[`x${k}`])
  if (of.method === 'einsum') return b.einsum(of.attributes.subscripts as string, ...nodes)
  const named = Object.fromEntries(Object.keys(of.named).map((name) => [name, arrays[name]]))
  const methods = b as unknown as Record<string, (...given: readonly unknown[]) => Node>
  return methods[of.method](...nodes, { ...of.attributes, ...named })
}

/** PyTorch's values and gradients of what is named as it names it. */
describe.each(CASES.map((of, k) => ({ name: `${k} ${of.method} ${JSON.stringify(of.attributes)}`, of })))(
  '$name',
  ({ of }) => {
    const arrays = new Map([
      ...of.operands.map((operand, k) => [`x${k}`, unpack(operand)] as const),
      ...Object.entries(of.named).map(([name, packed]) => [name, unpack(packed)] as const),
    ])
    const gradients = new Map([
      ...of.gradients.map((gradient, k) => [`x${k}`, unpack(gradient)] as const),
      ...Object.entries(of.namedGradients).map(([name, packed]) => [name, unpack(packed)] as const),
    ])
    const upstream = unpack(of.upstream)
    const shapes = new Map([...arrays].map(([name, { shape }]) => [name, shape]))
    const listed = buildProgram((b, given) => call(b, of, given), shapes, upstream)
    const bound = bindProgram(listed, arrays)

    it('has its value and its gradients', () => {
      const isOutput = (id: number) =>
        JSON.stringify(listed.values[id].shape) === JSON.stringify(of.output.shape) &&
        of.output.data.every((x, k) => Math.abs(bound.base[id][k] - x) <= 1e-12 * (1 + Math.abs(x)))
      expect(listed.values.some(({ id }) => isOutput(id))).toBe(true)
      const cotangents = reversePass(bound)
      for (const { id, name } of inputsOf(listed)) {
        const right = gradients.get(name)!.data
        const most = Math.max(...right.map(Math.abs))
        for (const [k, slope] of right.entries()) {
          const own = cotangents[id]?.[k] ?? 0
          expect(Math.abs(own - slope), `${name}[${k}]`).toBeLessThanOrEqual(1e-11 * most)
        }
      }
    })

    it('passes its check, unless its gradient is 0 everywhere', async () => {
      const report = await checkGradients({
        program: program.from((b, given) => call(b, of, given)),
        parameters: arrays,
        gradients,
        upstream,
      })
      const isFlat = [...gradients.values()].every(({ data }) => data.every((slope) => slope === 0))
      expect(report.verdict, report.reasons.join()).toBe(isFlat ? 'inconclusive' : 'pass')
      expect(report.difference).toBeLessThanOrEqual(1e-9)
    })
  },
)
