import { describe, expect, it } from 'vitest'
import { runCli } from '../support/run-cli.js'

const run = (...args: string[]) => runCli(['function', ...args])
const CPU = ['--device', 'cpu']

describe('gradcheck function', () => {
  it('passes, fails and cannot tell, as its exit status says', async () => {
    const pass = await run('theta * x', '--gradient', 'x', '--at', 'theta=4,x=2', '--wrt', 'theta', ...CPU)
    expect(pass.status, pass.stderr).toBe(0)
    expect(pass.stdout).toMatch(/^PASS {2}the derivative is right: difference 0 ≤ 1e-7/)
    expect((await run('x^2', '--gradient', 'x', '--at', 'x=3', ...CPU)).status).toBe(1)
    expect((await run('sqrt(x)', '--at', 'x=0', ...CPU)).status).toBe(3)
  })

  it('checks a grid in WGSL on the software adapter', async () => {
    const options = ['--at', 'theta=-3:3:1000', '--device', 'software', '--json']
    const { status, stdout, stderr } = await run('tanh(theta)^2', ...options)
    expect(status, stderr).toBe(0)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      schema: 1,
      verdict: 'pass',
      precision: 'single',
      points: { total: 1000, checked: 1000 },
      device: { evaluator: 'webgpu', software: true },
      derivatives: [{ variable: 'theta', source: 'mathjs' }],
    })
    expect(report.difference).toBeLessThan(1e-6)
  })

  it('takes several gradients, a range with negative numbers, and a scheme', async () => {
    const gradients = ['--gradient', 'd/dx=2*x*y', '--gradient', 'd/dy=x^2']
    const { status, stdout } = await run(
      'x^2*y',
      ...gradients,
      '--at',
      'x=-1:-2:3,y=-4',
      '--scheme',
      'forward',
      ...CPU,
    )
    expect(status).toBe(0)
    expect(stdout).toMatch(/d\/dx +2\*x\*y +3 .*\n +d\/dy +x\^2 +3 /)
  })

  it('shows the error against the step', async () => {
    const { status, stdout } = await run('exp(x)', '--at', 'x=1', '--steps', ...CPU)
    expect(status).toBe(0)
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /central: the textbook's error falls as h\^2\.00 and rises again as h\^-/,
    )
  })
})

describe('bad input ends with status 2 and a message with the place', () => {
  it.each<[string[], RegExp]>([
    [['sin(x', '--at', 'x=1'], /^gradcheck: .*expected \(character 6\)\n {2}sin\(x\n {7}\^\n$/],
    [
      ['2*sinn(x)', '--at', 'x=1'],
      /no function "sinn"; did you mean "sin"\? .*\n {2}2\*sinn\(x\)\n {4}\^\n {2}fix: /,
    ],
    [['import("fs")', '--at', 'x=1'], /no function "import"/],
    [['x = 3', '--at', 'x=1'], /an assignment has no place/],
    [['f(x) = x', '--at', 'x=1'], /the definition of a function has no place/],
    [['theta*x', '--at', 'x=1'], /"theta" has no value/],
    [['x', '--at', 'x=1', '--gradient', 'd/dy=1'], /no variable "y"/],
    [['log(x)', '--at', 'x=-1'], /log\(x\) is not defined at x = -1: its argument is -1, which is negative/],
    [['x', '--at', 'x=one'], /"one", which is no number/],
    [['x'], /--at is needed/],
    [[], /missing required argument/],
    [['x'.repeat(20000), '--at', 'x=1'], /20000 characters/],
    [['('.repeat(5000), '--at', 'x=1'], /200 levels/],
    [['x', '--at', 'x=1', '--gradiant', '1'], /did you mean "--gradient"/],
  ])('%j', async (args, message) => {
    const { status, stdout, stderr } = await run(...args, ...(args.length > 0 ? CPU : []))
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr.replace(/^device: .*\n/, '')).toMatch(message)
    expect(stderr).not.toContain('bug in gradcheck')
  })
})
