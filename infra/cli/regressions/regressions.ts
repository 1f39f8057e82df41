import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { RegressionsAnswer } from '../../../query/api.ts'
import { FlamewatchError } from '../../runtime/errors.ts'
import { defineOptions } from '../../runtime/options.ts'
import { serverOptions } from '../../runtime/server-options.ts'
import { askServer } from '../client.ts'
import type { ExitCode } from '../command.ts'
import { defineCommand, EXIT } from '../command.ts'
import { formatJunit } from './junit.ts'
import { formatMarkdown } from './markdown.ts'
import { formatSarif } from './sarif.ts'
import { formatTable } from './table.ts'

const share = z
  .string()
  .regex(/^\d{1,2}(\.\d{1,9})?%$|^0?\.\d{1,9}$/, 'expected a share such as 0.5% or 0.005')
  .transform((text) => String(text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)))

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const

const duration = z
  .string()
  .regex(/^\d{1,4}[smh]$/, 'expected a duration such as 15m')
  .transform((text) => Number(text.slice(0, -1)) * UNITS_MS[text.at(-1) as keyof typeof UNITS_MS])

const FORMATS = ['text', 'json', 'junit', 'sarif', 'markdown'] as const

const regressionsOptions = defineOptions({
  ...serverOptions,
  service: { flag: '--service <name>', schema: z.string().min(1), help: 'The service.' },
  baseline: {
    flag: '--baseline <version>',
    schema: z.string().optional(),
    help: 'Version to compare with, the one before the candidate if not given.',
  },
  candidate: {
    flag: '--candidate <version>',
    schema: z.string().optional(),
    help: 'Version in question, the newest if not given.',
  },
  type: {
    flag: '--type <type>',
    schema: z.string().optional(),
    help: 'Profile type, CPU if not given.',
  },
  from: {
    flag: '--from <time>',
    schema: z.string().optional(),
    help: 'Start: RFC 3339, unix ms, or now-6h; a day ago if not given.',
  },
  to: { flag: '--to <time>', schema: z.string().optional(), help: 'End, now if not given.' },
  failOn: {
    flag: '--fail-on <share>',
    schema: share,
    default: '0.5%',
    help: 'The change that is too much, of all the service uses.',
  },
  minHosts: {
    flag: '--min-hosts <count>',
    schema: z.string().regex(/^[2-9]$|^[1-9]\d{1,2}$/, 'expected 2 to 999'),
    default: '5',
    help: 'Effective hosts each version needs for a verdict.',
  },
  clusterBy: {
    flag: '--cluster-by <label>',
    schema: z.string().default('host'),
    help: 'Label whose values are the replicates, host if not given.',
  },
  wait: {
    flag: '--wait <duration>',
    schema: duration.optional(),
    help: 'Asks again until the verdict is not inconclusive, for so long.',
  },
  inconclusive: {
    flag: '--inconclusive <how>',
    schema: z.enum(['pass', 'fail', 'tell'], { error: 'expected pass, fail or tell' }),
    default: 'tell',
    help: 'How to end when it cannot be told: with 0, with 1, or with 3.',
  },
  format: {
    flag: '--format <format>',
    schema: z.enum(FORMATS, { error: `expected one of ${FORMATS.join(', ')}` }),
    default: 'text',
    help: 'A table, JSON as the API answers, or a report for CI: junit, sarif, markdown.',
  },
})

type Answer = { readonly answer: RegressionsAnswer; readonly text: string }

// Each look could alarm by chance, so their number is settled before the first.
const LEAST_PAUSE_MS = 15_000
const MOST_LOOKS = 20

/** `flamewatch regressions`: the verdict on a release, for people and for CI. */
export const command = defineCommand({
  options: regressionsOptions,
  notes: [
    'Ends with 0 if it is ok, 1 if it got slower, 2 if it could not be asked, 3 if it cannot be told.',
    'For example: flamewatch regressions --service checkout --candidate v2 --fail-on 0.5% --wait 15m',
  ].join('\n'),
  async run({ options, print, tell }) {
    const { wait = 0 } = options
    const pauseMs = Math.max(LEAST_PAUSE_MS, Math.ceil(wait / MOST_LOOKS))
    const looks = 1 + Math.floor(wait / pauseMs)
    let last: Answer | undefined
    for (let look = 1; look <= looks; look++) {
      last = await ask(look === looks)
      if (last !== undefined && last.answer.verdict !== 'inconclusive') break
      if (look === looks) break
      tell(
        `${last?.answer.reason ?? 'The candidate was not seen yet.'} Asking again in ${Math.round(pauseMs / 1000)} s, ${looks - look} times more.`,
      )
      await sleep(pauseMs)
    }
    if (last === undefined) return exitOf('inconclusive', options.inconclusive)
    for (const line of render(last, options.format, options.server)) print(line)
    return exitOf(last.answer.verdict, options.inconclusive)

    async function ask(isLast: boolean): Promise<Answer | undefined> {
      try {
        const text = await askServer(options, '/api/v1/regressions', {
          service: options.service,
          baseline: options.baseline,
          candidate: options.candidate,
          type: options.type,
          from: options.from,
          to: options.to,
          fail_on: options.failOn,
          min_hosts: options.minHosts,
          cluster_by: options.clusterBy,
          looks: String(looks),
        })
        // The server is of this release, or says otherwise by what it refuses.
        return { text, answer: JSON.parse(text) as RegressionsAnswer }
      } catch (error) {
        // While waiting, a candidate that nobody runs yet may still come.
        const absent = error instanceof FlamewatchError && error.status === 404
        if (!absent || isLast) throw error
        return undefined
      }
    }
  },
})

function render(
  { answer, text }: Answer,
  format: (typeof FORMATS)[number],
  server: URL,
): readonly string[] {
  switch (format) {
    case 'text':
      return formatTable(answer, server)
    case 'json':
      return [text]
    case 'junit':
      return formatJunit(answer, server)
    case 'sarif':
      return [formatSarif(answer, server)]
    case 'markdown':
      return formatMarkdown(answer, server)
  }
}

function exitOf(
  verdict: RegressionsAnswer['verdict'],
  inconclusive: 'pass' | 'fail' | 'tell',
): ExitCode {
  if (verdict === 'ok') return EXIT.ok
  if (verdict === 'regression') return EXIT.badNews
  return { pass: EXIT.ok, fail: EXIT.badNews, tell: EXIT.inconclusive }[inconclusive]
}
