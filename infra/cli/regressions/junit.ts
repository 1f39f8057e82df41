import type { RegressionsAnswer } from '../../../query/api.ts'
import { describeChange, describeDesign, linkTo } from './words.ts'

/** Lines of a JUnit report: a failed case for each finding, a skipped one where it cannot be told. */
export function formatJunit(answer: RegressionsAnswer, server: URL): string[] {
  const { service, baseline, candidate, regressions, thresholds, verdict, reason } = answer
  const failing = regressions.filter(({ delta }) => delta >= thresholds.failOn)
  const suite = `${service} ${baseline.version} -> ${candidate.version}`
  const cases =
    verdict === 'regression'
      ? failing.map((row) => [
          `    <testcase classname=${attribute(service)} name=${attribute(row.function.name)}>`,
          `      <failure message=${attribute(describeChange(row))}>${text(linkTo(row, server))}</failure>`,
          '    </testcase>',
        ])
      : [
          verdict === 'ok'
            ? [`    <testcase classname=${attribute(service)} name="no regression"/>`]
            : [
                `    <testcase classname=${attribute(service)} name="no regression">`,
                `      <skipped message=${attribute(reason)}/>`,
                '    </testcase>',
              ],
        ]
  const counts = `tests="${cases.length}" failures="${verdict === 'regression' ? cases.length : 0}" skipped="${verdict === 'inconclusive' ? 1 : 0}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name=${attribute(suite)} ${counts}>`,
    ...cases.flat(),
    `    <system-out>${text(describeDesign(answer))}</system-out>`,
    '  </testsuite>',
    '</testsuites>',
  ]
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

// XML 1.0 has no place for control characters and lone surrogates, escaped or not.
function text(words: string): string {
  return words.replace(/\p{C}/gu, '\ufffd').replace(/[&<>"]/g, (char) => ENTITIES[char] as string)
}

function attribute(words: string): string {
  return `"${text(words)}"`
}
