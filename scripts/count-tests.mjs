// Prints "N passed, N failed" from Vitest's JSON results, as the last line of a CI run. A file that could not be
// loaded counts as a failure; so does a run without results or without tests, and one that ended badly although no
// test failed, as when the browser does not start.
//   node scripts/count-tests.mjs [--under FOLDER] [--status N] RESULTS…
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  options: { under: { type: 'string' }, status: { type: 'string', default: '0' } },
  allowPositionals: true,
})

let passed = 0
let failed = 0
for (const path of positionals) {
  const run = countRun(path)
  passed += run.passed
  failed += run.failed + (run.passed + run.failed === 0 ? 1 : 0)
}
if (failed === 0 && values.status !== '0') failed = 1
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

function countRun(path) {
  let files
  try {
    files = JSON.parse(readFileSync(path, 'utf8')).testResults
  } catch (error) {
    console.error(`no test results: ${error.message}`)
    return { passed: 0, failed: 0 }
  }
  const count = { passed: 0, failed: 0 }
  for (const { name, status, assertionResults } of files) {
    if (values.under !== undefined && !relative(values.under, name).match(/^[^.]/)) continue
    if (status === 'failed' && assertionResults.length === 0) count.failed++
    for (const test of assertionResults) {
      if (test.status === 'passed') count.passed++
      else if (test.status === 'failed') count.failed++
    }
  }
  return count
}
