import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Profile } from 'pprof-format'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BackOff } from '../../collector/back-off.ts'
import { encodeSamples } from '../../collector/batch/encode-batch.ts'
import { SampleMerger } from '../../collector/batch/sample-merger.ts'
import { splitBody } from '../../collector/batch/split-body.ts'
import { CatchUpPace } from '../../collector/catch-up-pace.ts'
import { KafkaPublisher } from '../../collector/kafka-publisher.ts'
import type { PublishResult } from '../../collector/publisher.ts'
import { Sender } from '../../collector/sender.ts'
import { Spool } from '../../collector/spool/spool.ts'
import { makeFrame } from '../../collector/symbolize/frames.ts'
import type { Account } from '../../infra/contract/account.ts'
import { addAccounts, EMPTY_ACCOUNT, unaccounted } from '../../infra/contract/account.ts'
import { parseBatchHeaders } from '../../infra/contract/batch.ts'
import type { KafkaOptions } from '../../infra/kafka/options.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createCertificates } from '../fixtures/certificates.ts'
import { eventually } from '../fixtures/eventually.ts'
import { KafkaBroker } from '../fixtures/kafka/broker.ts'
import { makeTopic, optionsFor } from '../fixtures/kafka/make-topic.ts'
import type { TopicMessage } from '../fixtures/kafka/read-messages.ts'
import { batchHeaders, readMessages } from '../fixtures/kafka/read-messages.ts'

// Rounds of kill -9; a longer proof sets more of them.
const ROUNDS = Number(process.env['FLAMEWATCH_KILL_ROUNDS'] ?? 3)
const WRITER = fileURLToPath(new URL('../fixtures/spool-writer.ts', import.meta.url))
const log = silentLog()

let certificates: string
let broker: KafkaBroker
beforeAll(async () => {
  certificates = mkdtempSync(join(tmpdir(), 'kafka-certificates-'))
  const secure = { certificates: createCertificates(certificates), users: { ada: 'secret' } }
  broker = await KafkaBroker.start({ secure })
})
afterAll(async () => {
  await broker[Symbol.asyncDispose]()
  rmSync(certificates, { recursive: true })
})

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kafka-producer-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

type Collector = {
  readonly spool: Spool
  readonly sender: Sender
  /** What became of every attempt so far. */
  readonly results: PublishResult[]
  /** Puts a batch of so many samples into the spool. */
  add(kept: number, body?: Uint8Array): Promise<void>
  close(): Promise<void>
}

type Settings = Partial<KafkaOptions> & { readonly maxBytes?: number; readonly sendMs?: number }

/** A collector without a kernel. */
async function startCollector(topic: string, settings: Settings = {}): Promise<Collector> {
  const { maxBytes = 1e9, sendMs, ...given } = settings
  const options = optionsFor(broker.address, { kafkaTopic: topic, ...given })
  const spool = await Spool.open({ directory, maxBytes, maxAgeMs: Infinity, log, onDrop: () => {} })
  const results: PublishResult[] = []
  const sender = new Sender({
    ...{ queue: spool, log, publisher: await KafkaPublisher.create(options, log, sendMs) },
    backOff: new BackOff({ firstMs: 20, maxMs: 200 }),
    pace: new CatchUpPace({ factor: Infinity }),
    split({ headers, body }) {
      const parsed = parseBatchHeaders((name) => headers[name])
      return splitBody(body, parsed.kind === 'headers' ? parsed.headers.account : EMPTY_ACCOUNT)
    },
    onResult: (result) => results.push(result),
    sleep: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined),
  })
  sender.start()
  let n = 0
  return {
    ...{ spool, sender, results },
    async add(kept, body = Buffer.from(`body ${kept}`)) {
      n++
      await spool.add({
        ...{ host: 'wéb-1', windowStart: n * 10_000, windowEnd: n * 10_000 + 10_000, notes: [] },
        account: { taken: kept + 10, idle: 10, kept, dropped: {}, faults: {} },
        body,
      })
      sender.wake()
    },
    async close() {
      await sender.close(30_000)
      await spool.close()
    },
  }
}

function untilSent({ spool }: Collector): Promise<unknown> {
  return eventually('an empty spool', async () => spool.batches === 0)
}

function total(messages: readonly TopicMessage[]): Account {
  return messages.map((one) => batchHeaders(one).account).reduce(addAccounts, EMPTY_ACCOUNT)
}

function sequences(messages: readonly TopicMessage[]): number[] {
  return messages.map((one) => batchHeaders(one).sequence)
}

