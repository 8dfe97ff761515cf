import { Command, Option } from 'commander'
import { PERTURB_CHOICES } from '../differentiate/plan.js'
import { ACTIVATION_NAMES, findActivation } from '../network/activations.js'
import { findLayout } from '../network/layout.js'
import { LOSS_NAMES } from '../network/losses.js'
import { findReduction } from '../network/reductions.js'
import type { BenchSettings } from './bench-command.js'
import { type FunctionCommandSettings, parseValues } from './function-options.js'
import {
  BELOW_ONE,
  type CheckSettings,
  DEVICE_CHOICES,
  METHODS,
  NOT_NEGATIVE,
  POSITIVE,
  parseActivations,
  parseChoice,
  parseName,
  parseNumber,
  parsePrecision,
  REPORT_FORMATS,
  SCHEMES,
  STEP_RANGE,
  WHOLE,
  WHOLE_FROM_ONE,
  WHOLE_FROM_ZERO,
} from './options.js'
import type { Terminal } from './terminal.js'
import { readVersion } from './version.js'

/** The names of the commands. */
export const COMMAND_NAMES: readonly string[] = ['check', 'function', 'examples', 'doctor', 'bench']

const DEFAULT_BENCH = ['784-256-128-10']
const BENCH_DEVICES = ['cpu', 'software', 'gpu'] as const

const HELP_WIDTH = 100

const HELP_ON_STATUS = `
Exit status:
  0  pass: the gradient is right     3    inconclusive (the report says why)
  1  fail: the gradient is wrong     4    the device is not there, or was lost
  2  bad usage or bad input          70   a bug of gradcheck, please report it
                                     130  interrupted by Ctrl-C`

const HELP_ON_START = `
Start here:
  gradcheck examples          runs four published gradient checks
  gradcheck check --help      what to save from your notebook, and every option
${HELP_ON_STATUS}`

const HELP_ON_CHECK = `
Losses, of m samples:
  binary-cross-entropy   -1/m sum, after sigmoid
  softmax-cross-entropy  -1/m sum, after linear; targets classes, one-hot or
                         probabilities
  half-squared-error     1/2 sum, no mean
  mean-squared-error     mean over all samples and outputs

Saving a gradient in NumPy, parameters W1, b1, … and gradients dW1, db1, …:
  np.savez('model.npz', X=X, Y=Y, cost=J, **parameters, **gradients)
cost, which your code computed, shows whether the network declared was the one
that was run; it may be left out.

Examples:
  gradcheck check model.npz \\
    --activations relu,sigmoid --loss binary-cross-entropy
  gradcheck check model.npz \\
    --activations tanh,linear --loss softmax-cross-entropy --layout rows
  gradcheck check weights.safetensors gradients.safetensors data.npz \\
    --activations relu,linear --loss mean-squared-error --layout pytorch
  gradcheck check data.npz \\
    --forward model.py:forward --backward model.py:backward
  gradcheck check model.npz --json \\
    --activations relu,sigmoid --loss binary-cross-entropy > report.json
${HELP_ON_STATUS}`

const HELP_ON_FUNCTION = `
Formulas have numbers, variables, + - * / ^, comparisons with ? :, the
constants e, pi and tau, and the functions exp log sqrt sin cos tan tanh sinh
cosh atan sigmoid softplus relu abs sign step min max sum and others.

Examples:
  gradcheck function "theta * x" --gradient "x" --at theta=4,x=2
  gradcheck function "x^2 * sin(y)" --gradient "d/dx=2*x*sin(y)" \\
    --gradient "d/dy=x^2*cos(y)" --at x=-3:3:50,y=0:6:50
  gradcheck function "log(1 + exp(x))" --at x=1
  gradcheck function "x^3" --gradient "3*x^2" --at x=1 --steps
${HELP_ON_STATUS}`

/**
 * The command line: commands, options and help. A command's code is loaded only when it runs. Neither help nor
 * an error ends the process: both are thrown as commander's `CommanderError`.
 */
