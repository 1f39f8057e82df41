import { consumerOptions, ingestOptions } from '../../ingest/options.ts'
import { kafkaOptions } from '../kafka/options.ts'
import { storeOptions } from '../store/options.ts'
import { defineCommand, EXIT } from './command.ts'
import { httpOptions } from './options.ts'
import { startServer } from './server.ts'

/** `flamewatch ingest`: the doors of a fleet, and its share of the topic. */
export const command = defineCommand({
  options: {
    ...httpOptions,
    ...storeOptions,
    ...ingestOptions,
    ...kafkaOptions,
    ...consumerOptions,
  },
  notes:
    'With --kafka-brokers it also takes batches from Kafka, together with the others of its group. It ends with 2\n' +
    'when the client has died for good: whatever started it should start it again.',
  async run(context) {
    const { options, lifecycle, print } = context
    const { url, consuming } = await startServer(context, options, {
      ingest: options,
      ...(options.kafkaBrokers && { kafka: options }),
    })
    const stopped = lifecycle.untilSignal()
    print(`Flamewatch takes profiles at ${url}`)
    await Promise.race([stopped, ...(consuming ? [consuming.died] : [])])
    return EXIT.ok
  },
})
