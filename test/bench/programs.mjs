/**
 * Complete checks of programs on the processor beside torch.autograd.gradcheck, on nets of test/support/nets.ts.
 *
 *     node test/bench/programs.mjs [--nets convolutional,transformer] [--no-torch] [--repeat 5]
 *
 * Of what takes less than a second the shortest and the middle of several runs are given, after one that warms up.
 * "wrong" is a gradient with an entry of every parameter 1 % off: it fails, and is explained.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { runnerImport } from 'vite'
import { findPythons } from './measure-peers.mjs'
import { writeNpz } from './write-npz.mjs'

const SHORT_SECONDS = 1
const SCRIPT = fileURLToPath(new URL('programs.py', import.meta.url))
const LIBRARY = new URL('../../dist/node.js', import.meta.url)
const NETS = fileURLToPath(new URL('../support/nets.ts', import.meta.url))
const SEED = 1

const { values: options } = parseArgs({
  options: {
    nets: { type: 'string', default: 'convolutional,transformer' },
    torch: { type: 'boolean', default: true },
    repeat: { type: 'string', default: '5' },
  },
  allowNegative: true,
})

const { checkGradients, openDevice, program, tensor } = await import(LIBRARY.href)
const nets = (await runnerImport(NETS)).module
const { evaluator } = await openDevice('cpu')
const folder = await mkdtemp(join(tmpdir(), 'gradcheck-programs-'))
try {
  for (const name of options.nets.split(',')) await measureNet(name)
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function measureNet(name) {
  const net = nets.NETS[name](SEED)
  const gradients = nets.gradientsOf(net)
  const right = await measure(net, gradients)
  const torch = options.torch ? await measureTorch(name, net, right.report.cost) : undefined
  const wrong = await measure(net, plantErrors(gradients))
  print(`${name}, ${right.report.parameters.total} parameters`, [
    `ours    ${describe(right)}`,
    `wrong   ${describe(wrong)}`,
    ...(torch === undefined ? [] : [`torch   ${describeTorch(torch, right)}`]),
  ])
}

function print(title, lines) {
  process.stdout.write(`${[title, ...lines.map((line) => `  ${line}`)].join('\n')}\n`)
}

function describe({ least, middle, processor, report }) {
  const { verdict, difference, numericalError } = report
  return (
    `${least.toPrecision(3)} s (middle ${middle.toPrecision(3)} s, ${processor.toPrecision(3)} processor s): ` +
    `${verdict}, difference ${difference.toPrecision(2)}, estimate ${numericalError.toPrecision(2)}`
  )
}

function describeTorch({ error, seconds, processor, version }, ours) {
  if (error !== undefined) return error
  const [faster, less] = [seconds / ours.least, processor / ours.processor].map((ratio) =>
    ratio.toPrecision(3),
  )
  return (
    `${seconds.toPrecision(3)} s (${processor.toPrecision(3)} processor s): ours takes ${faster} times less, ` +
    `${less} times less of the processor (${version})`
  )
}

async function measure(net, gradients) {
  const problem = { program: program.from(net.build), parameters: nets.arraysOf(net), gradients }
  await checkGradients(problem, { evaluator })
  const runs = []
  do {
    const processor = process.cpuUsage()
    const started = performance.now()
    const report = await checkGradients(problem, { evaluator })
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(processor)
    runs.push({ seconds, processor: (user + system) / 1e6, report })
  } while (runs.length < Number(options.repeat) && runs[0].seconds < SHORT_SECONDS)
  runs.sort((a, b) => a.seconds - b.seconds)
  const middle = runs[Math.floor(runs.length / 2)].seconds
  return { ...runs[0], least: runs[0].seconds, middle }
}

/** The largest entry of every parameter 1 % too large. */
function plantErrors(gradients) {
  return new Map(
    [...gradients].map(([name, { data, shape }]) => {
      const sizes = data.map(Math.abs)
      const at = sizes.indexOf(Math.max(...sizes))
      return [name, tensor(data.with(at, 1.01 * data[at]), shape)]
    }),
  )
}

async function measureTorch(name, net, cost) {
  const python = (await findPythons()).find(({ torch }) => torch !== null)
  if (python === undefined) return { error: 'there is no Python with PyTorch' }
  const path = join(folder, `${name}.npz`)
  const indices = net.indices.map((data, k) => [`indices${k}`, { data, shape: [data.length] }])
  await writeNpz(path, {
    ...Object.fromEntries([...net.data].map(([key, array]) => [`data.${key}`, array])),
    ...Object.fromEntries([...net.parameters].map(([key, array]) => [`parameter.${key}`, array])),
    ...Object.fromEntries(indices),
    cost: { data: [cost], shape: [1] },
  })
  try {
    const { stdout } = await promisify(execFile)(python.command, [SCRIPT, name, path])
    return JSON.parse(stdout)
  } catch (error) {
    return { error: (error.stderr || error.message).trim().split('\n').at(-1) }
  }
}
