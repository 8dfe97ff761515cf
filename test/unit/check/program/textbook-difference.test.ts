import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { textbookDifference } from '../../../../src/check/program/textbook-difference.js'
import { readArrays } from '../../../../src/files/read-arrays.js'
import { traceForward } from '../../../../src/numpy/load-forward.js'
import { fixturePath } from '../../../support/temporary-files.js'

/** What Python gives for each notebook's function with the notebook's own loop. */
it.each([
  ['three-layer.npz', 'three_layer_notebook.py', 'forward_propagation_n', 1e-7, 1.1890913024409744e-7],
  [
    ...['three-layer-buggy.npz', 'three_layer_buggy_notebook.py', 'forward_propagation_n'],
    ...[1e-7, 0.2850931567761623],
  ],
  [
    ...['two-three-one.npz', 'neural_network_demystified.py', 'Neural_Network.costFunction'],
    ...[1e-4, 2.796787822444713e-10],
  ],
] as [string, string, string, number, number][])(
  'the difference of %s over %s is the loop’s in Python',
  async (file, source, entry, step, expected) => {
    const arrays = readArrays(readFileSync(fixturePath(file)), file)
    const before = new Map([...arrays].map(([name, { data }]) => [name, data.slice()]))
    const text = readFileSync(fixturePath(`notebooks/${source}`), 'utf8')
    const traced = await traceForward({ sources: { [source]: text }, entry, arrays })
    let progress: [number, number] | undefined
    const difference = await textbookDifference(traced, step, (...told) => {
      progress = told
    })
    // exp and log round otherwise there
    expect(Math.abs(difference / expected - 1)).toBeLessThanOrEqual(0.02)
    const total = [...traced.gradients.values()].reduce((count, { data }) => count + data.length, 0)
    expect(progress).toEqual([total, total])
    for (const [name, data] of before) expect(arrays.get(name)!.data).toEqual(data)
  },
)