/** Each batch once, as the consumer's ledger does; throws when one number came with other bytes. */
function eachOnce(messages: readonly TopicMessage[]): TopicMessage[] {
  const bySequence = new Map<number, TopicMessage>()
  for (const message of messages) {
    const { sequence } = batchHeaders(message)
    const known = bySequence.get(sequence)
    if (known && !known.value.equals(message.value)) throw new Error(`${sequence}: other bytes`)
    bySequence.set(sequence, known ?? message)
  }
  return [...bySequence.values()].sort(
    (a, b) => batchHeaders(a).sequence - batchHeaders(b).sequence,
  )
}

test('batches arrive in order, keyed by collector, with bytes and headers as they were spooled', async () => {
  await makeTopic(broker.address, 'plain', { partitions: 4 })
  const collector = await startCollector('plain')
  const body = randomBytes(50_000)
  await collector.add(1, body)
  await collector.add(2)
  await collector.close()
  const messages = await readMessages(broker.address, 'plain')
  expect(messages.map(({ value }) => value)).toEqual([body, Buffer.from('body 2')])
  expect(new Set(messages.map(({ partition }) => partition)).size).toBe(1)
  expect(messages.map(({ key }) => key)).toEqual(Array(2).fill(collector.spool.collector))
  expect(messages.map(batchHeaders)).toMatchObject([
    { collector: collector.spool.collector, sequence: 1, host: 'wéb-1', account: { kept: 1 } },
    { collector: collector.spool.collector, sequence: 2, windowStart: 20_000 },
  ])
})

test('one connection to each broker carries all batches', async () => {
  const before = broker.proxy.accepted
  const collector = await startCollector('plain', { kafkaBrokers: [broker.proxiedAddress] })
  for (let i = 1; i <= 10; i++) {
    await collector.add(i)
    await untilSent(collector)
  }
  await collector.close()
  // To the one that was asked for the others, and to the one that leads the partition.
  expect(broker.proxy.accepted - before).toBeLessThanOrEqual(2)
})

test('a batch the topic is too small for arrives in parts, every sample once', async () => {
  await makeTopic(broker.address, 'small', { config: { 'max.message.bytes': '60000' } })
  const merger = new SampleMerger()
  for (let i = 0; i < 4_000; i++) {
    const name = randomBytes(30).toString('base64')
    merger.add(
      { service: 'a' },
      [merger.indexOf(makeFrame({ name, mapping: '/bin/a' }))],
      1 + (i % 5),
    )
  }
  const time = { startMs: 0, endMs: 10_000, periodNs: 10_000_000 }
  const counts = { taken: 0, idle: 10, dropped: {} }
  const limits = { rawBytes: Infinity, bodyBytes: Infinity }
  const [whole] = await encodeSamples(merger, counts, time, limits)
  if (!whole) throw new Error('no batch')
  expect(whole.body.length).toBeGreaterThan(120_000)

  const collector = await startCollector('small')
  await collector.add(whole.account.kept, whole.body)
  await collector.add(1)
  await untilSent(collector)
  await collector.close()
  const messages = await readMessages(broker.address, 'small')
  expect(sequences(messages).sort((a, b) => a - b)).toEqual(messages.map((_, i) => i + 1))
  expect(messages.length).toBeGreaterThan(3)
  expect(total(messages)).toMatchObject({ taken: whole.account.kept + 21, idle: 20, dropped: {} })
  const names = messages.slice(0, -1).flatMap(({ value }) => {
    if (value[0] !== 0x1f) return []
    const { function: functions, stringTable } = Profile.decode(gunzipSync(value))
    return functions.map(({ name }) => stringTable.strings[Number(name)])
  })
  const sent = [...merger.frames].map(({ name }) => name)
  expect(new Set(names)).toEqual(new Set(sent))
})

test.each(['gzip', 'snappy', 'lz4', 'zstd'])(
  'what the broker packs with %s is read as it was sent',
  async (compression) => {
    await makeTopic(broker.address, compression, { config: { 'compression.type': compression } })
    const collector = await startCollector(compression)
    // Some of it packs well, some not at all.
    const bodies = [
      randomBytes(100_000),
      Buffer.from('abcdefg'.repeat(20_000)),
      Buffer.alloc(300_000),
    ]
    for (const body of bodies) await collector.add(1, body)
    await collector.close()
    const values = (await readMessages(broker.address, compression)).map(({ value }) => value)
    expect(values.map((value, i) => value.equals(bodies[i] ?? Buffer.alloc(0)))).toEqual([
      ...[true, true, true],
    ])
  },
)

test('without its topic it waits and says what to do, and goes on when the topic is there', async () => {
  const collector = await startCollector('later')
  await collector.add(1)
  await eventually('an answer', async () => collector.results.length > 0)
  expect(collector.results[0]).toMatchObject({
    kind: 'later',
    detail: expect.stringMatching(/no topic later at .*flamewatch migrate --kafka/),
  })
  await makeTopic(broker.address, 'later')
  await untilSent(collector)
  await collector.close()
  expect(sequences(await readMessages(broker.address, 'later'))).toEqual([1])
})

