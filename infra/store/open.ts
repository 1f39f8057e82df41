import { FlamewatchError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { meterStore } from './meter-store.ts'
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
  const { log, metrics } = deps
  const { storeUrl } = options
  const store = storeUrl
    ? await (await loadClickHouse()).openClickHouse({ ...options, storeUrl }, log)
    : await (await loadChdb()).openChdb(options.data, log)
  return metrics ? meterStore(store, metrics) : store
}

/**
 * Makes the database of a server, or of every server of `cluster`, if it is missing; an embedded
 * store always has its one.
 */
export async function createDatabase(
  options: StoreOptions,
  deps: { readonly log: Log; readonly cluster?: string | undefined },
): Promise<void> {
  const { storeUrl } = options
  if (storeUrl) await (await loadClickHouse()).createDatabase({ ...options, storeUrl }, deps)
}

// Only the world in use is loaded: the engine alone is half a gigabyte.
const loadClickHouse = () => import('./clickhouse.ts')
const loadChdb = () => import('./chdb.ts')

async function requireMigrated(store: Store): Promise<void> {
  const { pending } = await planMigrations(store)
  if (pending.length === 0) return
  const names = pending.map(({ name }) => name).join(', ')
  throw new FlamewatchError('migration', `The store lacks: ${names}.`, {
    hint: 'Run `flamewatch migrate` with the same --store options.',
  })
}
