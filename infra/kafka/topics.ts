import { setTimeout } from 'node:timers/promises'
import { FlamewatchError } from '../runtime/errors.ts'
import type { Admin } from './client.ts'
import { ConfigResourceTypes } from './client.ts'
import type { KafkaOptions } from './options.ts'
import { deadTopic } from './options.ts'
import type { TopicOptions } from './topic-options.ts'

export type TopicPlan = {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  /** Kafka's names and values. */
  readonly config: Readonly<Record<string, string>>
}

export type TopicState =
  | { readonly kind: 'missing'; readonly plan: TopicPlan }
  | { readonly kind: 'present'; readonly plan: TopicPlan; readonly differences: Difference[] }

/** In which a topic is less than planned; where it is more, that is somebody's wish. */
export type Difference = {
  readonly what: string
  readonly want: string
  readonly got: string
  /** What to type. */
  readonly remedy: string
}

const DAY_MS = 24 * 3_600_000
const DEAD_DAYS = 30
// A dead letter has the batch and, besides, headers that say what was wrong with it.
const DEAD_EXTRA_BYTES = 1 << 20
const LOOK_MS = 100
const MOST_LOOKS = 100

/** The topic of batches and that of dead letters, for a cluster of so many brokers. */
export function planTopics(options: KafkaOptions & TopicOptions, brokers: number): TopicPlan[] {
  const { kafkaTopic: topic, kafkaPartitions, kafkaRetention, kafkaMessageBytes } = options
  const replication = options.kafkaReplication ?? Math.min(3, brokers)
  const plan = (name: string, partitions: number, days: number, bytes: number): TopicPlan => ({
    name,
    partitions,
    replication,
    config: {
      // Never compact: keys are collectors, of which it would keep one batch each.
      'cleanup.policy': 'delete',
      'retention.ms': String(days * DAY_MS),
      'max.message.bytes': String(bytes),
      // What is acknowledged is on two brokers, where there are three.
      'min.insync.replicas': String(replication > 2 ? 2 : 1),
    },
  })
  return [
    plan(topic, kafkaPartitions, kafkaRetention, kafkaMessageBytes),
    plan(
      deadTopic(topic),
      1,
      Math.max(DEAD_DAYS, kafkaRetention),
      kafkaMessageBytes + DEAD_EXTRA_BYTES,
    ),
  ]
}

/** `broker` is for the lines to type. */
export async function compareTopics(
  admin: Admin,
  plans: readonly TopicPlan[],
  broker: string,
): Promise<TopicState[]> {
  const existing = new Set(await admin.listTopics())
  return Promise.all(
    plans.map(async (plan): Promise<TopicState> => {
      if (!existing.has(plan.name)) return { kind: 'missing', plan }
      return { kind: 'present', plan, differences: await findDifferences(admin, plan, broker) }
    }),
  )
}

/** Resolves when it can be produced to. One that somebody else made meanwhile is fine. */
export async function createTopic(admin: Admin, plan: TopicPlan): Promise<void> {
  const { name, partitions, replication, config } = plan
  await admin.createTopics({
    // kafkajs takes a broker that has not yet heard of the topic for one that never will.
    waitForLeaders: false,
    topics: [
      {
        topic: name,
        numPartitions: partitions,
        replicationFactor: replication,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      },
    ],
  })
  for (let attempt = 0; !(await hasLeaders(admin, name)); attempt++) {
    if (attempt === MOST_LOOKS)
      throw new FlamewatchError('kafka_topic', `Topic ${name} was made and has no leaders.`, {
        hint: 'The log of the brokers says why.',
      })
    await setTimeout(LOOK_MS)
  }
}

async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  if (!(await admin.listTopics()).includes(topic)) return false
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const partitions = topics[0]?.partitions ?? []
  return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)
}

/** Throws `kafka_topic` when it is not there. */
export async function requireTopic(admin: Admin, topic: string): Promise<void> {
  if ((await admin.listTopics()).includes(topic)) return
  throw new FlamewatchError('kafka_topic', `There is no topic ${topic}.`, {
    hint: 'Make it with `flamewatch migrate --kafka`, or name another with --kafka-topic.',
  })
}

async function findDifferences(
  admin: Admin,
  plan: TopicPlan,
  broker: string,
): Promise<Difference[]> {
  const { name } = plan
  const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
  const partitions = topics[0]?.partitions ?? []
  const replicas = Math.min(...partitions.map(({ replicas }) => replicas.length))
  const differences: Difference[] = []
  if (partitions.length < plan.partitions)
    differences.push({
      ...{ what: 'partitions', want: `${plan.partitions}`, got: `${partitions.length}` },
      remedy: `kafka-topics.sh --bootstrap-server ${broker} --alter --topic ${name} --partitions ${plan.partitions}`,
    })
  if (replicas < plan.replication)
    differences.push({
      ...{ what: 'replication', want: `${plan.replication}`, got: `${replicas}` },
      remedy: `kafka-reassign-partitions.sh, or --kafka-replication ${replicas} if that is meant`,
    })
  const got = await readConfig(admin, plan)
  for (const [what, want] of Object.entries(plan.config)) {
    const value = got.get(what) ?? ''
    if (isEnough(what, value, want)) continue
    const remedy = `kafka-configs.sh --bootstrap-server ${broker} --alter --entity-type topics --entity-name ${name} --add-config ${what}=${want}`
    differences.push({ what, want, got: value, remedy })
  }
  return differences
}

async function readConfig(
  admin: Admin,
  { name, config }: TopicPlan,
): Promise<ReadonlyMap<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: Object.keys(config) }],
  })
  const entries = resources.flatMap(({ configEntries }) => configEntries)
  return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
}

function isEnough(what: string, got: string, want: string): boolean {
  if (what === 'cleanup.policy') return got === want
  // Retention without end.
  return Number(got) === -1 || Number(got) >= Number(want)
}
