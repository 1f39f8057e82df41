import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type Labels, RESERVED_LABELS } from '../contract/labels.ts'
import { errorMessage } from '../runtime/errors.ts'
import { defineOptions } from '../runtime/options.ts'
import { serverOptions } from '../runtime/server-options.ts'
import { defineCommand, EXIT, type ExitCode } from './command.ts'

export type PushOptions = {
  readonly server: URL
  readonly token?: string | undefined
  /** Of every sample of every file; `service` among them unless the samples name theirs. */
  readonly labels: Labels
  /** As POST /api/v1/profiles reads them. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** One line for each file that is stored. */
  readonly print: (line: string) => void
  /** What went wrong, and waiting for the server. */
  readonly tell: (line: string) => void
  /** For tests. */
  readonly stdin?: NodeJS.ReadableStream
  readonly wait?: (ms: number) => Promise<unknown>
}

/** What became of one file; `later` may go better in a moment. */
type Outcome =
  | { readonly kind: 'stored'; readonly text: string }
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'later'; readonly text: string; readonly afterMs: number }

// Half a minute in all: a server that restarts is back by then.
const WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000]
// The server, or a proxy before it, cannot now.
const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504])
const MAX_WAIT_MS = 30_000
const ANSWER_TIMEOUT_MS = 120_000

/**
 * Sends pprof files (`-` is stdin) to a server, one after the other; what one meets stops no other.
 * Sending a file again changes nothing. Answers 0 when all are stored, else 2.
 */
export async function push(files: readonly string[], options: PushOptions): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok
  for (const file of files) {
    const name = file === '-' ? 'stdin' : file
    const outcome = await pushFile(file, name, options)
    if (outcome.kind === 'stored') options.print(`${name}: ${outcome.text}`)
    else {
      options.tell(`${name}: ${outcome.text}`)
      exitCode = EXIT.failure
    }
  }
  return exitCode
}

async function pushFile(file: string, name: string, options: PushOptions): Promise<Outcome> {
  let body: Uint8Array<ArrayBuffer>
  try {
    body = new Uint8Array(
      file === '-' ? await buffer(options.stdin ?? process.stdin) : await readFile(file),
    )
  } catch (error) {
    return { kind: 'refused', text: errorMessage(error) }
  }
  for (const waitMs of WAITS_MS) {
    const outcome = await post(body, options)
    if (outcome.kind !== 'later') return outcome
    const ms = Math.min(Math.max(waitMs, outcome.afterMs), MAX_WAIT_MS)
    options.tell(`${name}: ${outcome.text}; trying again in ${ms / 1000} s`)
    await (options.wait ?? delay)(ms)
  }
  const outcome = await post(body, options)
  return outcome.kind === 'later' ? { kind: 'refused', text: outcome.text } : outcome
}

async function post(body: Uint8Array<ArrayBuffer>, options: PushOptions): Promise<Outcome> {
  const { server, token, labels, from, to } = options
  const url = new URL('/api/v1/profiles', server)
  for (const [label, value] of Object.entries(labels)) url.searchParams.set(label, value)
  if (from !== undefined) url.searchParams.set('from', from)
  if (to !== undefined) url.searchParams.set('to', to)
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/octet-stream',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    text = await response.text()
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error
    const why = errorMessage(cause) || String((cause as NodeJS.ErrnoException).code)
    return { kind: 'later', text: `${server.origin} does not answer: ${why}`, afterMs: 0 }
  }
  if (response.ok) return { kind: 'stored', text: describeStored(text) }
  const why = describeError(response.status, text)
  if (!BUSY.has(response.status)) return { kind: 'refused', text: why }
  const afterMs = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0
  return { kind: 'later', text: why, afterMs }
}

const StoredAnswer = z.object({
  duplicate: z.boolean(),
  profiles: z.number(),
  samples: z.number(),
})

const ErrorAnswer = z.object({
  error: z.object({ message: z.string(), hint: z.string().optional() }),
})

function describeStored(text: string): string {
  const answer = parseAnswer(StoredAnswer, text)
  if (!answer) return 'stored'
  if (answer.duplicate) return 'stored before, nothing changed'
  const { profiles, samples } = answer
  return `stored, ${samples} ${samples === 1 ? 'sample' : 'samples'} in ${profiles} ${profiles === 1 ? 'profile' : 'profiles'}`
}

/** The server's own words where it has some. */
function describeError(status: number, text: string): string {
  const answer = parseAnswer(ErrorAnswer, text)
  if (!answer) return `the server answered ${status}`
  const { message, hint } = answer.error
  return hint === undefined ? message : `${message} ${hint}`
}

function parseAnswer<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

const Label = z
  .string()
  .regex(/^[^=]+=/s, 'expected name=value')
  .transform((text) => {
    const at = text.indexOf('=')
    return [text.slice(0, at), text.slice(at + 1)] as const
  })

// The server would take these for what they are elsewhere: parameters and labels with an own flag.
const TAKEN: ReadonlySet<string> = new Set([
  'service',
  'version',
  'host',
  'from',
  'to',
  ...RESERVED_LABELS,
])

const pushOptions = defineOptions({
  ...serverOptions,
  service: {
    flag: '--service <name>',
    schema: z.string().optional(),
    help: 'Whose profile it is; needed unless its samples have a label `service`.',
  },
  version: {
    flag: '--version <version>',
    schema: z.string().optional(),
    help: 'What a deploy changes; `unknown` if not given.',
  },
  host: {
    flag: '--host <name>',
    schema: z.string().optional(),
    help: 'Where it was taken; `unknown` if not given.',
  },
  label: {
    flag: '--label <name=value>',
    schema: z
      .array(
        Label.refine(
          ([name]) => !TAKEN.has(name),
          'expected a free label: it has a flag of its own, or is reserved',
        ),
      )
      .default([]),
    repeatable: true,
    help: 'A further label of all samples; may be given several times.',
  },
  from: {
    flag: '--from <time>',
    schema: z.string().optional(),
    help: 'When it was taken, if the file does not say or says wrong: RFC 3339, unix ms, or now-1h.',
  },
  to: {
    flag: '--to <time>',
    schema: z.string().optional(),
    help: 'When it ended.',
  },
})

/** `flamewatch push`: any pprof to a server. */
export const command = defineCommand({
  arguments: '<file...>',
  options: pushOptions,
  notes: 'Files are pprof, gzip or plain; `-` is stdin. A file sent twice is stored once.',
  run({ options, args, print, tell }) {
    const { server, token, from, to, label, service, version, host } = options
    const own = Object.entries({ service, version, host }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const labels = Object.fromEntries([...label, ...own])
    return push(args, { server, token, labels, from, to, print, tell })
  },
})
