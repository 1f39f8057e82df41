import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import type { Store } from '../../infra/store/store.ts'
import { PROFILE_LIMITS } from '../../ingest/limits.ts'
import { createIngest, type Ingest } from '../../ingest/main.ts'
import { ingestOptions } from '../../ingest/options.ts'
import type { ScannedProfile } from '../../ingest/pprof/profile.ts'
import { scanProfile } from '../../ingest/pprof/scan.ts'
import { flattenPprof, flattenScanned } from '../../ingest/testing/flatten.ts'
import { TypesAnswer } from '../../query/api.ts'
import { type PprofRow, readByGoPprof } from '../fixtures/go-pprof.ts'
import { createTestQuery, openTestStore, type TestQuery } from '../fixtures/query-app.ts'

// Profiles other tools wrote (tests/fixtures/profiles/record.sh), read three times over: by the
// scanner alone, through ingest and out of the pprof export, and by Google's own reader, which is
// right by definition.

const NOW = Date.now()

const RECORDED = [
  ['go-cpu', "Go's runtime/pprof"],
  ['go-heap', "Go's runtime/pprof"],
  ['go-mutex', "Go's runtime/pprof"],
  ['rust-cpu', 'pprof-rs'],
  ['python-cpu', 'py-spy inside of Pyroscope for Python'],
  ['node-time', '@datadog/pprof'],
  ['node-heap', '@datadog/pprof'],
] as const

function recorded(name: string): Uint8Array {
  return readFileSync(join(import.meta.dirname, `../fixtures/profiles/${name}.pprof`))
}

function scan(bytes: Uint8Array): ScannedProfile {
  const plain = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes
  const profile = scanProfile(plain, PROFILE_LIMITS)
  if (profile.kind === 'fault') throw new Error(profile.reason)
  return profile
}

/** Go's name of a unit, so that it prints whole numbers. */
const GO_UNITS: Readonly<Record<string, string>> = { nanoseconds: 'ns', bytes: 'B', count: '' }

/** Flat and cum of every function by name, from the sums by stack. */
function tabulate(profile: ScannedProfile, type: string): Map<string, PprofRow> {
  const rows = new Map<string, { flat: number; cum: number }>()
  for (const [key, value] of flattenScanned(profile)) {
    if (!key.startsWith(`${type}/`)) continue
    const stack = key.slice(key.indexOf('} ') + 2).split(';')
    const names = stack.map((frame) => frame.slice(frame.indexOf('!') + 1, frame.indexOf('@')))
    for (const name of new Set(names)) {
      const row = rows.get(name) ?? { flat: 0, cum: 0 }
      row.cum += Number(value)
      if (name === names.at(-1)) row.flat += Number(value)
      rows.set(name, row)
    }
  }
  return rows
}

let store: Store & AsyncDisposable
let ingest: Ingest
let query: TestQuery

beforeAll(async () => {
  store = await openTestStore()
  const metrics = createMetrics()
  const options = defaultOptions(ingestOptions)
  ingest = createIngest({ store, log: silentLog(), metrics, options })
  query = createTestQuery(store, { nowMs: NOW })
})
afterAll(async () => {
  await ingest.close()
  await store[Symbol.asyncDispose]()
})

describe.each(RECORDED)('%s, written by %s', (name) => {
  const bytes = recorded(name)
  const profile = scan(bytes)

  test('means the same to the scanner and to pprof-format', () => {
    const plain = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes
    expect(flattenScanned(profile)).toEqual(flattenPprof(plain))
    expect(profile.cut).toEqual({ stacks: 0, names: 0 })
  })

  test.each(profile.sampleTypes)(
    'has flat and cum of $type as go tool pprof reads them',
    (type) => {
      const expected = readByGoPprof(bytes, GO_UNITS[type.unit] ?? type.unit, type.type)
      expect(expected.size).toBeGreaterThan(0)
      expect(tabulate(profile, type.type)).toEqual(expected)
    },
  )

  test('comes back from the pprof export with the same flat and cum of every function', async () => {
    const pushed = await ingest.app.request(
      `/api/v1/profiles?service=${name}&from=${NOW - 60_000}`,
      {
        method: 'POST',
        body: Buffer.from(bytes),
      },
    )
    expect(pushed.status, await pushed.text()).toBe(200)
    const asked = { query: `{service="${name}"}`, from: NOW - 120_000, to: NOW + 60_000 }
    const { types } = await query.ask(TypesAnswer, 'types', asked)
    expect(types.map(({ sampleType }) => sampleType).sort()).toEqual(
      profile.sampleTypes.map(({ type }) => type).sort(),
    )
    for (const { type, sampleType, sampleUnit } of types) {
      const answer = await query.get('flamegraph', { ...asked, type, format: 'pprof' })
      expect(answer.status).toBe(200)
      const exported = new Uint8Array(await answer.arrayBuffer())
      const unit = GO_UNITS[sampleUnit] ?? sampleUnit
      expect(readByGoPprof(exported, unit)).toEqual(readByGoPprof(bytes, unit, sampleType))
    }
  })
})
