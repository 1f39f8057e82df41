import { createKafka } from '../kafka/client.ts'
import { explainKafkaError } from '../kafka/fault.ts'
import type { KafkaOptions } from '../kafka/options.ts'
import type { TopicOptions } from '../kafka/topic-options.ts'
import type { TopicState } from '../kafka/topics.ts'
import { compareTopics, createTopic, planTopics } from '../kafka/topics.ts'
import type { CommandContext, ExitCode } from './command.ts'
import { EXIT } from './command.ts'

type Context = Pick<CommandContext, 'log' | 'print' | 'tell'> & {
  readonly options: KafkaOptions & TopicOptions & { readonly dryRun: boolean }
}

/**
 * `flamewatch migrate --kafka`: makes the topics that are missing and says in what the others are less
 * than they should be. Changes nothing about a topic that is there.
 */
export async function migrateTopics({ options, log, print, tell }: Context): Promise<ExitCode> {
  const admin = (await createKafka(options, log)).admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    const plans = planTopics(options, brokers.length)
    const states = await compareTopics(admin, plans, options.kafkaBrokers?.[0] ?? '')
    for (const state of states) {
      const isNew = state.kind === 'missing' && !options.dryRun
      if (isNew) await createTopic(admin, state.plan)
      print(`${state.plan.name}  ${isNew ? 'made' : describe(state)}`)
      for (const line of isNew ? [] : explain(state)) tell(line)
    }
    const isFine = states.every((state) => state.kind === 'missing' || !state.differences.length)
    return isFine ? EXIT.ok : EXIT.badNews
  } catch (error) {
    throw explainKafkaError(error, options)
  } finally {
    await admin.disconnect()
  }
}

function describe(state: TopicState): string {
  const { partitions, replication } = state.plan
  if (state.kind === 'missing') return `missing, ${partitions} partitions × ${replication}`
  const n = state.differences.length
  return n === 0 ? 'as it should be' : `${n} ${n === 1 ? 'difference' : 'differences'}`
}

function explain(state: TopicState): string[] {
  if (state.kind === 'missing') return []
  return state.differences.flatMap(({ what, want, got, remedy }) => [
    `${state.plan.name}: ${what} is ${got || 'unknown'}, expected ${want}`,
    `  Type: ${remedy}`,
  ])
}
