import { z } from 'zod'
import { defineOptions } from '../runtime/options.ts'
import { storeOptions } from '../store/options.ts'
import { defineCommand, EXIT } from './command.ts'

const migrateOptions = defineOptions({
  dryRun: {
    flag: '--dry-run',
    schema: z.boolean().default(false),
    help: 'Shows what would be applied and changes nothing.',
  },
})

export const command = defineCommand({
  options: { ...storeOptions, ...migrateOptions },
  notes:
    'Two of them at once, or one after a broken off one, do no harm: statements can be repeated.',
  async run({ options, log, lifecycle, print, tell }) {
    const { applyMigrations, planMigrations } = await import('../store/migrate.ts')
    const { createDatabase, openUnmigrated } = await import('../store/open.ts')
    const store = lifecycle.add('store', await openUnmigrated(options, { log }))
    try {
      const { applied, pending } = await planMigrations(store)
      for (const name of applied) print(`${name}  applied`)
      for (const { name, statements } of pending)
        print(`${name}  pending, ${statements.length} statements`)
      if (options.dryRun || pending.length === 0) return EXIT.ok

      if (store.kind === 'server') await createDatabase(options, { log })
      await applyMigrations(store, ({ name, statement, statements }) =>
        tell(`${name}: statement ${statement} of ${statements}`),
      )
      for (const { name } of pending) print(`${name}  applied now`)
      return EXIT.ok
    } finally {
      await lifecycle.close()
    }
  },
})