export function createProgram(terminal: Terminal, setStatus: (status: number) => void): Command {
  const program = new Command('gradcheck')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => Math.min(terminal.stdout.columns ?? HELP_WIDTH, HELP_WIDTH),
      getErrHelpWidth: () => Math.min(terminal.stderr.columns ?? HELP_WIDTH, HELP_WIDTH),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .description(
      'Checks hand-written gradients (backpropagation): changes every parameter a little, measures how the loss ' +
        'changes, compares that with your gradient, and says whether it is right and, if not, where it is wrong.',
    )
    .usage('<command> [options]')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .addHelpText('after', HELP_ON_START)

  addCheckOptions(program.command('check').description('check gradients saved in files'))
    .addHelpText('after', HELP_ON_CHECK)
    .action(async (paths: string[], settings: CheckSettings) => {
      const { runCheck } = await import('./check-command.js')
      setStatus(await runCheck(paths, settings, terminal))
    })

  addFunctionOptions(
    program.command('function').description('check the derivative of a function typed as a formula'),
  )
    .addHelpText('after', HELP_ON_FUNCTION)
    .action(async (formula: string, settings: FunctionCommandSettings) => {
      const { runFunction } = await import('./function-command.js')
      setStatus(await runFunction(formula, settings, terminal))
    })

  program
    .command('examples')
    .description('check the cases of four published notebooks, their figures beside ours')
    .option('--json', 'print the figures as JSON')
    .addHelpText('after', '\nExit status: 0 if every case gets the verdict it should, else 1')
    .action(async (settings: { json?: boolean }) => {
      const { runExamples } = await import('./examples-command.js')
      setStatus(await runExamples(settings, terminal))
    })

  program
    .command('doctor')
    .description('show the devices of this machine, what is missing, and which one is used')
    .option('--json', 'print what was found as JSON')
    .action(async (settings: { json?: boolean }) => {
      const { runDoctor } = await import('./doctor-command.js')
      setStatus(await runDoctor(settings, terminal))
    })

  program
    .command('bench')
    .description("measure this machine's devices on random networks")
    .addOption(
      new Option('--network <widths...>', 'features and widths, as in 784-256-128-10').default(
        DEFAULT_BENCH,
        DEFAULT_BENCH.join(' '),
      ),
    )
    .addOption(
      new Option('--activation <name>', 'of every layer but the last')
        .argParser(parseName(findActivation))
        .default('relu', 'relu'),
    )
    .option('--samples <count>', 'samples', parseNumber('--samples', WHOLE_FROM_ONE), 32)
    .addOption(
      new Option('--device <name>', 'cpu, software or gpu (default: every one present)').argParser(
        parseChoice('--device', BENCH_DEVICES),
      ),
    )
    .addOption(
      new Option('--precision <name>', "of adapters' arithmetic: single, extended")
        .argParser(parsePrecision)
        .default('single', 'single'),
    )
    .option(
      '--seconds <number>',
      'time for each row; what takes longer is measured on a sample and scaled',
      parseNumber('--seconds', POSITIVE),
      20,
    )
    .option('--json', 'print the figures as JSON')
    .action(async (settings: BenchSettings) => {
      const { runBench } = await import('./bench-command.js')
      setStatus(await runBench(settings, terminal))
    })

  return program
}

