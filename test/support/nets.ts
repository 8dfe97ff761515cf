import { reversePass } from '../../src/backward/reverse-pass.js'
import { type Builder, buildProgram, type Node } from '../../src/program/builder.js'
import { bindProgram } from '../../src/program/evaluate.js'
import { inputsOf } from '../../src/program/program.js'
import { elementCount, type NamedTensors, type Tensor, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

type Arrays = Readonly<Record<string, Node>>

/** A whole net: its parameters, its data, and the loss. */
export interface Net {
  readonly parameters: Map<string, Tensor>
  readonly data: Map<string, Tensor>
  /** Whole numbers that the loss is built with, in the order they were drawn: classes, tokens. */
  readonly indices: readonly (readonly number[])[]
  build(b: Builder, arrays: Arrays): Node
}

/** Draws a net's arrays. */
class Maker {
  readonly parameters = new Map<string, Tensor>()
  readonly data = new Map<string, Tensor>()
  readonly indices: number[][] = []
  readonly draws: Draws

  constructor(seed: number) {
    this.draws = new Draws(seed)
  }

  p(name: string, shape: number[], scale: number, mean = 0): void {
    this.parameters.set(name, this.#draw(shape, scale, mean))
  }

  d(name: string, shape: number[], scale = 1, mean = 0): void {
    this.data.set(name, this.#draw(shape, scale, mean))
  }

  classes(count: number, below: number): number[] {
    const drawn = Array.from({ length: count }, () => this.draws.below(below))
    this.indices.push(drawn)
    return drawn
  }

  net(build: Net['build']): Net {
    return { parameters: this.parameters, data: this.data, indices: this.indices, build }
  }

  #draw(shape: number[], scale: number, mean: number): Tensor {
    return tensor(
      this.draws.normals(elementCount(shape), scale).map((x) => mean + x),
      shape,
    )
  }
}

function convolutional(seed: number, offset = 0): Net {
  const m = new Maker(seed)
  m.d('x', [8, 3, 12, 12], 1, offset)
  m.p('w1', [8, 3, 3, 3], 0.27)
  m.p('g1', [8], 0.1, 1)
  m.p('be1', [8], 0.1)
  m.p('w2', [12, 8, 3, 3], 0.17)
  m.p('g2', [12], 0.1, 1)
  m.p('be2', [12], 0.1)
  m.p('w3', [10, 48], 48 ** -0.5)
  m.p('b3', [10], 0.1)
  const classes = m.classes(8, 10)
  return m.net((b, { x, w1, g1, be1, w2, g2, be2, w3, b3 }) => {
    const first = b.relu(b.batchNorm(b.conv2d(x, w1, { padding: 1 }), { weight: g1, bias: be1 }))
    const second = b.relu(
      b.batchNorm(b.conv2d(b.maxPool2d(first, { kernel: 2 }), w2), { weight: g2, bias: be2 }),
    )
    const features = b.flatten(b.maxPool2d(second, { kernel: 2 }), { start: 1 })
    return b.crossEntropy(b.linear(features, w3, { bias: b3 }), { classes })
  })
}

const [STEPS, INPUTS, HIDDEN, SAMPLES] = [24, 8, 16, 4]

function recurrent(gates: number, seed: number): Maker {
  const m = new Maker(seed)
  m.d('x', [STEPS, SAMPLES, INPUTS])
  m.d('start', [SAMPLES, HIDDEN], 0)
  m.p('wx', [gates * HIDDEN, INPUTS], INPUTS ** -0.5)
  m.p('wh', [gates * HIDDEN, HIDDEN], HIDDEN ** -0.5)
  m.p('b', [gates * HIDDEN], 0.1)
  m.p('wo', [5, HIDDEN], HIDDEN ** -0.5)
  return m
}

const stepOf = (b: Builder, x: Node, t: number) =>
  b.squeeze(b.slice(x, { axis: 0, start: t, stop: t + 1 }), { axis: 0 })
const gateOf = (b: Builder, z: Node, k: number) =>
  b.slice(z, { axis: 1, start: k * HIDDEN, stop: (k + 1) * HIDDEN })

function lstm(seed: number): Net {
  const m = recurrent(4, seed)
  const classes = m.classes(SAMPLES, 5)
  return m.net((b, { x, start, wx, wh, b: bias, wo }) => {
    let [h, c] = [start, start]
    for (let t = 0; t < STEPS; t++) {
      const z = b.add(b.linear(stepOf(b, x, t), wx, { bias }), b.linear(h, wh))
      const [i, f, g, o] = [0, 1, 2, 3].map((k) => gateOf(b, z, k))
      c = b.add(b.multiply(b.sigmoid(f), c), b.multiply(b.sigmoid(i), b.tanh(g)))
      h = b.multiply(b.sigmoid(o), b.tanh(c))
    }
    return b.crossEntropy(b.linear(h, wo), { classes })
  })
}

function gru(seed: number): Net {
  const m = recurrent(3, seed)
  const classes = Array.from({ length: STEPS }, () => m.classes(SAMPLES, 5))
  return m.net((b, { x, start, wx, wh, b: bias, wo }) => {
    let h = start
    let total: Node | undefined
    for (let t = 0; t < STEPS; t++) {
      const a = b.linear(stepOf(b, x, t), wx, { bias })
      const q = b.linear(h, wh)
      const [r, z] = [0, 1].map((k) => b.sigmoid(b.add(gateOf(b, a, k), gateOf(b, q, k))))
      const n = b.tanh(b.add(gateOf(b, a, 2), b.multiply(r, gateOf(b, q, 2))))
      h = b.add(n, b.multiply(z, b.subtract(h, n)))
      const loss = b.crossEntropy(b.linear(h, wo), { classes: classes[t] })
      total = total === undefined ? loss : b.add(total, loss)
    }
    return b.multiply(total!, 1 / STEPS)
  })
}

function rnn(seed: number): Net {
  const m = recurrent(1, seed)
  const classes = m.classes(SAMPLES, 5)
  return m.net((b, { x, start, wx, wh, b: bias, wo }) => {
    let h = start
    for (let t = 0; t < STEPS; t++)
      h = b.tanh(b.add(b.linear(stepOf(b, x, t), wx, { bias }), b.linear(h, wh)))
    return b.crossEntropy(b.linear(h, wo), { classes })
  })
}

function transformer(seed: number, layers = 2, width = 32, tokens = 16, vocabulary = 40): Net {
  const m = new Maker(seed)
  const [samples, heads] = [2, 4]
  m.p('E', [vocabulary, width], 0.02)
  m.p('position', [tokens, width], 0.02)
  const linear = (name: string, outputs: number, inputs: number) => {
    m.p(name, [outputs, inputs], inputs ** -0.5)
    m.p(`${name}_b`, [outputs], 0.02)
  }
  const norm = (name: string) => {
    m.p(`${name}_g`, [width], 0.05, 1)
    m.p(`${name}_b`, [width], 0.05)
  }
  for (let l = 0; l < layers; l++) {
    norm(`n1_${l}`)
    for (const name of ['q', 'k', 'v', 'o']) linear(`${name}_${l}`, width, width)
    norm(`n2_${l}`)
    linear(`f1_${l}`, 4 * width, width)
    linear(`f2_${l}`, width, 4 * width)
  }
  norm('last')
  const [indices, classes] = [
    m.classes(samples * tokens, vocabulary),
    m.classes(samples * tokens, vocabulary),
  ]
  return m.net((b, a) => {
    const dense = (x: Node, name: string) => b.linear(x, a[name], { bias: a[`${name}_b`] })
    const normed = (x: Node, name: string) => b.layerNorm(x, { weight: a[`${name}_g`], bias: a[`${name}_b`] })
    const split = (x: Node) =>
      b.transpose(b.reshape(x, { shape: [samples, tokens, heads, width / heads] }), { axes: [0, 2, 1, 3] })
    let x = b.add(b.embedding(a.E, { indices, shape: [samples, tokens] }), a.position)
    for (let l = 0; l < layers; l++) {
      const h = normed(x, `n1_${l}`)
      const [q, k, v] = ['q', 'k', 'v'].map((name) => split(dense(h, `${name}_${l}`)))
      const attended = b.scaledDotProductAttention(q, k, v, { causal: true })
      const joined = b.reshape(b.transpose(attended, { axes: [0, 2, 1, 3] }), {
        shape: [samples, tokens, width],
      })
      x = b.add(x, dense(joined, `o_${l}`))
      x = b.add(x, dense(b.gelu(dense(normed(x, `n2_${l}`), `f1_${l}`)), `f2_${l}`))
    }
    return b.crossEntropy(b.linear(normed(x, 'last'), a.E), { classes })
  })
}

function vae(seed: number): Net {
  const m = new Maker(seed)
  const [samples, inputs, hidden, codes] = [8, 20, 16, 4]
  m.data.set(
    'x',
    tensor(
      Array.from({ length: samples * inputs }, () => m.draws.uniform()),
      [samples, inputs],
    ),
  )
  m.d('noise', [samples, codes])
  for (const [name, outputs, ins, scale] of [
    ['e', hidden, inputs, 1],
    ['mu', codes, hidden, 1],
    ['lv', codes, hidden, 0.3],
    ['d1', hidden, codes, 1],
    ['d2', inputs, hidden, 1],
  ] as const) {
    m.p(name, [outputs, ins], scale * ins ** -0.5)
    m.p(`${name}_b`, [outputs], 0.1)
  }
  return m.net((b, a) => {
    const dense = (x: Node, name: string) => b.linear(x, a[name], { bias: a[`${name}_b`] })
    const h = b.tanh(dense(a.x, 'e'))
    const [mu, lv] = [dense(h, 'mu'), dense(h, 'lv')]
    const z = b.add(mu, b.multiply(b.exp(b.multiply(lv, 0.5)), a.noise))
    const o = dense(b.tanh(dense(z, 'd1')), 'd2')
    const rebuilt = b.sum(b.subtract(b.softplus(o), b.multiply(a.x, o)))
    const divergence = b.multiply(0.5, b.sum(b.subtract(b.add(b.exp(lv), b.square(mu)), lv)))
    return b.multiply(b.add(rebuilt, divergence), 1 / samples)
  })
}

function supportVectors(seed: number): Net {
  const m = new Maker(seed)
  const [samples, inputs, hidden, count] = [16, 20, 24, 6]
  m.d('x', [samples, inputs])
  m.p('w1', [hidden, inputs], inputs ** -0.5)
  m.p('b1', [hidden], 0.1)
  m.p('w2', [count, hidden], hidden ** -0.5)
  m.p('b2', [count], 0.1)
  const classes = m.classes(samples, count)
  return m.net((b, { x, w1, b1, w2, b2 }) =>
    b.multiMarginLoss(b.linear(b.relu(b.linear(x, w1, { bias: b1 })), w2, { bias: b2 }), { classes }),
  )
}

function swiglu(seed: number): Net {
  const m = new Maker(seed)
  const [samples, width, inner, layers, count] = [16, 32, 48, 4, 10]
  m.d('x', [samples, width])
  for (let l = 0; l < layers; l++) {
    m.p(`g_${l}`, [width], 0.1, 1)
    m.p(`w1_${l}`, [inner, width], width ** -0.5)
    m.p(`w3_${l}`, [inner, width], width ** -0.5)
    m.p(`w2_${l}`, [width, inner], inner ** -0.5)
  }
  m.p('out', [count, width], width ** -0.5)
  const classes = m.classes(samples, count)
  return m.net((b, a) => {
    let x = a.x
    for (let l = 0; l < layers; l++) {
      const h = b.multiply(b.rmsNorm(x, { epsilon: 1e-6 }), a[`g_${l}`])
      const gated = b.multiply(b.silu(b.linear(h, a[`w1_${l}`])), b.linear(h, a[`w3_${l}`]))
      x = b.add(x, b.linear(gated, a[`w2_${l}`]))
    }
    return b.crossEntropy(b.linear(b.rmsNorm(x, { epsilon: 1e-6 }), a.out), { classes })
  })
}

function contrastive(seed: number): Net {
  const m = new Maker(seed)
  const [samples, inputs, hidden, codes] = [16, 20, 24, 8]
  m.d('x', [samples, inputs])
  const { data, shape } = m.data.get('x')!
  m.data.set(
    'y',
    tensor(
      Array.from(data, (value) => value + 0.3 * m.draws.normal()),
      shape,
    ),
  )
  m.p('w1', [hidden, inputs], inputs ** -0.5)
  m.p('b1', [hidden], 0.1)
  m.p('w2', [codes, hidden], hidden ** -0.5)
  const classes = Array.from({ length: samples }, (_, k) => k)
  return m.net((b, { x, y, w1, b1, w2 }) => {
    const encode = (of: Node) => b.normalize(b.linear(b.tanh(b.linear(of, w1, { bias: b1 })), w2))
    const scores = b.multiply(b.einsum('id,jd->ij', encode(x), encode(y)), 1 / 0.07)
    const both = [scores, b.transpose(scores)].map((of) => b.crossEntropy(of, { classes }))
    return b.multiply(b.add(both[0], both[1]), 0.5)
  })
}

function residualConvolutional(seed: number, layers: number, channels = 8): Net {
  const m = new Maker(seed)
  m.d('x', [4, 3, 8, 8])
  const block = (name: string, inputs: number, scale: number) => {
    m.p(name, [channels, inputs, 3, 3], scale)
    m.p(`${name}_g`, [channels], 0.1, 1)
    m.p(`${name}_b`, [channels], 0.1)
  }
  block('stem', 3, 0.27)
  for (let l = 0; l < layers; l++)
    for (const j of [0, 1]) block(`c_${l}_${j}`, channels, (2 / 9 / channels) ** 0.5)
  m.p('fc', [10, channels], channels ** -0.5)
  m.p('fc_b', [10], 0.1)
  const classes = m.classes(4, 10)
  return m.net((b, a) => {
    const conv = (x: Node, name: string) =>
      b.batchNorm(b.conv2d(x, a[name], { padding: 1 }), { weight: a[`${name}_g`], bias: a[`${name}_b`] })
    let h = b.relu(conv(a.x, 'stem'))
    for (let l = 0; l < layers; l++) {
      const q = b.relu(conv(h, `c_${l}_0`))
      h = b.relu(b.add(conv(q, `c_${l}_1`), h))
    }
    return b.crossEntropy(b.linear(b.mean(h, { axes: [2, 3] }), a.fc, { bias: a.fc_b }), { classes })
  })
}

function residualTanh(seed: number, layers = 20, width = 24): Net {
  const m = new Maker(seed)
  m.d('x', [8, width])
  for (let l = 0; l < layers; l++) {
    m.p(`w_${l}`, [width, width], width ** -0.5)
    m.p(`b_${l}`, [width], 0.1)
  }
  m.p('out', [5, width], width ** -0.5)
  const classes = m.classes(8, 5)
  return m.net((b, a) => {
    let x = a.x
    for (let l = 0; l < layers; l++) {
      x = b.add(x, b.multiply(0.5, b.tanh(b.linear(x, a[`w_${l}`], { bias: a[`b_${l}`] }))))
    }
    return b.crossEntropy(b.linear(x, a.out), { classes })
  })
}

/** The same kinds where many layers show nothing that few do not. */
export const SMALL_NETS: Readonly<Record<string, (seed: number) => Net>> = {
  convolutional,
  rnn,
  transformer: (seed) => transformer(seed, 1, 16, 6, 12),
  vae,
  supportVectors,
  contrastive,
  residualConvolutional: (seed) => residualConvolutional(seed, 1, 4),
  residualTanh: (seed) => residualTanh(seed, 4, 12),
}

/** Whole nets of every kind that people write backward passes for. */
export const NETS: Readonly<Record<string, (seed: number) => Net>> = {
  convolutional,
  lstm,
  gru,
  rnn,
  transformer: (seed) => transformer(seed),
  vae,
  supportVectors,
  swiglu,
  contrastive,
  // of ten blocks a check takes minutes, and says nothing more
  residualConvolutional: (seed) => residualConvolutional(seed, 3),
  residualTanh: (seed) => residualTanh(seed),
}

export const arraysOf = ({ parameters, data }: Net): NamedTensors => new Map([...parameters, ...data])

/** The gradient of a net's parameters, by the tool's own reverse pass in float64. */
export function gradientsOf(net: Net): Map<string, Tensor> {
  const arrays = arraysOf(net)
  const shapes = new Map([...arrays].map(([name, { shape }]) => [name, shape]))
  const bound = bindProgram(buildProgram(net.build, shapes), arrays)
  const wanted = inputsOf(bound.program).filter(({ name }) => net.parameters.has(name))
  const cotangents = reversePass(bound, { wanted: wanted.map(({ id }) => id) })
  return new Map(wanted.map(({ id, name, shape }) => [name, tensor(cotangents[id]!, shape)]))
}

/** The net after some steps of Adam (Kingma & Ba 2015). */
export function train(net: Net, steps: number, rate = 0.01): Net {
  const parameters = new Map(
    [...net.parameters].map(([name, { shape, data }]) => [name, tensor(data.slice(), shape)]),
  )
  const trained = { ...net, parameters }
  const moments = new Map(
    [...parameters].map(([name, { data }]) => [
      name,
      { first: new Float64Array(data.length), second: new Float64Array(data.length) },
    ]),
  )
  for (let step = 1; step <= steps; step++) {
    for (const [name, { data: g }] of gradientsOf(trained)) {
      const { first, second } = moments.get(name)!
      const { data } = parameters.get(name)!
      for (let k = 0; k < g.length; k++) {
        first[k] = 0.9 * first[k] + 0.1 * g[k]
        second[k] = 0.999 * second[k] + 0.001 * g[k] ** 2
        const [m, v] = [first[k] / (1 - 0.9 ** step), second[k] / (1 - 0.999 ** step)]
        data[k] -= (rate * m) / (Math.sqrt(v) + 1e-8)
      }
    }
  }
  return trained
}
