import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** @import { CaseDescription } from './cases.mjs' */

const SCRIPT = fileURLToPath(new URL('peers.py', import.meta.url))
const LAST_LINES_OF_ERROR = 3
const PROBE_SECONDS = 120

/**
 * A Python that can run peers.py.
 * @typedef {{ command: string, python: string, numpy: string | null, torch: string | null, cuda: string | null }} Python
 */

/**
 * The Pythons of this machine: the one the search path gives first, and the system's, which may be the one that has
 * PyTorch. `PYTHON` names another to be tried before.
 * @returns {Promise<Python[]>}
 */
export async function findPythons() {
  const commands = [...new Set([process.env.PYTHON, 'python3', '/usr/bin/python3'])].filter(Boolean)
  const found = []
  for (const command of commands) {
    const { rows } = await runPeers(command, ['--probe'], PROBE_SECONDS)
    if (rows.length === 1) found.push({ command, ...rows[0] })
  }
  const describe = ({ command: _, ...packages }) => JSON.stringify(packages)
  return found.filter((one, k) => found.findIndex((other) => describe(other) === describe(one)) === k)
}

/**
 * The Pythons a method is timed in: every one that has NumPy for the loops, the fastest of which counts, and the best
 * equipped one for PyTorch. One that has nothing still runs, to say so.
 * @param {Python[]} pythons
 * @param {string} method
 */
export function choosePythons(pythons, method) {
  const withNumpy = pythons.filter((python) => python.numpy !== null)
  if (method.startsWith('numpy-')) return withNumpy.length > 0 ? withNumpy : pythons.slice(0, 1)
  const withTorch = withNumpy.filter((python) => python.torch !== null)
  const best = withTorch.find((python) => python.cuda !== null) ?? withTorch[0] ?? pythons[0]
  return best === undefined ? [] : [best]
}

/**
 * The rows of one method in a process of its own, so that what one peer breaks or hoards does not reach the next.
 * @param {Python} python
 * @param {string} method
 * @param {{ limit: number, budget: number }} time
 * @param {{ path: string, description: CaseDescription }} [saved] none for a method that needs no case
 */
export async function measurePeer({ command }, method, { limit, budget }, saved) {
  const args = ['--methods', method, '--limit', `${limit}`, '--budget', `${budget}`]
  if (saved !== undefined) {
    const { activations, loss } = saved.description
    args.unshift(saved.path, '--activations', activations.join(','), '--loss', loss)
  }
  // three devices at most, each complete within the limit or in part within the budget, and the tries before
  const { rows, failure } = await runPeers(command, args, 10 * limit + 300)
  if (failure !== undefined) rows.push({ name: method, error: failure })
  return rows
}

/** @returns {Promise<{ rows: any[], failure?: string }>} */
function runPeers(command, args, seconds) {
  return new Promise((resolve) => {
    const child = spawn(command, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let [output, errors, late] = ['', '', false]
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, seconds * 1000)
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text
    })
    const finish = (failure) => {
      clearTimeout(timer)
      const rows = output.split('\n').filter((line) => line.startsWith('{'))
      resolve({ rows: rows.map((line) => JSON.parse(line)), failure })
    }
    child.on('error', (error) => finish(`could not be started: ${error.message}`))
    child.on('close', (code, signal) => {
      if (late) finish(`stopped after ${seconds} s`)
      else if (signal !== null) finish(`ended by ${signal}${signal === 'SIGKILL' ? ' (out of memory?)' : ''}`)
      else if (code !== 0) finish(`exit status ${code}: ${lastLines(errors)}`)
      else finish(undefined)
    })
  })
}

const lastLines = (text) => text.trim().split('\n').slice(-LAST_LINES_OF_ERROR).join(' ')