test('a wrong password is said to be one, and the batch waits', async () => {
  const collector = await startCollector('plain', {
    ...{ kafkaBrokers: [broker.secureAddress], kafkaCa: join(certificates, 'ca.pem') },
    ...{ kafkaSasl: 'plain', kafkaUser: 'ada', kafkaPassword: 'hunter2' },
  })
  await collector.add(1)
  await eventually('an answer', async () => collector.results.length > 0)
  expect(collector.results[0]).toMatchObject({
    kind: 'later',
    detail: expect.stringMatching(/does not take this user and password.*--kafka-user/),
  })
  expect(JSON.stringify(collector.results)).not.toContain('hunter2')
  await collector.close()
  expect(collector.spool.batches).toBe(1)
})

describe('a broker that is away', () => {
  test('fills the spool to its bound, and afterwards every sample is there or counted', async () => {
    await makeTopic(broker.address, 'outage')
    const collector = await startCollector('outage', { maxBytes: 400_000 })
    let taken = 0
    const add = async (batches: number) => {
      for (let i = 0; i < batches; i++) {
        const kept = 100 + i
        await collector.add(kept, randomBytes(10_000))
        taken += kept + 10
        expect(collector.spool.bytes).toBeLessThanOrEqual(400_000)
      }
    }
    await add(20)
    await untilSent(collector)
    await broker.kill()
    await add(60)
    expect(collector.spool.bytes).toBeGreaterThan(350_000)
    await broker.start()
    await untilSent(collector)
    await add(1)
    await untilSent(collector)
    await collector.close()

    const arrived = eachOnce(await readMessages(broker.address, 'outage'))
    const account = total(arrived)
    expect(account.taken).toBe(taken)
    expect(unaccounted(account)).toBe(0)
    expect(Object.keys(account.dropped)).toEqual(['spool_full'])
    expect(arrived.length).toBeLessThan(81)
    // The oldest of the outage are gone, the newest are there.
    expect(sequences(arrived).slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(sequences(arrived).slice(-30)).toEqual(Array.from({ length: 30 }, (_, i) => i + 52))
  })

  test('without a word is given up on in time, and what it got twice has one number', async () => {
    await makeTopic(broker.address, 'silent')
    const given = { kafkaBrokers: [broker.proxiedAddress], sendMs: 1_500 }
    const collector = await startCollector('silent', given)
    await collector.add(1)
    await untilSent(collector)
    broker.proxy.silence()
    await collector.add(2)
    await eventually('a late answer', async () =>
      collector.results.some(
        (result) => result.kind === 'later' && /does not answer within/.test(result.detail),
      ),
    )
    broker.proxy.mend()
    await untilSent(collector)
    // The answer is lost on the way: cut when the request is through.
    for (let kept = 3; kept <= 8; kept++) {
      const before = broker.proxy.passed.toServer
      await collector.add(kept, randomBytes(200_000))
      await eventually('the request', async () => broker.proxy.passed.toServer > before + 200_000)
      broker.proxy.cut()
    }
    await untilSent(collector)
    await collector.close()
    const arrived = eachOnce(await readMessages(broker.address, 'silent'))
    expect(arrived.map((one) => batchHeaders(one).account.kept)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})

/** Answers the numbers of the batches that were in the spool when the writer ended or was killed. */
async function write(first: number, count: number, killAfter = Infinity): Promise<number[]> {
  const server = `kafka://${broker.address}/killed`
  const child = spawn(process.execPath, [WRITER, directory, server, `${first}`, `${count}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const written: number[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    written.push(Number(line))
    if (written.length === killAfter) child.kill('SIGKILL')
  }
  await ended
  return written
}

test('a collector killed again and again while it sends loses and doubles nothing', async () => {
  await makeTopic(broker.address, 'killed')
  const written: number[] = []
  let next = 1
  for (let round = 0; round < ROUNDS; round++) {
    const numbers = await write(next, 1000, 5 + ((round * 37) % 90))
    expect(numbers.length).toBeGreaterThan(4)
    written.push(...numbers)
    // One more may be in the spool than it came to say.
    next += numbers.length + 1
  }
  await write(0, 0)
  expect(readdirSync(directory).filter((file) => file.endsWith('.batch'))).toEqual([])
  const arrived = eachOnce(await readMessages(broker.address, 'killed'))
  const numbers = arrived.map((one) => batchHeaders(one).account.kept)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(numbers).toEqual(expect.arrayContaining(written))
  expect(sequences(arrived)).toEqual(numbers.map((_, i) => i + 1))
})
