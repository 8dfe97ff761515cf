/**
 * `npm run bench`: our checks and other people's, side by side in one run. README.md says what is measured.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CASES, countParameters, makeCase, QUICK_CASES, WARM_UP_CASE } from './cases.mjs'
import { formatMarkdown, METHOD_TITLES } from './format-table.mjs'
import { measureOurs, openDevices } from './measure-ours.mjs'
import { choosePythons, findPythons, measurePeer } from './measure-peers.mjs'
import { writeNpz } from './write-npz.mjs'

const OUR_DEVICES = ['gpu', 'software', 'cpu']
const byParameter = (choice) => `${choice}-parameters`
const OUR_METHODS = [...OUR_DEVICES, ...OUR_DEVICES.map(byParameter)]
const METHODS = Object.keys(METHOD_TITLES)
const LIBRARY = new URL('../../dist/node.js', import.meta.url)
const SEED = 1

const USAGE = `npm run bench -- [options]
  --cases LIST     of ${CASES.map(({ name }) => name).join(', ')}
  --methods LIST   of ${METHODS.join(', ')}
  --quick          small networks and short times, to try the bench itself
  --limit S        seconds above which a part is timed and scaled; default 60, with --quick 2
  --budget S       seconds to spend on such a part; default 15, with --quick 1
  --output PATH    write PATH.json and PATH.md; default test/bench/results/DATE-DEVICE, with --quick nothing`

const options = readOptions()

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        cases: { type: 'string' },
        methods: { type: 'string' },
        quick: { type: 'boolean', default: false },
        limit: { type: 'string' },
        budget: { type: 'string' },
        output: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(`${USAGE}\n`)
      process.exit(0)
    }
    const { quick, output } = values
    return {
      quick,
      output: output?.replace(/\.(json|md)$/, ''),
      descriptions: chooseNamed('case', quick ? QUICK_CASES : CASES, ({ name }) => name, values.cases),
      methods: chooseNamed('method', METHODS, (name) => name, values.methods),
      time: {
        limit: readSeconds('limit', values.limit ?? (quick ? '2' : '60')),
        budget: readSeconds('budget', values.budget ?? (quick ? '1' : '15')),
      },
    }
  } catch (error) {
    process.stderr.write(`bench: ${error.message}\n\n${USAGE}\n`)
    process.exit(2)
  }
}

/**
 * @template T
 * @param {string} what
 * @param {T[]} all
 * @param {(one: T) => string} nameOf
 * @param {string | undefined} list names after commas
 */
function chooseNamed(what, all, nameOf, list) {
  if (list === undefined) return all
  return list.split(',').map((name) => {
    const found = all.find((one) => nameOf(one) === name.trim())
    if (found === undefined) {
      throw new Error(`unknown ${what} "${name}": one of ${all.map(nameOf).join(', ')}`)
    }
    return found
  })
}

function readSeconds(name, text) {
  const seconds = Number(text)
  if (!(seconds > 0)) throw new Error(`--${name} must be a number above 0, not ${text}`)
  return seconds
}

