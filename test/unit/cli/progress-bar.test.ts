import { describe, expect, it } from 'vitest'
import { ProgressBar } from '../../../src/cli/progress-bar.js'
import { RecordedStream } from '../../support/fake-terminal.js'

/** A bar on a fake terminal whose clock is set by hand. */
function createBar(stream = new RecordedStream({ isTTY: true })) {
  const clock = { milliseconds: 0 }
  const bar = new ProgressBar(stream, () => clock.milliseconds)
  const updateAt = (milliseconds: number, done: number, phase = 'perturbing') => {
    clock.milliseconds = milliseconds
    bar.update({ done, total: 61481, phase })
  }
  return { bar, stream, updateAt }
}

describe('ProgressBar', () => {
  it('is silent for the first half second', () => {
    const { bar, stream, updateAt } = createBar()
    updateAt(0, 0)
    updateAt(499, 20000)
    bar.clear()
    expect(stream.text).toBe('')
  })

  it('shows the share, the parameters, the rate and the time left', () => {
    const { stream, updateAt } = createBar()
    updateAt(0, 0)
    updateAt(1000, 12296)
    expect(stream.text).toContain(' 19 % ██')
    expect(stream.text).toContain('12,296 of 61,481 parameters, 12,296/s, 4 s left (perturbing)')
  })

  it('is silent where stderr is no terminal', () => {
    const { bar, stream, updateAt } = createBar(new RecordedStream())
    updateAt(0, 0)
    updateAt(1000, 100)
    bar.clear()
    expect(stream.text).toBe('')
  })

  it('redraws in place, and not more than ten times a second', () => {
    const { stream, updateAt } = createBar()
    updateAt(0, 0)
    for (let milliseconds = 1000; milliseconds < 2000; milliseconds += 10)
      updateAt(milliseconds, milliseconds)
    expect(stream.text.split('\r').length - 1).toBe(10)
    expect(stream.text).not.toContain('\n')
  })

  it('clears its line at the end', () => {
    const { bar, stream, updateAt } = createBar()
    updateAt(1000, 100)
    bar.clear()
    expect(stream.text.endsWith('\r\x1b[K')).toBe(true)
  })

  it('counts the rate anew in a new phase', () => {
    const { stream, updateAt } = createBar()
    updateAt(0, 0)
    updateAt(1000, 61481, 'cross-validating')
    expect(stream.text).toContain('100 %')
    expect(stream.text).not.toContain('/s')
  })

  it('counts what it is told to count', () => {
    const stream = new RecordedStream({ isTTY: true })
    let now = 0
    const bar = new ProgressBar(stream, () => now)
    now = 1000
    bar.update({ done: 1, total: 1000, phase: 'checking', noun: 'point' })
    expect(stream.text).toContain('1 of 1,000 points (checking)')
  })

  it('fits the terminal', () => {
    const { stream, updateAt } = createBar(new RecordedStream({ isTTY: true, columns: 40 }))
    updateAt(0, 0)
    updateAt(1000, 12296)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own escapes do not count
    expect(stream.text.replaceAll(/\r|\x1b\[K/g, '').length).toBeLessThan(40)
  })
})
