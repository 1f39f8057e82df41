import { createHash } from 'node:crypto'
import { DEFAULT_TENANT, findLabelFault, type Labels } from '../infra/contract/labels.ts'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import { faultError } from './fault-error.ts'
import { KeyedLock } from './keyed-lock.ts'
import type { LabelledProfile } from './labelled-profile.ts'
import type { IngestMetrics } from './metrics.ts'
import type { ScannedProfile } from './pprof/profile.ts'
import type { ScanPool } from './scan-pool.ts'
import { importLabels } from './series-labels.ts'
import { findTimeFault } from './time-window.ts'
import type { Writer } from './writer.ts'

export type PushedProfile = {
  /** pprof, gzip or plain. */
  readonly body: Uint8Array
  /** What the sender says of all samples; wins over labels of the samples themselves. */
  readonly labels: Labels
  /** Unix ms; without them the profile's own time counts. */
  readonly fromMs?: number
  readonly toMs?: number
  /** Names these parameters as sent: `now-5m` is the same in a retry, what it stands for is not. */
  readonly parameters: string
}

export type StoredPush = {
  readonly duplicate: boolean
  readonly profiles: number
  readonly samples: number
}

export type PushIntakeDeps = {
  readonly pool: ScanPool
  readonly writer: Writer
  readonly metrics: IngestMetrics
  readonly now: () => number
}

const DEFAULTS: Labels = { version: 'unknown', host: 'unknown' }

// Profiles before 2000 have no clock: old rbspy and pyroscope-rs wrote microseconds as nanoseconds.
const FIRST_TIME_MS = Date.UTC(2000)
const MAX_DURATION_MS = 0xffff_ffff

// Pushes remembered, so that a repeated one is answered as such and keeps the time it was given.
const MAX_PUSHES = 10_000

type Place = { readonly timeMs: number; readonly durationMs: number }
type Push = { readonly place: Place; readonly answer: StoredPush | null }

/** Takes profiles of any program. The same profile with the same parameters is stored once. */
export class PushIntake {
  readonly #deps: PushIntakeDeps
  readonly #lock = new KeyedLock()
  readonly #pushes = new Map<string, Push>()

  constructor(deps: PushIntakeDeps) {
    this.#deps = deps
  }

  /** Throws `malformed`, `too_large` or `out_of_range`, or `store_unavailable`: send it again. */
  async write(push: PushedProfile): Promise<StoredPush> {
    const { metrics } = this.#deps
    metrics.bytes.inc({ door: 'profiles' }, push.body.length)
    const token = pushToken(push)
    try {
      const stored = await this.#lock.run([token], () => this.#write(push, token))
      const result = stored.duplicate ? 'duplicate' : 'stored'
      metrics.received.inc({ door: 'profiles', result })
      if (stored.duplicate) return stored
      metrics.profiles.inc({ door: 'profiles' }, stored.profiles)
      metrics.samples.inc({ door: 'profiles' }, stored.samples)
      return stored
    } catch (error) {
      const result = error instanceof FlamewatchError ? error.code : 'internal'
      metrics.received.inc({ door: 'profiles', result })
      throw error
    }
  }

  async #write(push: PushedProfile, token: string): Promise<StoredPush> {
    const { pool, writer } = this.#deps
    const known = this.#pushes.get(token)
    if (known?.answer) return { ...known.answer, duplicate: true }
    const profile = await pool.scan(push.body)
    if (profile.kind === 'fault') throw faultError(profile)
    const labelled = this.#label(profile, push, known?.place)
    const { timeMs, durationMs } = labelled
    this.#remember(token, { place: { timeMs, durationMs }, answer: null })
    await writer.write([labelled], token)
    const { rows } = profile
    const answer = { duplicate: false, profiles: rows.count, samples: rows.stacks.length }
    this.#remember(token, { place: { timeMs, durationMs }, answer })
    return answer
  }

  #label(profile: ScannedProfile, push: PushedProfile, known: Place | undefined): LabelledProfile {
    const nowMs = this.#deps.now()
    const { timeMs, durationMs } = known ?? placeInTime(profile, push, nowMs)
    const fault = findTimeFault(timeMs, nowMs)
    if (fault) throw fault
    const series = profile.series.map((pairs) => {
      const labels = { ...DEFAULTS, ...importLabels(pairs), ...push.labels }
      if (!labels['service'])
        throw new FlamewatchError('malformed', 'The profile has no service.', {
          hint: 'Say whose it is: ?service=NAME, or flamewatch push --service NAME.',
          status: 400,
        })
      const reason = findLabelFault(labels)?.reason
      if (reason)
        throw new FlamewatchError('malformed', `The labels of a sample: ${reason}.`, {
          status: 400,
        })
      return labels
    })
    return { tenant: DEFAULT_TENANT, profile, series, timeMs, durationMs }
  }

  #remember(token: string, push: Push): void {
    this.#pushes.delete(token)
    this.#pushes.set(token, push)
    if (this.#pushes.size <= MAX_PUSHES) return
    const [oldest] = this.#pushes.keys()
    if (oldest !== undefined) this.#pushes.delete(oldest)
  }
}

/** What the sender says, else the profile, else that it ends now. */
function placeInTime(
  profile: ScannedProfile,
  { fromMs, toMs }: PushedProfile,
  nowMs: number,
): Place {
  const ownMs = Number(profile.timeNs / 1_000_000n)
  const ownDurationMs = clamp(Number(profile.durationNs / 1_000_000n))
  if (fromMs !== undefined)
    return { timeMs: fromMs, durationMs: toMs === undefined ? ownDurationMs : clamp(toMs - fromMs) }
  if (toMs !== undefined) return { timeMs: toMs - ownDurationMs, durationMs: ownDurationMs }
  const timeMs = ownMs >= FIRST_TIME_MS ? ownMs : nowMs - ownDurationMs
  return { timeMs, durationMs: ownDurationMs }
}

function clamp(durationMs: number): number {
  return Math.min(Math.max(0, Math.round(durationMs)), MAX_DURATION_MS)
}

/** Names content and parameters: a retry has the same token, another host's profile has not. */
function pushToken({ body, parameters }: PushedProfile): string {
  return `push/${createHash('sha256').update(parameters).update('\0').update(body).digest('hex')}`
}
