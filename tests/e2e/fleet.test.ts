import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BackOff } from '../../collector/back-off.ts'
import { CatchUpPace } from '../../collector/catch-up-pace.ts'
import { KafkaPublisher } from '../../collector/kafka-publisher.ts'
import { Sender } from '../../collector/sender.ts'
import { Spool } from '../../collector/spool/spool.ts'
import { addAccounts, EMPTY_ACCOUNT } from '../../infra/contract/account.ts'
import { batchToken } from '../../infra/contract/batch.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import type { AccountAnswer, AuditAnswer } from '../../query/api.ts'
import { eventually } from '../fixtures/eventually.ts'
import { type Fleet, startFleet } from '../fixtures/kafka/fleet.ts'
import { optionsFor } from '../fixtures/kafka/make-topic.ts'
import { batchHeaders, readMessages, type TopicMessage } from '../fixtures/kafka/read-messages.ts'
import { type RunningServer, startServer } from '../fixtures/running-server.ts'
import { requireRoot } from '../kernel/programs.ts'

// The way of a fleet: collectors, a real Kafka broker, two ingest processes, one store, the API. What comes
// out is compared with what the direct way, HTTP to one process, makes of the same batches.

const LAUNCHER = join(import.meta.dirname, '../../infra/cli/flamewatch.sh')
const PERIOD_NS = Math.round(1e9 / 99)
const log = silentLog()

let directory: string
let fleet: Fleet
let direct: RunningServer
beforeEach(requireRoot)
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-e2e-fleet-'))
  fleet = await startFleet({ partitions: 6 })
  direct = await startServer({ options: ['--no-collect'] })
}, 180_000)
afterAll(async () => {
  await direct?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

/** This machine, sampled by `flamewatch collect` until so many windows are in the topic. */
async function sampleThisMachine(windows: number): Promise<TopicMessage[]> {
  const to = ['--kafka-brokers', fleet.broker.address, '--spool', join(directory, 'real')]
  const child = spawn('sh', [LAUNCHER, 'collect', '--window', '1s', ...to], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  await eventually(`${windows} windows`, async () => (await fromTopic()).length >= windows)
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  return fromTopic()
}

function fromTopic(): Promise<TopicMessage[]> {
  return readMessages(fleet.broker.address, fleet.client.topic)
}

/** A collector of its own, with its own spool and numbers, that took what another one took. */
async function replay(name: string, taken: readonly TopicMessage[]): Promise<void> {
  const spool = await Spool.open({
    ...{ directory: join(directory, name), maxBytes: 1e9, maxAgeMs: Infinity, log },
    onDrop: (reason) => expect.unreachable(reason),
  })
  const options = optionsFor(fleet.broker.address, { kafkaTopic: fleet.client.topic })
  const sender = new Sender({
    ...{ queue: spool, log, publisher: await KafkaPublisher.create(options, log) },
    backOff: new BackOff({ firstMs: 50, maxMs: 500 }),
    pace: new CatchUpPace({ factor: Infinity }),
    split: () => expect.unreachable('too large'),
    sleep: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined),
  })
  sender.start()
  for (const message of taken) {
    const { collector: _, epoch: __, sequence: ___, ...headers } = batchHeaders(message)
    await spool.add({ ...headers, body: message.value })
    sender.wake()
  }
  await sender.close(30_000)
  expect(spool.batches).toBe(0)
  await spool.close()
}

async function ask(server: RunningServer, path: string): Promise<Response> {
  const range = { from: 'now-1h', to: 'now+10m' }
  const answer = await fetch(`${server.url}/api/v1/${path}${new URLSearchParams(range)}`)
  expect(answer.status).toBe(200)
  return answer
}

async function accountOf(server: RunningServer): Promise<AccountAnswer> {
  return (await ask(server, 'account?')).json() as Promise<AccountAnswer>
}

/** Every stack with its value, one a line. */
async function stacksOf(server: RunningServer): Promise<string[]> {
  const query = encodeURIComponent('{service!=""}')
  return (await (await ask(server, `flamegraph?format=folded&query=${query}&`)).text())
    .trim()
    .split('\n')
    .sort()
}

test('what three collectors send through Kafka is, sample for sample, what the direct way makes of it', async () => {
  await using first = await fleet.startIngest()
  await using second = await fleet.startIngest()
  await using serve = await fleet.startServe()
  const real = await sampleThisMachine(4)
  await replay('replayed-1', real)
  // From here on the others do its share, and what it had in hand again.
  await first.kill()
  await replay('replayed-2', real)

  const messages = await fromTopic()
  expect(new Set(messages.map(({ key }) => key)).size).toBe(3)
  const batches = new Map(messages.map((one) => [batchToken(batchHeaders(one)), one]))
  const sent = [...batches.values()]
    .map((one) => batchHeaders(one).account)
    .reduce(addAccounts, EMPTY_ACCOUNT)
  expect(sent.kept).toBeGreaterThan(0)

  for (const { headers, value } of batches.values()) {
    const answer = await fetch(`${direct.url}/api/v1/batches`, {
      method: 'POST',
      headers: {
        ...(headers as Record<string, string>),
        'content-type': 'application/vnd.google.protobuf+gzip',
      },
      body: new Uint8Array(value),
    })
    expect(answer.status).toBe(200)
  }
  const account = await eventually('all that was sent is stored', async () => {
    const answer = await accountOf(serve)
    return answer.total.taken >= sent.taken && answer
  })
  expect(account.total).toMatchObject({ ...sent, unaccounted: 0 })
  expect(account.missingBatches).toBe(0)
  expect(account.total).toEqual((await accountOf(direct)).total)
  // And what the ledger says is stored, is: once.
  const audit = await eventually('the audit is content', async () => {
    const answer = (await (await ask(serve, 'audit?')).json()) as AuditAnswer
    return answer.fine && answer
  })
  expect(audit.collectors.map(({ batches }) => batches.stored)).toEqual(
    audit.collectors.map(({ batches }) => batches.sent),
  )

  const stacks = await stacksOf(serve)
  const drawnNs = stacks.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  expect(drawnNs).toBe(sent.kept * PERIOD_NS)
  expect(stacks).toEqual(await stacksOf(direct))
  expect(await second.stop()).toBe(0)
}, 240_000)
