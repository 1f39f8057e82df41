import { z } from 'zod'
import { kafkaOptions } from '../kafka/options.ts'
import { topicOptions } from '../kafka/topic-options.ts'
import { FlamewatchError } from '../runtime/errors.ts'
import { defineOptions } from '../runtime/options.ts'
import { storeOptions } from '../store/options.ts'
import { defineCommand, EXIT } from './command.ts'

const migrateOptions = defineOptions({
  cluster: {
    flag: '--cluster <name>',
    schema: z.string().optional(),
    help: 'Makes replicated and distributed tables on every server of this cluster of the ClickHouse configuration.',
  },
  dryRun: {
    flag: '--dry-run',
    schema: z.boolean().default(false),
    help: 'Shows what would be applied and changes nothing.',
  },
  print: {
    flag: '--print',
    schema: z.boolean().default(false),
    help: 'Prints the whole schema as SQL, for whoever applies it by hand, and asks no server.',
  },
  kafka: {
    flag: '--kafka',
    schema: z.boolean().default(false),
    help: 'Makes and checks the topics of Kafka instead; the answer is 1 where a topic is less than it should be.',
  },
})

export const command = defineCommand({
  options: { ...storeOptions, ...migrateOptions, ...kafkaOptions, ...topicOptions },
  notes:
    'Two of them at once, or one after a broken off one, do no harm: statements can be repeated.',
  async run({ options, log, lifecycle, print, tell }) {
    if (options.kafka) {
      const { migrateTopics } = await import('./migrate-topics.ts')
      return migrateTopics({ options, log, print, tell })
    }
    const migrate = await import('../store/migrate.ts')
    const database = options.storeDatabase
    const { cluster } = options
    const form = cluster === undefined ? undefined : { cluster, database }
    if (options.print) {
      const statements = migrate.printMigrations(await migrate.readMigrations(), { database, form })
      for (const statement of statements) print(`${statement};\n`)
      return EXIT.ok
    }
    if (form && !options.storeUrl)
      throw new FlamewatchError('option_invalid', 'The embedded store is no cluster.', {
        hint: 'Name a server of the cluster with --store-url.',
      })
    const { createDatabase, openUnmigrated } = await import('../store/open.ts')
    const store = lifecycle.add('store', await openUnmigrated(options, { log }))
    try {
      const { applied, pending } = await migrate.planMigrations(store)
      for (const name of applied) print(`${name}  applied`)
      for (const { name, statements } of pending)
        print(`${name}  pending, ${statements.length} statements`)
      if (options.dryRun || pending.length === 0) return EXIT.ok

      if (store.kind === 'server') await createDatabase(options, { log, cluster })
      await migrate.applyMigrations(store, {
        form,
        onProgress: ({ name, statement, statements }) =>
          tell(`${name}: statement ${statement} of ${statements}`),
      })
      for (const { name } of pending) print(`${name}  applied now`)
      return EXIT.ok
    } finally {
      await lifecycle.close()
    }
  },
})
