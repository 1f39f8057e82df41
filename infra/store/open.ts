import { FlamewatchError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { openChdb } from './chdb.ts'
import { applyMigrations, planMigrations } from './migrate.ts'
import type { StoreOptions } from './options.ts'
import type { Store } from './store.ts'

export type StoreDeps = { readonly log: Log; readonly metrics?: Metrics }

/**
 * Opens the store the options name, with the schema of this release: an embedded store is brought up
 * to date, on a server that is the administrator's step (`flamewatch migrate`) and only checked.
 * Throws `store_locked`, `store_unavailable` or `migration`.
 */
export async function openStore(options: StoreOptions, deps: StoreDeps): Promise<Store> {
  const store = await openUnmigrated(options, deps)
  try {
    if (store.kind === 'embedded') await applyMigrations(store)
    else await requireMigrated(store)
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

/** As `openStore`, whatever state the schema is in. */
export async function openUnmigrated(options: StoreOptions, deps: StoreDeps): Promise<Store> {
  return openChdb(options.data, deps.log)
}

async function requireMigrated(store: Store): Promise<void> {
  const { pending } = await planMigrations(store)
  if (pending.length === 0) return
  const names = pending.map(({ name }) => name).join(', ')
  throw new FlamewatchError('migration', `The store lacks: ${names}.`, {
    hint: 'Run `flamewatch migrate` with the same --store options.',
  })
}
