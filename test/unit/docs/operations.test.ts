import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { OPERATIONS } from '../../../src/operations/table.js'
import { COMPOSITIONS } from '../../../src/program/compositions.js'

const page = readFileSync(fileURLToPath(new URL('../../../docs/operations.md', import.meta.url)), 'utf8')
const named = new Set([...page.matchAll(/`([A-Za-z0-9]+)[`(]/g)].map(([, name]) => name))
const NAMES = [...Object.keys(OPERATIONS), ...Object.keys(COMPOSITIONS), 'concatenate', 'stack', 'einsum']

it.each(NAMES)('the page on operations has %s', (name) => {
  expect(named).toContain(name)
})
