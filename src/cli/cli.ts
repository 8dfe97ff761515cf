#!/usr/bin/env node
import { describeError } from './describe-error.js'
import { EXIT_STATUS } from './exit-status.js'
import { runCommandLine } from './run-command-line.js'

// a write's failure is reported to its own callback; without a listener it would end the process with a stack
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.on('uncaughtException', (error) => {
  process.stderr.write(describeError(error, process.env.GRADCHECK_DEBUG === '1'))
  process.exit(EXIT_STATUS.internal)
})

process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
})
