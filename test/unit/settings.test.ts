import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeField } from '../../demo/src/say-fields.js'
import { sayOptions, writeOption } from '../../src/cli/say-options.js'
import { sayOtherwise, sayReportOtherwise, setting } from '../../src/settings.js'

describe('a setting in a sentence', () => {
  it.each([
    [setting('l2', 0.7), '`l2: 0.7`', '--l2 0.7', '“L2 λ” 0.7'],
    [setting('layout'), '`layout`', '--layout', '“Layout”'],
    [setting('ignoreIndex', -100), '`ignoreIndex: -100`', '--ignore-index -100', '“Class to ignore” -100'],
    [setting('weights', "'W{l}'"), "`weights: 'W{l}'`", "--weights 'W{l}'", '“Weights” W{l}'],
    [
      setting('activations', 'elu(1.5),tanh'),
      '`activations: elu(1.5),tanh`',
      "--activations 'elu(1.5),tanh'",
      '“Activation” elu(1.5),tanh',
    ],
  ])('is said as the reader makes it: %s', (text, inCode, asOption, onPage) => {
    expect(text).toBe(inCode)
    expect(sayOptions(`set ${text}, then go on`)).toBe(`set ${asOption}, then go on`)
    expect(sayOtherwise(text, writeField)).toBe(onPage)
  })

  it('leaves other words in such quotes alone', () => {
    for (const text of ['save it as `cost`', 'an array `W1: 3`', '`', '``'])
      expect(sayOptions(text)).toBe(text)
  })

  it('is found everywhere in a report', () => {
    const report = {
      cost: 1,
      setup: [{ message: setting('l2'), suspects: [{ fix: setting('loss', 'x'), gradientDifference: 2 }] }],
      diagnosis: [{ message: 'as it is', tensors: ['W1'] }],
      notices: [setting('step', 1e-3)],
    }
    expect(sayReportOtherwise(report, writeOption)).toEqual({
      cost: 1,
      setup: [{ message: '--l2', suspects: [{ fix: '--loss x', gradientDifference: 2 }] }],
      diagnosis: [{ message: 'as it is', tensors: ['W1'] }],
      notices: ['--step 0.001'],
    })
  })
})

describe('the library and the page', () => {
  const listFiles = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name))

  it('speak of no command-line option', () => {
    const files = listFiles('src').filter((name) => !name.startsWith(join('src', 'cli')))
    expect(files.length).toBeGreaterThan(150)
    const speaking = files.flatMap((name) =>
      readFileSync(name, 'utf8')
        .split('\n')
        // comments may; npm has options of its own
        .filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line) && !line.includes('npm '))
        .filter((line) => /['"`\s(]--[a-z]/.test(line))
        .map((line) => `${name}: ${line.trim()}`),
    )
    expect(speaking).toEqual([])
  })
})
