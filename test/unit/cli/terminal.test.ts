import { describe, expect, it } from 'vitest'
import {
  chooseWidth,
  type OutputStream,
  shouldColor,
  writeAll,
  writeNotice,
} from '../../../src/cli/terminal.js'
import { RecordedStream } from '../../support/fake-terminal.js'

const TERMINAL = new RecordedStream({ isTTY: true })
const PIPE = new RecordedStream()

/** A stream whose writes fail as a closed pipe's or a full disk's do. */
const createBrokenStream = (code: string): OutputStream => ({
  write(_, callback) {
    callback?.(Object.assign(new Error(`${code}: write`), { code }))
    return false
  },
})

describe('colour', () => {
  it.each([
    ['a terminal', TERMINAL, {}, true],
    ['a pipe', PIPE, {}, false],
    ['a terminal with NO_COLOR', TERMINAL, { NO_COLOR: '1' }, false],
    ['a terminal with an empty NO_COLOR', TERMINAL, { NO_COLOR: '' }, true],
    ['a terminal that cannot', TERMINAL, { TERM: 'dumb' }, false],
    ['a pipe with FORCE_COLOR', PIPE, { FORCE_COLOR: '1' }, true],
    ['a terminal with FORCE_COLOR=0', TERMINAL, { FORCE_COLOR: '0' }, false],
  ])('on %s', (_, stream, environment, expected) => {
    expect(shouldColor(stream, environment)).toBe(expected)
  })
})

describe('width', () => {
  it.each([
    ['a pipe', PIPE, 80],
    ['a wide terminal', new RecordedStream({ isTTY: true, columns: 250 }), 100],
    ['a narrow terminal', new RecordedStream({ isTTY: true, columns: 40 }), 60],
    ['a terminal of 90', new RecordedStream({ isTTY: true, columns: 90 }), 90],
  ])('of %s', (_, stream, expected) => {
    expect(chooseWidth(stream)).toBe(expected)
  })
})

describe('writing', () => {
  it('ends quietly when the reader has gone', async () => {
    await expect(writeAll(createBrokenStream('EPIPE'), 'text')).resolves.toBeUndefined()
  })

  it('reports a full disk', async () => {
    await expect(writeAll(createBrokenStream('ENOSPC'), 'text')).rejects.toThrow('cannot be written: ENOSPC')
  })

  it('does not mind a notice that cannot be written', async () => {
    await expect(writeNotice(createBrokenStream('ENOSPC'), 'text')).resolves.toBeUndefined()
  })
})
