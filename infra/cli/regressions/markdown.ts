import type { RegressionsAnswer } from '../../../query/api.ts'
import { describeDesign, formatShare, HEADLINES, linkTo } from './words.ts'

/** Lines of a comment on a change. */
export function formatMarkdown(answer: RegressionsAnswer, server: URL): string[] {
  const { regressions, service, baseline, candidate, verdict, reason } = answer
  const rows = regressions.map((row) => {
    const interval = row.interval.map((edge) => formatShare(edge, true)).join(' to ')
    const link = `[${code(row.function.name)}](${linkTo(row, server)})`
    return `| ${link} | ${formatShare(row.baseline)} | ${formatShare(row.candidate)} | ${formatShare(row.delta, true)} | ${interval} |`
  })
  return [
    `### ${HEADLINES[verdict]}: ${plain(service)} ${plain(baseline.version)} → ${plain(candidate.version)}`,
    '',
    plain(reason),
    '',
    ...(rows.length === 0
      ? []
      : [
          '| function | before | after | change | 95 % sure of |',
          '| --- | --- | --- | --- | --- |',
          ...rows,
          '',
        ]),
    ...[describeDesign(answer), ...answer.warnings].map(plain),
  ]
}

// Names come from profiled programs: none may become markup or end a cell.
function plain(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd').replace(/[\\`*_{}[\]<>#|~]/g, (char) => `\\${char}`)
}

function code(text: string): string {
  const inside = text.replace(/\p{C}/gu, '\ufffd').replace(/[`|[\]]/g, ' ')
  return `\`${inside}\``
}
