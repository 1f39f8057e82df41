import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { createRandom } from '../../infra/cli/demo/random.ts'
import { formatBatchHeaders } from '../../infra/contract/batch.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { createSite } from '../../infra/runtime/site.ts'
import { inflateProfile } from '../../ingest/inflate.ts'
import { createIngest } from '../../ingest/main.ts'
import { ingestOptions } from '../../ingest/options.ts'
import { MemoryStore } from '../../ingest/testing/memory-store.ts'
import {
  bytesField,
  numberField,
  packedField,
  profileOf,
  textField,
} from '../../ingest/testing/proto.ts'
import { profileFromFolded } from '../fixtures/profile-from-text.ts'
import { GZIP_MUTATIONS, MUTATIONS } from '../fixtures/profiles/mutate.ts'

// Whatever comes in at a door is stored or refused with a reason: never an error of ours, never
// more memory than the limits say, and the next right profile is stored as if nothing had been.

const NOW = Date.UTC(2026, 5, 1, 12)
const ROUNDS = Number(process.env['FLAMEWATCH_MUTATIONS'] ?? 10_000)
const MEGABYTE = 1024 * 1024

const metrics = createMetrics()
const log = silentLog()
const store = new MemoryStore()
const options = defaultOptions(ingestOptions)
const ingest = createIngest({ store, log, metrics, options, now: () => NOW })
const site = createSite({ apps: [ingest.app], log, metrics })
afterAll(() => ingest.close())

let sequence = 0

function batchHeaders(): Record<string, string> {
  sequence++
  return formatBatchHeaders({
    collector: '3f2b8c1e-0000-4000-8000-00000000000a',
    epoch: 1,
    sequence,
    host: 'host-1',
    windowStart: NOW - 10_000,
    windowEnd: NOW,
    account: { taken: 1, idle: 0, kept: 1, dropped: {}, faults: {} },
    notes: [],
  })
}

type Answer = { readonly status: number; readonly text: string }

async function post(
  path: string,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await site.request(path, { method: 'POST', body: Buffer.from(body), headers })
  return { status: answer.status, text: await answer.text() }
}

const DOORS: Readonly<Record<string, (body: Uint8Array) => Promise<Answer>>> = {
  '/api/v1/batches': (body) => post('/api/v1/batches', body, batchHeaders()),
  '/api/v1/profiles': (body) =>
    post(`/api/v1/profiles?service=s&host=host-1&from=${NOW - 10_000}`, body),
}

const GOOD = profileFromFolded(
  'app!main@main.c;libc.so.6!read {comm=a} 10\n[kernel.kallsyms]!vfs_read;app+0x1f {comm=b} 20',
  { labels: { service: 's', version: 'v1', host: 'host-1' } },
)

const SEEDS = [
  GOOD,
  ...['go-cpu', 'go-heap', 'node-heap', 'python-cpu'].map((name) =>
    inflateProfile(
      readFileSync(join(import.meta.dirname, `../fixtures/profiles/${name}.pprof`)),
      MEGABYTE,
    ),
  ),
].map((bytes) => Buffer.from(bytes))

/** A refusal says what is wrong, in the shape of the API. */
function expectAnswered({ status, text }: Answer, what: string): void {
  if (status === 200) return
  expect([400, 413, 415, 422], `${what}: ${text}`).toContain(status)
  const { error } = JSON.parse(text) as { error: { code: string; message: string } }
  expect(error.code, what).toMatch(/^(malformed|too_large|unsupported_media|out_of_range)$/)
  expect(error.message.length, what).toBeGreaterThan(20)
}

async function expectGoodStored(door: string): Promise<void> {
  const before = store.table('ingest').length
  const good = profileFromFolded(`app!main@main.c ${++sequence}`, {
    labels: { service: 's', version: 'v1', host: 'host-1' },
  })
  const answer = await (DOORS[door] as (typeof DOORS)[string])(good)
  expect(answer.status, answer.text).toBe(200)
  expect(store.table('ingest').length).toBe(before + 1)
}

