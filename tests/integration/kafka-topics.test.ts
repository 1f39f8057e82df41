import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrateTopics } from '../../infra/cli/migrate-topics.ts'
import { createKafka } from '../../infra/kafka/client.ts'
import type { KafkaOptions } from '../../infra/kafka/options.ts'
import { kafkaOptions } from '../../infra/kafka/options.ts'
import { topicOptions } from '../../infra/kafka/topic-options.ts'
import { requireTopic } from '../../infra/kafka/topics.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { defaultOptions } from '../../infra/runtime/options.ts'
import { createCertificates } from '../fixtures/certificates.ts'
import { KafkaBroker } from '../fixtures/kafka/broker.ts'
import { makeTopic, optionsFor } from '../fixtures/kafka/make-topic.ts'

const LAUNCHER = fileURLToPath(new URL('../../infra/cli/flamewatch.sh', import.meta.url))
const log = silentLog()
const password = 'p"w:ä'

let directory: string
let broker: KafkaBroker
let ca: string
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'kafka-topics-'))
  const certificates = createCertificates(directory)
  ca = certificates.ca
  broker = await KafkaBroker.start({ secure: { certificates, users: { ada: 'secret' } } })
})
afterAll(async () => {
  await broker[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

/** What the command prints, says and answers. */
async function migrate(options: Partial<Parameters<typeof migrateTopics>[0]['options']>) {
  const printed: string[] = []
  const told: string[] = []
  const exitCode = await migrateTopics({
    options: {
      ...defaultOptions({ ...kafkaOptions, ...topicOptions }),
      ...{ dryRun: false, kafkaBrokers: [broker.address], ...options },
    },
    log,
    print: (line) => printed.push(line),
    tell: (line) => told.push(line),
  })
  return { exitCode, printed, told: told.join('\n') }
}

describe('flamewatch migrate --kafka', () => {
  test('makes both topics, and finds them as they should be from then on', async () => {
    const kafkaTopic = 'fresh'
    expect(await migrate({ kafkaTopic, dryRun: true })).toMatchObject({
      exitCode: 0,
      printed: ['fresh  missing, 12 partitions × 1', 'fresh.dead  missing, 1 partitions × 1'],
    })
    expect((await migrate({ kafkaTopic })).printed).toEqual(['fresh  made', 'fresh.dead  made'])
    expect(await migrate({ kafkaTopic })).toEqual({
      exitCode: 0,
      printed: ['fresh  as it should be', 'fresh.dead  as it should be'],
      told: '',
    })
  })

  test('says in what a topic is less than it should be, and changes nothing', async () => {
    await makeTopic(broker.address, 'meagre', {
      partitions: 3,
      config: { 'cleanup.policy': 'compact', 'retention.ms': '3600000' },
    })
    for (const _ of [1, 2]) {
      const { exitCode, printed, told } = await migrate({ kafkaTopic: 'meagre' })
      expect(exitCode).toBe(1)
      expect(printed[0]).toBe('meagre  4 differences')
      expect(told).toContain('meagre: partitions is 3, expected 12')
      expect(told).toContain('meagre: cleanup.policy is compact, expected delete')
      expect(told).toContain('meagre: retention.ms is 3600000, expected 604800000')
      expect(told).toContain('meagre: max.message.bytes is 1048588, expected 8388608')
      expect(told).toContain(
        '--alter --entity-type topics --entity-name meagre --add-config cleanup.policy=delete',
      )
    }
  })

  test('finds nothing wrong with a topic that has more', async () => {
    const kafkaTopic = 'ample'
    await migrate({ kafkaTopic, kafkaPartitions: 24, kafkaRetention: 30 })
    expect((await migrate({ kafkaTopic })).exitCode).toBe(0)
  })
})

test('the command is what a user types, and ends with 1 where there is something to do', () => {
  const flamewatch = (...words: string[]) =>
    spawnSync('sh', [LAUNCHER, 'migrate', '--kafka', ...words], { encoding: 'utf8' })
  const brokers = ['--kafka-brokers', broker.address, '--kafka-topic', 'typed']
  expect(flamewatch(...brokers)).toMatchObject({
    ...{ status: 0, stderr: '', stdout: 'typed  made\ntyped.dead  made\n' },
  })
  expect(flamewatch(...brokers, '--kafka-partitions', '24')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(
      `kafka-topics.sh --bootstrap-server ${broker.address} --alter --topic typed --partitions 24`,
    ),
  })
  expect(flamewatch()).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--kafka-brokers'),
  })
})

describe('a broker with TLS and passwords', () => {
  const secure = (): Partial<KafkaOptions> => ({
    ...{ kafkaBrokers: [broker.secureAddress], kafkaTopic: 'guarded', kafkaCa: ca },
    ...{ kafkaSasl: 'plain', kafkaUser: 'ada', kafkaPassword: 'secret' },
  })

  test('takes whom it knows, with the password from a file', async () => {
    const kafkaPasswordFile = join(directory, 'password')
    writeFileSync(kafkaPasswordFile, 'secret\n')
    const options = { ...secure(), kafkaPassword: undefined, kafkaPasswordFile }
    expect((await migrate(options)).printed).toContain('guarded  made')
  })

  test.each([
    ['a wrong password', { kafkaPassword: password }, '--kafka-user'],
    ['a mechanism it does not have', { kafkaSasl: 'scram-sha-256' as const }, '--kafka-sasl'],
    ['an authority nobody knows', { kafkaCa: undefined, kafkaTls: true }, '--kafka-ca'],
  ])('refuses %s, and the error says what to check', async (_, wrong, flag) => {
    const refused = migrate({ ...secure(), ...wrong })
    await expect(refused).rejects.toMatchObject({
      code: 'kafka_refused',
      message: expect.not.stringContaining(password),
      hint: expect.stringContaining(flag),
    })
  })

  test('asked without TLS cannot be reached, and the error names the option', async () => {
    const options = { ...secure(), kafkaCa: undefined, kafkaUser: undefined }
    await expect(migrate({ ...options, kafkaPassword: undefined })).rejects.toMatchObject({
      code: 'kafka_unreachable',
      hint: expect.stringContaining('--kafka-tls'),
    })
  })
})

test('a topic that is missing is an error with the command that makes it', async () => {
  const admin = (await createKafka(optionsFor(broker.address), log)).admin()
  await admin.connect()
  const asked = requireTopic(admin, 'nowhere').finally(() => admin.disconnect())
  await expect(asked).rejects.toMatchObject({
    code: 'kafka_topic',
    message: expect.stringContaining('nowhere'),
    hint: expect.stringContaining('flamewatch migrate --kafka'),
  })
})

test.each([
  [{ kafkaBrokers: undefined }, '--kafka-brokers'],
  [{ kafkaPassword: 'a', kafkaPasswordFile: 'b' }, '--kafka-password-file'],
  [{ kafkaUser: 'ada' }, '--kafka-password'],
  [{ kafkaPassword: 'a' }, '--kafka-user'],
  [{ kafkaCert: 'a' }, '--kafka-key'],
])('options that do not go together are an error: %j', async (wrong, flag) => {
  await expect(migrate(wrong)).rejects.toMatchObject({
    code: 'option_invalid',
    hint: expect.stringContaining(flag),
  })
})
