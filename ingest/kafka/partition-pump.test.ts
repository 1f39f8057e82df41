import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatBatchHeaders } from '../../infra/contract/batch.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { gzipProfile, profileFromFolded } from '../../tests/fixtures/profile-from-text.ts'
import { inflateProfile } from '../inflate.ts'
import { Ledger } from '../ledger.ts'
import { PROFILE_LIMITS } from '../limits.ts'
import { PprofError } from '../pprof/fault.ts'
import { scanProfile } from '../pprof/scan.ts'
import { Scratch } from '../pprof/scratch.ts'
import type { Scanner } from '../scan-pool.ts'
import { MemoryStore, storeDown } from '../testing/memory-store.ts'
import { MemoryTopic } from '../testing/memory-topic.ts'
import { Writer } from '../writer.ts'
import { decodeIntent } from './intent.ts'
import { MessageQueue } from './message-queue.ts'
import { PartitionPump } from './partition-pump.ts'
import type { Tenure } from './tenure.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY_MS = 86_400_000
const COLLECTORS = 3

type Batch = ReturnType<typeof batchOf>

/** Batch `sequence` of a collector: around midnight, so that a range is of two days. */
function batchOf(collector: number, sequence: number, ageMs = 0) {
  const host = `host-${collector}`
  const windowStart = NOW - 40_000 + sequence * 10_000 - ageMs
  const headers = formatBatchHeaders({
    ...{ collector: `3f2b8c1e-0000-4000-8000-00000000000${collector}`, epoch: 1, sequence, host },
    ...{ windowStart, windowEnd: windowStart + 10_000, notes: [] },
    account: { taken: 1, idle: 0, kept: 1, dropped: {}, faults: {} },
  })
  const labels = { service: 'pumped', version: 'v1', host }
  const text = `main;step-${collector}-${sequence} ${sequence}`
  return { headers, value: Buffer.from(gzipProfile(profileFromFolded(text, { labels }))) }
}

const scratch = new Scratch()
// The scanner itself, without its thread.
const scanner: Scanner = {
  scan: async (body) => {
    try {
      return scanProfile(inflateProfile(body, 1_000_000), PROFILE_LIMITS, scratch)
    } catch (error) {
      if (error instanceof PprofError) return error.toFault()
      throw error
    }
  },
}

/** A member of the group: a process of its own. */
function startMember(
  world: {
    readonly store: MemoryStore
    readonly topic: MemoryTopic
    readonly buried: Set<string>
    readonly now: number
    readonly rawDays: number
    readonly groupMessages: number
    /** Between everything this process does to the world, before and after: may never resolve. */
    readonly step: () => Promise<void>
  },
  tenure: Tenure,
) {
  const { store, topic, buried, step } = world
  const around = async <T>(task: () => Promise<T>): Promise<T> => {
    await step()
    const result = await task()
    await step()
    return result
  }
  const slow = new Proxy(store, {
    get(target, name) {
      if (name === 'insert')
        return (...args: Parameters<MemoryStore['insert']>) => around(() => target.insert(...args))
      if (name === 'rows')
        return (...args: Parameters<MemoryStore['rows']>) => around(() => target.rows(...args))
      return Reflect.get(target, name)
    },
  })
  const { offset, metadata } = topic.committed
  const limits = { bytes: 1_000_000, messages: world.groupMessages, lingerMs: 0 }
  const queue = new MessageQueue(limits)
  const pump = new PartitionPump(
    {
      ...{ topic: 'batches', ledger: new Ledger(slow), pool: scanner, log: silentLog() },
      writer: new Writer({ store: slow, retention: { rawDays: world.rawDays, rollupDays: 90 } }),
      bury: (_, dead) =>
        around(async () => {
          for (const { message } of dead) buried.add(String(message.offset))
        }),
      inTurn: (task) => task(),
      observer: { failed() {}, replayed() {}, stored() {} },
      now: () => world.now,
      wait: () => step(),
    },
    { ...tenure, commit: (...args) => around(() => tenure.commit(...args)) },
    queue,
    { offset, pending: decodeIntent(offset, metadata) },
  )
  return { pump, queue, from: offset, done: pump.run() }
}

/** Runs what waits for its turn one by one, in an order that `pick` decides. */
class Scheduler {
  #waiting: { readonly owner: number; readonly go: () => void }[] = []
  readonly #frozen = new Set<number>()

