import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The built command; `npm test` builds it first. */
export const CLI_PATH = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** How a run of the command ended. */
export interface CliResult {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A run that has not ended yet. */
export interface RunningCli {
  readonly child: ChildProcess
  readonly result: Promise<CliResult>
  /** Resolves once stderr holds the text; rejects when the process ends without it. */
  waitForStderr(text: string): Promise<void>
}

/** Runs `gradcheck` in a process of its own until it ends. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result
}

/** Starts `gradcheck` in a process of its own. */
export function startCli(args: readonly string[], { environment, cwd }: CliOptions = {}): RunningCli {
  const child = spawn(process.execPath, [CLI_PATH, ...args], {
    cwd,
    env: { ...plainEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const result = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }))
  })
  const waitForStderr = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (stderr.includes(text)) resolve()
      }
      look()
      child.stderr.on('data', look)
      child.on('close', () => reject(new Error(`the command ended without "${text}" on stderr: ${stderr}`)))
    })
  return { child, result, waitForStderr }
}

/** This process's environment without what changes how the command prints. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const name of ['FORCE_COLOR', 'NO_COLOR', 'GRADCHECK_DEBUG']) delete environment[name]
  return environment
}
