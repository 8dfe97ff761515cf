// Prints "N passed, N failed" from Vitest's JSON results, as the last line of a CI run. A file that could not be
// loaded counts as a failure; so does a run without results, and one that ended badly although no test failed, as
// when the browser does not start.
import { readFileSync } from 'node:fs'

let passed = 0
let failed = 1
try {
  const results = JSON.parse(readFileSync(process.argv[2], 'utf8'))
  const unloaded = results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  passed = results.numPassedTests
  failed = results.numFailedTests + unloaded.length
  if (failed === 0 && process.argv[3] !== '0') failed = 1
} catch (error) {
  console.error(`no test results: ${error.message}`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
