// node .ci/summary.mjs <failed steps> <vitest json>...: sums the runs, and fails when anything failed or nothing ran.
import { existsSync, readFileSync } from 'node:fs'

const [steps, ...files] = process.argv.slice(2)
let passed = 0
let failed = 0
let missing = 0
for (const file of files) {
  if (!existsSync(file)) {
    console.log(`${file}: no tests ran`)
    missing++
    continue
  }
  const run = JSON.parse(readFileSync(file, 'utf8'))
  // A file that cannot be loaded fails as a whole and has no tests to count.
  const broken = run.testResults.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0)
  passed += run.numPassedTests
  failed += run.numFailedTests + broken.length
}
if (Number(steps) > 0) console.log(`${steps} step${steps === '1' ? '' : 's'} failed (see FAILED above)`)
if (Number(steps) > 0 || missing > 0 || failed > 0 || passed === 0) process.exitCode = 1
console.log(`${passed} passed, ${failed} failed`)
