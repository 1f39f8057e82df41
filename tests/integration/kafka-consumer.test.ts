import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEAD_HEADERS } from '../../infra/contract/dead-letter.ts'
import { deadTopic } from '../../infra/kafka/options.ts'
import { readTopic, type StoredMessage } from '../../infra/kafka/read-topic.ts'
import { sql } from '../../infra/store/sql.ts'
import { eventually } from '../fixtures/eventually.ts'
import { untilSettled } from '../fixtures/kafka/check-once.ts'
import { type Fleet, startFleet } from '../fixtures/kafka/fleet.ts'
import { batchMessage } from '../fixtures/kafka/messages.ts'
import type { RunningServer } from '../fixtures/running-server.ts'

const START = Math.floor(Date.now() / 10_000) * 10_000 - 3_600_000

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet({ partitions: 2 })
})
afterAll(() => fleet[Symbol.asyncDispose]())

function send(
  messages: readonly { value: Buffer | null; headers?: Record<string, string | string[]> }[],
) {
  return fleet.producer.send({ topic: fleet.client.topic, acks: -1, messages: [...messages] })
}

async function stored() {
  const [row] = await fleet.store.rows<{ n: string; batches: string }>(sql`
    SELECT count() AS n, (SELECT count() FROM batches FINAL) AS batches FROM profiles`)
  return { profiles: Number(row?.n), batches: Number(row?.batches) }
}

async function metricsOf({ url }: RunningServer): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => /^flamewatch_(kafka|ingest)/.test(line))
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]))
}

async function deadLetters(): Promise<StoredMessage[]> {
  const letters: StoredMessage[] = []
  await readTopic(
    fleet.client,
    deadTopic(fleet.client.topic),
    (letter) => void letters.push(letter),
  )
  return letters
}

describe('flamewatch ingest, from Kafka', () => {
  test('stores each batch once, sends what it cannot read to the dead, and says so', async () => {
    const good = Array.from({ length: 60 }, (_, i) =>
      batchMessage(i % 3, 1 + Math.floor(i / 3), START),
    )
    const one = good[7]
    if (!one) throw new Error('no batch')
    const bad = {
      newer: { ...one, headers: { ...one.headers, 'flamewatch-format': '7' } },
      tombstone: { key: 'x', value: null },
      garbage: {
        ...one,
        value: Buffer.from('no pprof'),
        headers: batchMessage(0, 200, START).headers,
      },
      twice: { ...one, headers: { ...one.headers, 'flamewatch-epoch': ['1', '2'] } },
      late: batchMessage(1, 1, START - 30 * 86_400_000),
    }
    await using server = await fleet.startIngest()
    await send([...good.slice(0, 30), ...Object.values(bad), ...good.slice(20)])
    await untilSettled(fleet)
    expect(await stored()).toEqual({ profiles: 60, batches: 60 })

    const reasons = (await deadLetters()).map(({ headers, value }) => ({
      reason: headers?.[DEAD_HEADERS.reason]?.toString(),
      value,
    }))
    expect(reasons.map(({ reason }) => reason).sort()).toEqual([
      'malformed',
      'malformed',
      'malformed',
      'newer_format',
      'out_of_range',
    ])
    const newer = reasons.find(({ reason }) => reason === 'newer_format')
    expect(newer?.value).toEqual(one.value)

    const metrics = await metricsOf(server)
    expect(Object.fromEntries(metrics)).toMatchObject({
      'flamewatch_ingest_received_total{door="kafka",result="stored"}': 60,
      'flamewatch_ingest_received_total{door="kafka",result="duplicate"}': 10,
      'flamewatch_kafka_dead_letters_total{reason="newer_format"}': 1,
      'flamewatch_kafka_dead_letters_total{reason="malformed"}': 3,
      flamewatch_kafka_paused_partitions: 0,
    })
    const lags = [...metrics].filter(([name]) => name.startsWith('flamewatch_kafka_lag'))
    expect(lags.map(([, lag]) => lag)).toEqual([0, 0])
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    expect(await server.stop()).toBe(0)
  })

  test('an outage of the store delays, and sends nothing to the dead', async () => {
    const before = { ...(await stored()), dead: (await deadLetters()).length }
    await using server = await fleet.startIngest()
    fleet.front.breakNext(1_000_000, 'before')
    await send(Array.from({ length: 20 }, (_, i) => batchMessage(4, 1 + i, START)))
    await eventually('tries fail', async () => {
      const metrics = await metricsOf(server)
      return [...metrics].some(([name, n]) => name.startsWith('flamewatch_kafka_failures') && n > 1)
    })
    expect((await stored().catch(() => before)).profiles).toBe(before.profiles)
    fleet.front.breakNext(0, 'before')
    await untilSettled(fleet)
    expect(await stored()).toEqual({ profiles: before.profiles + 20, batches: before.batches + 20 })
    expect(await deadLetters()).toHaveLength(before.dead)
    expect(await server.stop()).toBe(0)
  })

  test('a lost answer of the store leaves the rows once', async () => {
    const before = await stored()
    await using server = await fleet.startIngest()
    for (let i = 0; i < 3; i++) {
      await send([batchMessage(5, 1 + i, START)])
      fleet.front.breakNext(2, 'after')
      await untilSettled(fleet)
    }
    fleet.front.breakNext(0, 'after')
    expect(await stored()).toEqual({ profiles: before.profiles + 3, batches: before.batches + 3 })
    expect(await server.stop()).toBe(0)
  })

  test('a topic that is not there is said with the command that makes it', async () => {
    const options = ['--kafka-topic', 'nowhere']
    await expect(fleet.startIngest({ options })).rejects.toThrow(
      /ended with 2:[\s\S]*There is no topic nowhere[\s\S]*flamewatch migrate --kafka/,
    )
  })
})