describe.each(Object.entries(DOORS))('at %s', (path, door) => {
  test(`${ROUNDS / 2} damaged profiles are stored or refused with a reason`, async () => {
    const random = createRandom('hostile', path)
    const kinds = { ...MUTATIONS, ...GZIP_MUTATIONS }
    const names = Object.keys(kinds)
    const counts: Record<string, number> = {}
    for (let round = 0; round < ROUNDS / 2; round++) {
      const name = names[round % names.length] as string
      const seed = SEEDS[Math.floor(random() * SEEDS.length)] as Buffer
      const other = SEEDS[Math.floor(random() * SEEDS.length)] as Buffer
      const damaged = (kinds[name] as (typeof kinds)[string])(seed, random, other)
      const zipped = name in MUTATIONS && random() < 0.5 ? gzipSync(damaged, { level: 1 }) : damaged
      const answer = await door(zipped)
      expectAnswered(answer, `round ${round}, ${name}`)
      counts[answer.status] = (counts[answer.status] ?? 0) + 1
    }
    // Both ends were reached: the damage is not all fatal, and not all harmless.
    expect(counts['400']).toBeGreaterThan(ROUNDS / 20)
    await expectGoodStored(path)
  })

  const zeros = (megabytes: number) => gzipSync(Buffer.alloc(megabytes * MEGABYTE), { level: 1 })
  const repeated = (part: readonly number[], bytes: number) =>
    Buffer.alloc(bytes, Uint8Array.from(part))

  test.each<[string, () => Uint8Array, number]>([
    ['zeros that inflate to 512 MB', () => zeros(512), 413],
    ['zeros in gzip in gzip', () => gzipSync(zeros(512)), 413],
    ['60 MB of empty strings', () => gzipSync(repeated([0x32, 0], 60 * MEGABYTE)), 413],
    ['60 MB of empty samples', () => gzipSync(repeated([0x12, 0], 60 * MEGABYTE)), 413],
    ['60 MB of empty locations', () => gzipSync(repeated([0x22, 0], 60 * MEGABYTE)), 413],
    ['60 MB of empty functions', () => gzipSync(repeated([0x2a, 0], 60 * MEGABYTE)), 413],
    ['60 MB of empty mappings', () => gzipSync(repeated([0x1a, 0], 60 * MEGABYTE)), 413],
    ['60 MB of empty sample types', () => gzipSync(repeated([0x0a, 0], 60 * MEGABYTE)), 413],
    ['60 MB of comments', () => gzipSync(repeated([0x6a, 2, 0, 0], 60 * MEGABYTE)), 400],
    ['a body over the limit', () => Buffer.alloc(17 * MEGABYTE, 1), 413],
    [
      'a sample with a million labels',
      () => {
        const label = bytesField(3, [...numberField(1, 1), ...numberField(2, 2)])
        const sample = Buffer.concat([
          Uint8Array.from([...packedField(1, [2, 1]), ...packedField(2, [10])]),
          repeated(label, label.length * 1_000_000),
        ])
        const head = Uint8Array.from(bytesField(2, []).slice(0, 1))
        const length = Uint8Array.from(numberField(0, sample.length).slice(1))
        return Buffer.concat([profileOf({ sample: [] }), head, length, sample])
      },
      413,
    ],
    [
      'a stack of ten million frames',
      () => {
        const ids = repeated([1, 2], 10_000_000)
        const values = Uint8Array.from(packedField(2, [10]))
        const inner = Buffer.concat([
          Uint8Array.from([0x0a, ...numberField(0, ids.length).slice(1)]),
          ids,
          values,
        ])
        const head = Uint8Array.from([0x12, ...numberField(0, inner.length).slice(1)])
        return Buffer.concat([profileOf({ sample: [] }), head, inner])
      },
      // Labels are missing for the batch's door; a pushed one is cut to its leaf-most frames.
      path === '/api/v1/batches' ? 400 : 200,
    ],
    [
      'a location of a thousand inlined lines in a hundred thousand samples',
      () => {
        const line = bytesField(4, numberField(1, 1))
        const locations = bytesField(4, [
          ...numberField(1, 1),
          ...Array.from({ length: 1000 }, () => line).flat(),
        ])
        const sample = bytesField(2, [...packedField(1, [1]), ...packedField(2, [1])])
        const samples = repeated(sample, sample.length * 100_000)
        return Buffer.concat([profileOf({ sample: [], locations }), samples])
      },
      413,
    ],
    [
      'a name of 60 kB in a hundred thousand functions',
      () => {
        const name = Uint8Array.from(textField(6, 'x'.repeat(60_000)))
        const files = Array.from({ length: 100_000 }, (_, i) => textField(6, `${i}`)).flat()
        const functions = Array.from({ length: 100_000 }, (_, i) =>
          bytesField(5, [...numberField(1, i + 3), ...numberField(2, 6), ...numberField(4, i + 7)]),
        ).flat()
        const locations = Array.from({ length: 100_000 }, (_, i) =>
          bytesField(4, [...numberField(1, i + 3), ...bytesField(4, numberField(1, i + 3))]),
        ).flat()
        return Buffer.concat([
          profileOf(),
          name,
          ...[files, functions, locations].map((part) => Uint8Array.from(part)),
        ])
      },
      413,
    ],
    ['text', () => Buffer.from('GET / HTTP/1.1\r\n\r\n'), 400],
    ['nothing', () => new Uint8Array(0), 400],
  ])('%s: an answer, and bounded memory', async (what, make, status) => {
    const body = make()
    const before = process.memoryUsage().rss
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }, 5)
    const answer = await door(body)
    clearInterval(watch)
    expect(answer.status, answer.text).toBe(status)
    expectAnswered(answer, what)
    // 16 MB as sent, 64 MB inflated, and what the limits let the scanner make of it.
    expect(peak - before).toBeLessThan(400 * MEGABYTE)
    await expectGoodStored(path)
  })
})

