import { extname } from 'node:path'
import { type Command, CommanderError } from 'commander'
import { GradcheckError } from '../errors.js'
import { suggestName } from '../suggest.js'
import { describeError } from './describe-error.js'
import { EXIT_STATUS, statusOfError } from './exit-status.js'
import { suggestOption } from './option-words.js'
import { ARRAY_FILE_EXTENSIONS } from './options.js'
import { COMMAND_NAMES, createProgram } from './program.js'
import { type Terminal, writeNotice } from './terminal.js'

/**
 * Runs `gradcheck` with these arguments. Whatever goes wrong is said in a line or two on stderr.
 * @returns the exit status.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let status: number = EXIT_STATUS.pass
  const program = createProgram(terminal, (result) => {
    status = result
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_STATUS.pass
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT_STATUS.badInput
    const cause = error instanceof CommanderError ? explainUsage(error, args, program) : error
    await writeNotice(terminal.stderr, describeError(cause, terminal.environment.GRADCHECK_DEBUG === '1'))
    return statusOfError(cause)
  }
}

/** Commander's message in our words, with the nearest name. */
function explainUsage(error: CommanderError, args: readonly string[], program: Command): GradcheckError {
  const [message] = error.message.replace(/^error: /, '').split('\n')
  const name = /'(.*)'/.exec(message)?.[1] ?? ''
  if (error.code === 'commander.unknownCommand') return explainUnknownCommand(name)
  const known = COMMAND_NAMES.includes(args[0])
  const command = known ? `${args[0]} ` : ''
  const called = program.commands.find((each) => each.name() === args[0]) ?? program
  const options = ['--help', ...called.options.flatMap(({ long }) => long ?? [])]
  const suggestion = error.code === 'commander.unknownOption' ? suggestOption(name, options) : ''
  return new GradcheckError('bad-usage', `${message.replaceAll("'", '"')}${suggestion}`, {
    fix: `gradcheck ${command}--help lists the options`,
  })
}

function explainUnknownCommand(name: string): GradcheckError {
  if (ARRAY_FILE_EXTENSIONS.includes(extname(name))) {
    return new GradcheckError('bad-usage', `"${name}" is a file, and a command comes first`, {
      fix: `gradcheck check ${name} --activations NAMES --loss NAME`,
    })
  }
  return new GradcheckError('bad-usage', `unknown command "${name}"${suggestName(name, COMMAND_NAMES)}`, {
    fix: `use one of ${COMMAND_NAMES.join(', ')}`,
  })
}