function addCheckOptions(check: Command): Command {
  return check
    .usage('FILE... --forward FILE.py:NAME [options]')
    .argument('[FILE...]', '.npz, .npy or .safetensors; several are merged')
    .optionsGroup('The network:')
    .addOption(
      new Option(
        '--activations <names>',
        `one a layer, the last included, separated by commas: ${ACTIVATION_NAMES.join(' ')}; with a constant in quotes: 'leaky-relu(0.2),elu(1.5),linear'`,
      ).argParser(parseActivations),
    )
    .option('--loss <name>', `${LOSS_NAMES.join(' ')}; with --forward a Python expression`)
    .addOption(
      new Option(
        '--reduction <name>',
        "how the losses of m samples of n outputs add up: mean: sum/m; sum; mean-elements: sum/(mn); weighted-mean: sum over the sum of the weights (default: the loss's own)",
      ).argParser(parseName(findReduction)),
    )
    .option(
      '--ignore-index <label>',
      'samples with this class number do not count, nor does a mean count them (default: none)',
      parseNumber('--ignore-index', WHOLE),
    )
    .addOption(
      new Option(
        '--layout <name>',
        'columns: X (features, samples), W (out, in); rows: X (samples, features), W (in, out); ' +
          'pytorch: X (samples, features), W (out, in) (default: columns)',
      ).argParser(parseName(findLayout)),
    )
    .option('--l2 <lambda>', 'adds λ/(2m) Σ W² to the loss (default: 0)', parseNumber('--l2', NOT_NEGATIVE))
    .optionsGroup('Your own code:')
    .option(
      '--forward <file>',
      'FILE.py:NAME or FILE.ipynb:CLASS.METHOD, which is read and never run; in the place of the network',
    )
    .option(
      '--backward <file>',
      'FILE.py:NAME of the backward pass, which is read too: it makes the gradients, and its wrong lines are named',
    )
    .option(
      '--expression <text>',
      'a forward pass of one line instead of a file: "softmax(Q @ K.T / sqrt(32)) @ V"',
    )
    .option('--with <file...>', 'further files that it imports from')
    .option(
      '--bind <argument=array...>',
      'arguments, attributes or globals under another name than their arrays',
    )
    .option('--set <argument=literal...>', "arguments that are no arrays, such as mode='train'")
    .option('--init <literals>', 'arguments of the constructor of a class: "hidden_dims=[5], reg=0.1"')
    .option(
      '--parameters <patterns>',
      "which arrays are parameters, as in 'W*,b*' (default: those with a gradient beside them)",
    )
    .option(
      '--upstream <name>',
      'what an output that is no number is multiplied by (default: dout, dy, dO or their like)',
    )
    .option(
      '--saved-output <name>',
      'what that output was saved as, to be compared (default: out, y, O or output)',
    )
    .optionsGroup("The arrays' names:")
    .option('--inputs <name>', 'inputs (default: X)')
    .option('--targets <name>', 'targets (default: Y, then y)')
    .option('--sample-weights <name>', "what each sample's loss is multiplied by (default: none)")
    .option('--weights <pattern>', "weights of layer {l} (default: 'W{l}', or PyTorch's names)")
    .option('--biases <pattern>', "biases of layer {l}, may be absent (default: 'b{l}', or PyTorch's names)")
    .option('--gradients <pattern>', "gradient of parameter {name} (default: 'd{name}', or 'grad.{name}')")
    .optionsGroup('The check:')
    .addOption(deviceOption())
    .addOption(
      new Option(
        '--method <name>',
        'difference: exact difference arithmetic; textbook: J(θ+h) − J(θ−h) in float64, slow',
      )
        .argParser(parseChoice('--method', METHODS))
        .default('difference', 'difference'),
    )
    .option(
      '--step <h>',
      'how far a parameter is moved (default: 1e-5 in single precision and by the textbook method, else 1e-6)',
      parseNumber('--step', STEP_RANGE),
    )
    .addOption(schemeOption())
    .addOption(
      new Option(
        '--perturb <what>',
        'parameters: each by itself; outputs: those of every layer before its activation, far fewer; auto: the cheaper',
      )
        .argParser(parseChoice('--perturb', PERTURB_CHOICES))
        .default('auto', 'auto'),
    )
    .option(
      '--memory <mebibytes>',
      "device memory for an adapter's batches, beyond the parameters (default: 256)",
      parseNumber('--memory', POSITIVE),
    )
    .addOption(
      new Option(
        '--precision <name>',
        "of a GPU's arithmetic: single; extended: some 13 digits, slower. The CPU's is always float64",
      )
        .argParser(parsePrecision)
        .default('single', 'single'),
    )
    .option('--steps', 'also show the difference at steps from 1e-1 to 1e-8, beside the textbook method')
    .option(
      '--sample <count>',
      'check this many parameters, chosen at random, some of every tensor (default: all)',
      parseNumber('--sample', WHOLE_FROM_ONE),
    )
    .option(
      '--fast',
      'check by random directions in every tensor and search what disagrees: for large networks',
    )
    .option(
      '--seed <number>',
      'the seed of random choices (default: 0)',
      parseNumber('--seed', WHOLE_FROM_ZERO),
    )
    .option(
      '--tolerance <number>',
      'largest difference that passes (default: by precision)',
      parseNumber('--tolerance', BELOW_ONE),
    )
    .optionsGroup('The report:')
    .addOption(
      new Option('--report <format>', `${REPORT_FORMATS.join(' ')} (default: text)`).argParser(
        parseChoice('--report', REPORT_FORMATS),
      ),
    )
    .option('--json', 'short for --report json')
    .option('--trace', 'check nothing: print which array is what, the loss, and every operation')
    .option('--output <path>', 'write the report to a file instead of stdout')
    .optionsGroup('Options:')
}

function addFunctionOptions(command: Command): Command {
  return command
    .usage('FORMULA --at VALUES [options]')
    .argument('<FORMULA>', 'such as "theta * x"')
    .optionsGroup('The function:')
    .addOption(
      new Option(
        '--at <values>',
        'the variables: theta=4,x=2; from:to:count is a range, and several ranges are a grid',
      ).argParser(parseValues),
    )
    .option(
      '--gradient <formula>',
      "its derivative, or d/dx=FORMULA for each variable (default: mathjs's derivative)",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option('--wrt <names>', 'the variables to derive by (default: those of --gradient, else all)')
    .optionsGroup('The check:')
    .addOption(deviceOption())
    .addOption(schemeOption())
    .option('--step <h>', 'how far a variable is moved (default: 1e-5)', parseNumber('--step', STEP_RANGE))
    .option('--steps', 'show the error against the step, by both schemes and both ways of computing')
    .option(
      '--tolerance <number>',
      'largest difference that passes (default: by precision)',
      parseNumber('--tolerance', BELOW_ONE),
    )
    .optionsGroup('The report:')
    .option('--json', 'print it as JSON')
    .option('--output <path>', 'write it to a file instead of stdout')
    .optionsGroup('Options:')
}

function deviceOption(): Option {
  return new Option(
    '--device <name>',
    'auto: a hardware GPU, else the CPU; gpu; software: a software Vulkan adapter; cpu',
  )
    .argParser(parseChoice('--device', DEVICE_CHOICES))
    .default('auto', 'auto')
}

function schemeOption(): Option {
  return new Option('--scheme <name>', SCHEMES.join(' '))
    .argParser(parseChoice('--scheme', SCHEMES))
    .default('central', 'central')
}