describe('hostile labels', () => {
  const HOSTILE = [
    "'; DROP TABLE profiles; --",
    "\\'; DROP TABLE profiles; SELECT '",
    '\u202eright to left',
    '😀'.repeat(100),
    '{service="other"}',
    '<script>alert(1)</script>',
    '__proto__',
  ]

  test('of text are stored as they are', async () => {
    for (const value of HOSTILE) {
      const path = `/api/v1/profiles?service=s&from=${NOW - 1000}&evil=${encodeURIComponent(value)}`
      const answer = await post(path, profileFromFolded('main 1'))
      expect(answer.status, answer.text).toBe(200)
      expect(store.table('ingest').at(-1)?.['labels']).toMatchObject({ evil: value })
    }
  })

  test.each<[string, string, RegExp]>([
    ['another tenant', 'service=s&tenant=other', /label name \\"tenant\\" is reserved/],
    ['a name that is none', 'service=s&a-b=1', /label name \\"a-b\\" does not match/],
    ['control characters', 'service=s&a=%0a%00', /has control characters/],
    ['a value beyond the limit', `service=s&a=${'x'.repeat(2049)}`, /longer than 2048 bytes/],
    [
      'too many',
      `service=s&${Array.from({ length: 40 }, (_, i) => `l${i}=1`).join('&')}`,
      /labels, at most 30/,
    ],
    ['an empty service', 'service=', /has no service/],
    ['a name twice', 'service=s&a=1&a=2', /a: expected one value/],
    ['a time that is none', 'service=s&from=yesterday', /Expected from to be a time/],
    ['an end before the start', 'service=s&from=now&to=now-1h', /`to` is before `from`/],
  ])('with %s are refused in parameters', async (_, query, expected) => {
    const answer = await post(`/api/v1/profiles?${query}`, profileFromFolded('main 1'))
    expect(answer.status, answer.text).toBe(400)
    expect(answer.text).toMatch(expected)
  })

  test.each<[string, Record<string, string>, RegExp]>([
    ['another tenant', { tenant: 'other' }, /\\"tenant\\" is reserved/],
    ['a name that is none', { 'a-b': '1' }, /does not match/],
    ['control characters', { a: 'x\ny' }, /control characters/],
    ['an empty version', { version: '' }, /\\"version\\" is missing/],
    ['another host', { host: 'host-2' }, /host is \\"host-2\\"/],
    ['prototypes', { __proto__x: '1', 'constructor.name': '1' }, /does not match/],
  ])('with %s are refused in a batch', async (_, labels, expected) => {
    const own = { service: 's', version: 'v1', host: 'host-1', ...labels }
    const body = profileFromFolded('main 1', { labels: own })
    const answer = await post('/api/v1/batches', body, batchHeaders())
    expect(answer.status, answer.text).toBe(400)
    expect(answer.text).toMatch(expected)
  })

  test('of a foreign program are made to fit: its profile is not refused for them', async () => {
    const labels = { tenant: 'acme', 'otel.scope.name': 'x', '1st': 'y', multi: 'a\nb' }
    const body = profileFromFolded('main 1', { labels })
    const answer = await post(`/api/v1/profiles?service=s&from=${NOW - 1000}`, body)
    expect(answer.status, answer.text).toBe(200)
    expect(store.table('ingest').at(-1)).toMatchObject({
      tenant: 'default',
      labels: {
        service: 's',
        version: 'unknown',
        host: 'unknown',
        exported_tenant: 'acme',
        otel_scope_name: 'x',
        _1st: 'y',
        multi: 'a b',
      },
    })
  })
})

