import { readFileSync } from 'node:fs'
import { z } from 'zod'

// `node tests/count-tests.ts REPORT`: prints the counts of a Vitest JSON report alone on a line, and
// ends with 1 when a test failed or none ran. A file that could not be loaded counts as one failure:
// its tests are in no count.

const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
})

function readReport(path: string): z.infer<typeof Report> | null {
  try {
    return Report.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return null
  }
}

const report = readReport(process.argv[2] ?? '')
if (report === null) {
  // Vitest did not get as far as a report.
  process.stdout.write('0 passed, 1 failed\n')
  process.exitCode = 1
} else {
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length
  const passed = report.numPassedTests
  const failed = report.numFailedTests + broken
  const skipped = report.numPendingTests + report.numTodoTests
  process.stdout.write(
    `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
  )
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}
