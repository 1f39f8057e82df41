import type { AuditAnswer } from '../../query/api.ts'
import { align, clean } from './terminal.ts'

type Collector = AuditAnswer['collectors'][number]

const COLUMNS: Readonly<Record<string, (one: Collector) => number>> = {
  sent: ({ batches }) => batches.sent,
  stored: ({ batches }) => batches.stored,
  spooled: ({ batches }) => batches.spooled,
  missing: ({ batches }) => batches.missing,
  profiles: ({ profiles }) => profiles.sent,
  lacking: ({ profiles }) => profiles.lacking,
  doubled: ({ profiles }) => profiles.doubled,
  taken: ({ account }) => account.taken,
  idle: ({ account }) => account.idle,
  kept: ({ account }) => account.kept,
  dropped: ({ account }) => sum(Object.values(account.dropped)),
}

/** Lines: a row per collector and one for all, the drops by reason, and what is wrong. */
export function formatAudit(answer: AuditAnswer): string[] {
  const { collectors, from, to } = answer
  if (collectors.length === 0)
    return [`No collector sent a batch from ${from} to ${to}.`, ...describeFaults(answer)]
  const values = Object.values(COLUMNS)
  const rows = collectors.map((one) => [
    ...values.map((value) => String(value(one))),
    clean(`${one.host}  ${one.collector}`),
  ])
  const totals = values.map((value) => String(sum(collectors.map(value))))
  return [
    `Batches, profiles and samples from ${from} to ${to}`,
    '',
    ...align([[...Object.keys(COLUMNS), 'host and collector'], ...rows, [...totals, 'all']]),
    '',
    ...describeDrops(collectors),
    ...describeFaults(answer),
  ]
}

function describeDrops(collectors: readonly Collector[]): string[] {
  const drops = new Map<string, number>()
  for (const { account } of collectors)
    for (const [reason, samples] of Object.entries(account.dropped))
      drops.set(reason, (drops.get(reason) ?? 0) + samples)
  const lines = [...drops].map(([reason, samples]) => `dropped: ${samples} samples, ${reason}`)
  return lines.length > 0 ? [...lines, ''] : []
}

function describeFaults(answer: AuditAnswer): string[] {
  if (answer.fine) return ['Nothing is missing, nothing is doubled.']
  const lines: string[] = []
  for (const one of answer.collectors) {
    const { batches, profiles, stacks, account } = one
    const say = (count: number, words: string) => {
      if (count !== 0) lines.push(clean(`${one.host}: ${count} ${words}`))
    }
    say(batches.missing, 'batches never arrived: lost, or given up by its spool (see dropped)')
    say(profiles.lacking, 'profiles of stored batches are not in the store')
    say(profiles.doubled, 'profiles are in the store once more than they were sent')
    if (profiles.lacking === 0)
      say(stacks.lacking, 'stacks of stored profiles are not in the store')
    if (profiles.doubled === 0) say(stacks.doubled, 'stacks are in the store that were not sent')
    say(account.unaccounted, 'samples are in no column of the account')
  }
  for (const { service, profiles, sums } of answer.unequalSums)
    lines.push(clean(`service ${service}: profiles sum up to ${profiles}, ten minutes to ${sums}`))
  return lines
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