describe('headers of a batch', () => {
  const BODY = profileFromFolded('main 1', {
    labels: { service: 's', version: 'v1', host: 'host-1' },
  })

  test.each<[string, Record<string, string>]>([
    ['a format that never was', { 'flamewatch-format': '0' }],
    ['a format that is none', { 'flamewatch-format': 'two' }],
    ['no UUID', { 'flamewatch-collector': "x'; DROP TABLE batches" }],
    ['a negative sequence', { 'flamewatch-sequence': '-1' }],
    ['a sequence beyond 2^53', { 'flamewatch-sequence': '9007199254740993' }],
    ['an epoch that is none', { 'flamewatch-epoch': '1e3' }],
    ['a window of two hours', { 'flamewatch-window-start': String(NOW - 7_200_000) }],
    [
      'an account that does not add up',
      { 'flamewatch-account': '{"taken":2,"idle":0,"kept":1,"dropped":{},"faults":{}}' },
    ],
    [
      'an account of an unknown reason',
      { 'flamewatch-account': '{"taken":2,"idle":0,"kept":1,"dropped":{"bored":1},"faults":{}}' },
    ],
    ['an account that is no JSON', { 'flamewatch-account': '{"taken":' }],
    ['a host that cannot be decoded', { 'flamewatch-host': '%ff' }],
    [
      'notes without end',
      { 'flamewatch-notes': encodeURIComponent(JSON.stringify(Array(21).fill('x'))) },
    ],
  ])('with %s are refused', async (_, over) => {
    const answer = await post('/api/v1/batches', BODY, { ...batchHeaders(), ...over })
    expect(answer.status, answer.text).toBe(400)
    expectAnswered(answer, 'headers')
  })

  test('of a newer release are asked to wait for the server, not given up', async () => {
    const answer = await post('/api/v1/batches', BODY, {
      ...batchHeaders(),
      'flamewatch-format': '2',
    })
    expect(answer.status, answer.text).toBe(503)
    expect(answer.text).toContain('newer_format')
  })

  test('with an encoding nobody reads are refused as such', async () => {
    const answer = await post('/api/v1/batches', BODY, {
      ...batchHeaders(),
      'content-encoding': 'br',
    })
    expect(answer.status).toBe(415)
    expectAnswered(answer, 'encoding')
  })

  test('of a window far ahead or long ago say so', async () => {
    for (const start of [NOW + 11 * 60_000, NOW - 7 * 86_400_000 - 1, 0]) {
      const headers = {
        ...batchHeaders(),
        'flamewatch-window-start': String(start),
        'flamewatch-window-end': String(start + 10_000),
      }
      const answer = await post('/api/v1/batches', BODY, headers)
      expect(answer.status).toBe(422)
      expect(answer.text).toContain('out_of_range')
    }
  })
})
