import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import { makeZooCase, ZOO_KINDS } from '../../../support/mistake-zoo.js'

const CASES = Number(process.env.CASES ?? 15)
const options = JSON.parse(process.env.ZOO ?? '{}')
describe('zoo', () => {
  it.each(ZOO_KINDS)('%s', async (kind) => {
    const wrong: string[] = []
    for (let n = 0; n < CASES; n++) {
      const zoo = makeZooCase(kind, n, options)
      const report = await checkGradients(zoo.problem)
      const [first] = report.diagnosis
      const ok =
        report.diagnosis.length === 1 &&
        first.kind === kind &&
        String(first.tensors) === String(zoo.tensors) &&
        (zoo.layer === undefined || zoo.layer === first.layer)
      if (!ok)
        wrong.push(
          `${n} ${zoo.variant} [${zoo.plain.activations}] ${zoo.plain.loss} expected ${zoo.tensors} layer ${zoo.layer}; verdict ${report.verdict} ${report.diagnosis.map((f) => `\n      ${f.kind} ${f.tensors} ${f.layer}: ${f.message}`)}`,
        )
    }
    console.log(`${kind}: ${CASES - wrong.length}/${CASES}\n   ${wrong.join('\n   ')}`)
    expect(1).toBe(1)
  })
})