async function main() {
  const library = await loadLibrary()
  const { devices, missing } = await openDevices(
    library,
    OUR_DEVICES.filter((choice) =>
      [choice, byParameter(choice)].some((method) => options.methods.includes(method)),
    ),
  )
  const folder = await mkdtemp(join(tmpdir(), 'gradcheck-bench-'))
  try {
    for (const { device } of devices) {
      await measureOurs(library, device, makeCase(WARM_UP_CASE, SEED), options.time, true)
    }
    const pythons = await findPythons()
    const results = describeRun(devices, missing, pythons)
    const output = options.output ?? (options.quick ? undefined : nameOutput(results))
    results.matmul = await measurePeers('torch-matmul', pythons)
    for (const description of options.descriptions) {
      results.rows.push(
        ...(await measureCase(library, devices, pythons, description, folder, results.matmul)),
      )
      // after every case, so that a run that is cut short leaves what it measured
      if (output !== undefined) writeResults(output, results)
    }
    process.stdout.write(formatMarkdown(results))
    if (output !== undefined) note(`wrote ${basename(output)}.json and ${basename(output)}.md`)
  } finally {
    for (const { device } of devices) await device.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function loadLibrary() {
  try {
    return await import(LIBRARY.href)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || error.url !== LIBRARY.href) throw error
    process.stderr.write('bench: the library is not built; run npm run build first\n')
    process.exit(2)
  }
}

function describeRun(devices, missing, pythons) {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return {
    schema: 1,
    date: new Date().toISOString().slice(0, 10),
    machine: {
      processor: processorName(),
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      platform: `${process.platform} ${process.arch}`,
      node: process.versions.node,
    },
    library: { version, commit: readCommit() },
    adapters: devices
      .filter(({ device }) => device.kind !== 'cpu')
      .map(({ device }) => ({ name: device.name, kind: device.kind, software: device.kind === 'software' })),
    missing,
    pythons: pythons.map(({ command: _, ...packages }) => packages),
    time: options.time,
    seed: SEED,
    cases: options.descriptions,
    matmul: [],
    rows: [],
  }
}

const processorName = () => cpus()[0]?.model.trim() || 'processor'

/** The commit that is checked out, marked where files differ from it; undefined outside a repository. */
function readCommit() {
  const git = (...args) =>
    execFileSync('git', args, {
      cwd: dirname(fileURLToPath(import.meta.url)),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`
  } catch {
    return undefined
  }
}

/** A file for each day and adapter; the processor's name where there is no hardware adapter. */
function nameOutput({ date, adapters, machine }) {
  const name = adapters.find(({ software }) => !software)?.name ?? machine.processor
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const file = `${date}-${slug.replace(/^-|-$/g, '')}`
  return fileURLToPath(new URL(`results/${file}`, import.meta.url))
}

function writeResults(output, results) {
  mkdirSync(dirname(output), { recursive: true })
  writeFileSync(`${output}.json`, `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(`${output}.md`, formatMarkdown(results))
}

async function measureCase(library, devices, pythons, description, folder, matmul) {
  note(`${description.title}: preparing`)
  const benchCase = makeCase(description, SEED)
  const rows = []
  const add = (method, row) => {
    rows.push({ ...nameRow(description, method), ...row, deviceLabel: labelDevice(row) })
    note(`${description.title}: ${method} ${row.error ?? `${row.seconds.toPrecision(3)} s`}`)
  }
  const isWanted = (method) =>
    options.methods.includes(method) && (description.methods?.includes(method) ?? true)
  for (const { choice, device } of devices) {
    for (const method of [choice, byParameter(choice)].filter(isWanted)) {
      add(
        method,
        await measureOurs(library, device, benchCase, options.time, method !== choice).catch((error) =>
          describeFailure(device, error),
        ),
      )
    }
  }
  const path = join(folder, 'case.npz')
  await writeNpz(path, { X: benchCase.X, Y: benchCase.Y, ...benchCase.parameters, ...benchCase.gradients })
  for (const method of METHODS) {
    if (OUR_METHODS.includes(method) || method === 'torch-matmul' || !isWanted(method)) continue
    for (const { name: _, ...row } of await measurePeers(method, pythons, { path, description }))
      add(method, row)
  }
  await rm(path)
  return compareRows(rows, matmul)
}

function nameRow(description, method) {
  return {
    case: description.name,
    title: description.title,
    parameters: countParameters(description),
    method,
  }
}

/** Ours broke: a row like any other, not the end of the run. */
function describeFailure(device, error) {
  return {
    device: device.kind,
    deviceName: device.name,
    software: device.kind === 'software',
    error: error instanceof Error ? error.message : String(error),
  }
}

async function measurePeers(method, pythons, saved) {
  if (!options.methods.includes(method)) return []
  const chosen = choosePythons(pythons, method)
  if (chosen.length === 0) return [{ name: method, error: 'there is no python3' }]
  const rows = []
  for (const python of chosen) rows.push(...(await measurePeer(python, method, options.time, saved)))
  return rows
}

/** Where a row was measured and in what precision: "NVIDIA H100, float32", "SwiftShader (software), single". */
function labelDevice({ device, deviceName, software, precision, version }) {
  if (device === undefined) return ''
  const name = deviceName ?? processorName()
  return [`${name}${software ? ' (software)' : ''}`, precision, version].filter(Boolean).join(', ')
}

/**
 * Adds to each row how many times faster it is than the fastest of the NumPy loops, and to ours on a hardware adapter
 * how its multiply-adds a second compare with torch.matmul's there.
 */
function compareRows(rows, [matmul]) {
  const loops = rows.filter(({ method, error }) => method === 'numpy-loop' && error === undefined)
  const loopSeconds = Math.min(...loops.map(({ seconds }) => seconds))
  return rows.map((row) => {
    if (row.error !== undefined) return row
    const compared = { ...row }
    if (loops.length > 0) compared.timesFaster = loopSeconds / row.seconds
    if (row.method === 'gpu-parameters' && matmul?.multiplyAddsPerSecond !== undefined) {
      compared.shareOfMatmul = row.multiplyAddsPerSecond / matmul.multiplyAddsPerSecond
      compared.remarks = [
        ...row.remarks,
        `${(100 * compared.shareOfMatmul).toPrecision(2)} % of torch.matmul's float32 rate`,
      ]
    }
    return compared
  })
}

function note(text) {
  process.stderr.write(`bench: ${text}\n`)
}

await main()
