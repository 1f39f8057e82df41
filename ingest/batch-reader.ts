import type { BatchHeaders } from '../infra/contract/batch.ts'
import { parseBatchHeaders } from '../infra/contract/batch.ts'
import { DEFAULT_TENANT, findLabelFault, type Labels } from '../infra/contract/labels.ts'
import { CPU_TYPE } from '../infra/contract/profile.ts'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import { faultError } from './fault-error.ts'
import { type LabelledProfile, profileTypes } from './labelled-profile.ts'
import type { LedgerEntry } from './ledger.ts'
import type { SampleLabels } from './pprof/profile.ts'
import type { Scanner } from './scan-pool.ts'
import { labelsOf } from './series-labels.ts'
import { findTimeFault } from './time-window.ts'

export type IncomingBatch = {
  /** BATCH_HEADERS of infra/contract/batch.ts, lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** pprof, gzip or plain. */
  readonly body: Uint8Array
}

export type CheckedBatch = {
  readonly tenant: string
  readonly headers: BatchHeaders
  readonly body: Uint8Array
}

/** What the store gets of a batch. */
export type ReadBatch = { readonly labelled: LabelledProfile; readonly entry: LedgerEntry }

/** What a batch says of itself, or why it is never to be stored; `nowMs` decides what is late. */
export function checkBatch(
  { headers, body }: IncomingBatch,
  nowMs: number,
): CheckedBatch | FlamewatchError {
  const parsed = parseBatchHeaders((name) => headers[name])
  if (parsed.kind === 'fault' && parsed.newer)
    return new FlamewatchError('newer_format', parsed.reason, {
      hint: 'Upgrade the server first: until then the batch waits.',
      retriable: true,
      status: 503,
    })
  if (parsed.kind === 'fault') return malformed(parsed.reason)
  const fault = findTimeFault(parsed.headers.windowStart, nowMs)
  return fault ?? { tenant: DEFAULT_TENANT, headers: parsed.headers, body }
}

/**
 * Scans a batch and checks its labels. What it returns depends on the batch alone. Throws `internal`
 * when the thread that scanned it broke.
 */
export async function readBatch(
  { tenant, headers, body }: CheckedBatch,
  pool: Scanner,
): Promise<ReadBatch | FlamewatchError> {
  const profile = await pool.scan(body)
  if (profile.kind === 'fault') return faultError(profile)
  const series: Labels[] = []
  for (const labels of profile.series) {
    const set = labelsOf(labels)
    const fault = findLabelFault(set)?.reason ?? findHostFault(labels, headers.host)
    if (fault) return malformed(`The labels of a sample: ${fault}.`)
    series.push(set)
  }
  const { windowStart, windowEnd } = headers
  return {
    labelled: { tenant, profile, series, timeMs: windowStart, durationMs: windowEnd - windowStart },
    entry: {
      tenant,
      headers,
      // A collector's batch has one.
      type: profileTypes(profile)[0] ?? CPU_TYPE,
      profiles: profile.rows.count,
      samples: profile.rows.stacks.length,
      bytes: body.length,
    },
  }
}

function findHostFault(labels: SampleLabels, host: string): string | undefined {
  const own = labels.find(([name]) => name === 'host')?.[1]
  if (own === host) return undefined
  return `host is ${JSON.stringify(own)}, the batch is of ${JSON.stringify(host)}`
}

function malformed(message: string): FlamewatchError {
  return new FlamewatchError('malformed', message, { status: 400 })
}