  step(owner: number): Promise<void> {
    return new Promise((go) => this.#waiting.push({ owner, go }))
  }

  freeze(owner: number): void {
    this.#frozen.add(owner)
  }

  thaw(): void {
    this.#frozen.clear()
  }

  kill(owner: number): void {
    this.#waiting = this.#waiting.filter((one) => one.owner !== owner)
    this.#frozen.add(owner)
  }

  /** False when nobody waits. */
  async run(pick: (below: number) => number): Promise<boolean> {
    // Whatever the last one set going comes to its next step.
    await new Promise((resolve) => setImmediate(resolve))
    const ready = this.#waiting.filter(({ owner }) => !this.#frozen.has(owner))
    const chosen = ready[pick(ready.length)]
    if (!chosen) return false
    this.#waiting = this.#waiting.filter((one) => one !== chosen)
    chosen.go()
    return true
  }
}

function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A topic with what producers do to it: repeats, tombstones, garbage, gaps, formats to come. */
function produceAll(topic: MemoryTopic, random: () => number) {
  const sent: Batch[] = []
  /** Where each batch stands first. */
  const offsets = new Map<string, string>()
  const dead: string[] = []
  const next = Array.from({ length: COLLECTORS }, () => 1)
  for (let i = 0; i < 40; i++) {
    const gap = random() < 0.1 ? 2 : 0
    const what = random()
    if (what < 0.08) topic.produce({ value: null, headers: {} }, gap)
    else if (what < 0.16) topic.produce({ ...batchOf(0, 500), value: Buffer.from('no pprof') }, gap)
    else if (what < 0.2) {
      const { headers, value } = batchOf(0, 600)
      topic.produce({ headers: { ...headers, 'flamewatch-format': '9' }, value }, gap)
    } else if (what < 0.4 && sent.length > 0) {
      topic.produce(sent[Math.floor(random() * sent.length)] as Batch, gap)
      continue
    } else {
      const collector = Math.floor(random() * COLLECTORS)
      const sequence = (next[collector] as number)++
      const batch = batchOf(collector, sequence)
      sent.push(batch)
      topic.produce(batch, gap)
      offsets.set(`host-${collector} ${sequence}`, String(topic.messages.at(-1)?.offset))
      continue
    }
    dead.push(String(topic.messages.at(-1)?.offset))
  }
  return { dead, offsets }
}

/** Ends and begins of intents in the order they were committed: gapless, and never two of one start. */
function checkCommits(topic: MemoryTopic): void {
  let end = 0n
  let last: { lo: bigint; metadata: string } | null = null
  for (const { offset, metadata } of topic.commits) {
    const intent = decodeIntent(offset, metadata)
    if (last && offset === last.lo && intent) expect(metadata).toBe(last.metadata)
    else expect(offset).toBe(end)
    if (!intent) continue
    end = intent.hi + 1n
    last = { lo: offset, metadata }
  }
}

async function runWorld(seed: number): Promise<void> {
  const random = mulberry(seed)
  const pick = (below: number) => Math.floor(random() * below)
  const store = new MemoryStore()
  const topic = new MemoryTopic()
  const buried = new Set<string>()
  const { dead, offsets } = produceAll(topic, random)
  store.beforeInsert = () => {
    if (random() < 0.05) throw storeDown()
  }
  store.beforePart = store.beforeInsert
  store.afterInsert = store.beforeInsert
  const scheduler = new Scheduler()
  let owners = 0
  const runs: Promise<void>[] = []

  function join(tell: boolean) {
    const owner = owners++
    const world = {
      ...{ store, topic, buried, step: () => scheduler.step(owner) },
      // A week later what was begun is still judged as it was; an operator has other ideas of retention.
      now: NOW + pick(2) * 8 * DAY_MS * (random() < 0.02 ? 1 : 0),
      rawDays: random() < 0.1 ? 30 : 7,
      groupMessages: 1 + pick(8),
    }
    const member = { owner, ...startMember(world, topic.join(tell)) }
    runs.push(member.done)
    return { ...member, fetched: topic.messages.findIndex(({ offset }) => offset >= member.from) }
  }

  let member = join(true)
  for (let steps = 0; steps < 5_000; steps++) {
    if (member.fetched >= 0 && member.fetched < topic.messages.length && random() < 0.3) {
      const until = member.fetched + 1 + pick(6)
      member.queue.add(topic.messages.slice(member.fetched, until))
      member.fetched = until
    }
    const isBusy = await scheduler.run(pick)
    const { offset, metadata } = topic.committed
    if (!isBusy && offset === topic.end && metadata === '') break
    const chance = random()
    if (chance < 0.02) {
      scheduler.kill(member.owner)
      member = join(false)
    } else if (chance < 0.035) {
      // Stopped without a word, while another takes over; and goes on one day.
      scheduler.freeze(member.owner)
      member = join(false)
    } else if (chance < 0.04) member = join(true)
    else if (chance < 0.06) scheduler.thaw()
  }
  member.pump.stop()
  // The dead stay dead: only who was frozen goes on, and finds itself fenced.
  while (await scheduler.run(pick));

  expect(topic.committed).toMatchObject({ offset: topic.end, metadata: '' })
  const rows = store.table('ingest').map(({ host, vals }) => `${host} ${vals}`)
  expect(new Set(rows).size).toBe(rows.length)
  const recorded = new Set(store.table('batches').map((row) => `${row['host']} ${row['sequence']}`))
  expect(recorded).toEqual(new Set(rows))
  expect(dead.filter((offset) => !buried.has(offset))).toEqual([])
  // What a clock was wrong about is a dead letter.
  const lost = [...offsets].filter(([name, at]) => !recorded.has(name) && !buried.has(at))
  expect(lost).toEqual([])
  expect(rows.filter((name) => !offsets.has(name))).toEqual([])
  checkCommits(topic)
}

describe('a partition under kills, stops and a failing store', () => {
  test('has every batch stored once and every dead letter buried, whatever the order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), (seed) => runWorld(seed)),
      { numRuns: Number(process.env['FLAMEWATCH_PUMP_RUNS'] ?? 60) },
    )
  })
})
