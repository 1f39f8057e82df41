import type { RegressionRow, RegressionsAnswer } from '../../../query/api.ts'
import { describeChange, linkTo } from './words.ts'

/** A log of SARIF 2.1.0 (OASIS), one result for each finding. */
export function formatSarif(answer: RegressionsAnswer, server: URL): string {
  const results = answer.regressions.map((row) => ({
    ruleId: 'regression',
    level: row.delta >= answer.thresholds.failOn ? 'error' : 'warning',
    message: { text: describeChange(row) },
    locations: [locationOf(row)],
    hostedViewerUri: linkTo(row, server),
    partialFingerprints: { 'function/v1': row.function.id },
  }))
  const rule = {
    id: 'regression',
    shortDescription: {
      text: 'The function takes more of its service than in the version before.',
    },
  }
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'flamewatch', rules: [rule] } },
        properties: { verdict: answer.verdict, reason: answer.reason, design: answer.design },
        results,
      },
    ],
  }
  return JSON.stringify(log, null, 2)
}

function locationOf({ function: fn }: RegressionRow) {
  const logical = [{ name: fn.name, kind: 'function' }]
  if (fn.file === '') return { logicalLocations: logical }
  const uri = encodeURI(fn.file.replace(/^\/+/, ''))
  return { physicalLocation: { artifactLocation: { uri } }, logicalLocations: logical }
}
