import { describe, expect, it } from 'vitest'
import { suggestChoice, suggestOption } from '../../../src/cli/option-words.js'
import { DEVICE_CHOICES, METHODS, SCHEMES } from '../../../src/cli/options.js'
import { createProgram } from '../../../src/cli/program.js'
import { proposeNumber } from '../../../src/cli/propose-number.js'
import { runCommandLine } from '../../../src/cli/run-command-line.js'
import { createFakeTerminal } from '../../support/fake-terminal.js'

const optionsOf = (command: string) =>
  createProgram(createFakeTerminal(), () => {})
    .commands.find((each) => each.name() === command)!
    .options.flatMap(({ long }) => long ?? [])

describe('an unknown option of check', () => {
  it.each(
    Object.entries({
      '--step': '--epsilon --eps --delta --stepsize --step-size --h --EPS --epsilon=1e-7 --stpe',
      '--tolerance': '--tol --rtol --atol --threshold --tolerence --tolerance_',
      '--l2': '--lambda --lambd --reg --weight-decay --weight_decay --l2-reg --L2 --regularization',
      '--activations': '--activation --act --Activations --nonlinearity',
      '--loss': '--criterion --cost --objective --loss-fn --los',
      '--inputs': '--x --X --data --input --features',
      '--targets': '--y --Y --labels --label --target',
      '--weights': '--W --weight --params --kernels',
      '--biases': '--bias --b',
      '--gradients': '--grad --grads --gradient --dw',
      '--layout': '--order --data-format --batch-first',
      '--device gpu': '--gpu --cuda --webgpu',
      '--device cpu': '--cpu --float64 --double',
      '--scheme central': '--central --two-sided --centered',
      '--scheme forward': '--forward --one-sided',
      '--sample': '--samples --subset --n',
      '--seed': '--random-seed --random_state',
      '--memory': '--mem --batch-size',
      '--output': '--out --outfile -o',
    }).flatMap(([meant, typed]) => typed.split(' ').map((word) => [word, meant])),
  )('%s: %s is meant', (typed, meant) => {
    expect(suggestOption(typed, optionsOf('check'))).toBe(`; did you mean "${meant}"?`)
  })

  it.each(['--foo', '--qqqq', '-z', '--zz'])('%s stands for none', (typed) => {
    expect(suggestOption(typed, optionsOf('check'))).toBe('')
  })

  it('is named with the nearest of the command that was called', async () => {
    const run = async (...args: string[]) => {
      const terminal = createFakeTerminal()
      const status = await runCommandLine(args, terminal)
      return { status, stderr: terminal.stderr.text }
    }
    expect(await run('check', 'x.npz', '--epsilon', '1e-7')).toEqual({
      status: 2,
      stderr: expect.stringContaining('unknown option "--epsilon"; did you mean "--step"?'),
    })
    expect((await run('function', 'x^2', '--derivative', '2*x')).stderr).toContain('mean "--gradient"?')
    expect((await run('bench', '--widths', '3-4')).stderr).toContain('mean "--network"?')
    expect((await run('--verson')).stderr).toContain('mean "--version"?')
    // no other command's
    expect((await run('doctor', '--epsilon')).stderr).not.toContain('did you mean')
  })
})

describe('a value that an option does not take', () => {
  it.each([
    ['--device', 'cuda', DEVICE_CHOICES, 'gpu'],
    ['--device', 'SwiftShader', DEVICE_CHOICES, 'software'],
    ['--device', 'double', DEVICE_CHOICES, 'cpu'],
    ['--scheme', 'two-sided', SCHEMES, 'central'],
    ['--scheme', 'one-sided', SCHEMES, 'forward'],
    ['--scheme', 'centered', SCHEMES, 'central'],
    ['--method', 'naive', METHODS, 'textbook'],
    ['--method', 'textbok', METHODS, 'textbook'],
  ] as const)('%s %s', (option, typed, choices, meant) => {
    expect(suggestChoice(option, typed, choices)).toBe(`; did you mean "${meant}"?`)
  })
})

describe('a number written otherwise', () => {
  it.each([
    ['0,7', '0.7'],
    [' 0,25 ', '0.25'],
    ['1,5e-7', '1.5e-7'],
    ['-0,5', '-0.5'],
    ['10^-7', '1e-7'],
    ['10**-7', '1e-7'],
    ['10^{-7}', '1e-7'],
    ['2*10^-3', '0.002'],
    ['1x10^-7', '1e-7'],
    ['3·10^-3', '0.003'],
    ['5%', '0.05'],
    ['0,5 %', '0.005'],
    ['1/1000', '0.001'],
    ['1_000', '1000'],
    ['1e−7', '1e-7'],
    ['1e-7f', '1e-7'],
    ["'0.5'", '0.5'],
  ])('%s is %s', (text, number) => {
    expect(proposeNumber(text)).toBe(number)
  })

  it.each(['', 'x', '1,2,3', '1.2.3', '0x10', 'one', '1 2', '1,000', '1e999', '1/0'])(
    '%s is none',
    (text) => {
      expect(proposeNumber(text)).toBeUndefined()
    },
  )

  it.each([
    [['--l2', '0,7'], 'fix: write --l2 0.7'],
    [['--step', '10^-6'], 'fix: write --step 1e-6'],
    [['--sample', '1,000'], 'fix: write --sample 1000'],
    [['--l2', '0,001'], 'fix: write --l2 0.001'],
    [['--activations', 'relu relu sigmoid'], 'fix: write --activations relu,relu,sigmoid'],
    [['--activations', "['relu','sigmoid']"], 'fix: write --activations relu,sigmoid'],
    [['--activations', 'relu;leaky-relu'], 'fix: write --activations relu,leaky-relu'],
    [['--activations', 'relu->relu->tanh'], 'fix: write --activations relu,relu,tanh'],
    [['--activations', 'relu;lrelu'], 'unknown activation'],
  ])('is proposed: %s', async (args, message) => {
    const terminal = createFakeTerminal()
    expect(await runCommandLine(['check', 'x.npz', ...args], terminal)).toBe(2)
    expect(terminal.stderr.text).toContain(message)
  })

  it('is not proposed where the option does not take it', async () => {
    const terminal = createFakeTerminal()
    await runCommandLine(['check', 'x.npz', '--step', '10^5'], terminal)
    expect(terminal.stderr.text).not.toContain('fix:')
  })

  it('is not proposed where it may be 1 or 1000', async () => {
    const terminal = createFakeTerminal()
    await runCommandLine(['check', 'x.npz', '--l2', '1,000'], terminal)
    expect(terminal.stderr.text).not.toContain('fix:')
  })
})
