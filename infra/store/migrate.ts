import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { FlamewatchError } from '../runtime/errors.ts'
import { type ClusterForm, createClusterForm } from './cluster-form.ts'
import { splitStatements } from './split-sql.ts'
import { type Sql, sql, sqlText, trustedSql } from './sql.ts'
import type { Store } from './store.ts'

// Migrations are numbered files that are applied in order and never edited. Each statement in them
// can run twice (CREATE … IF NOT EXISTS, …): a run that broke off is repeated from the file's start,
// and two processes that migrate one server at the same time do each other no harm.

export type Migration = {
  /** File name without `.sql`. */
  readonly name: string
  readonly statements: readonly string[]
  /** Of the statements: comments and spacing around them may be improved later. */
  readonly checksum: string
}

export type MigrationPlan = {
  readonly applied: readonly string[]
  readonly pending: readonly Migration[]
}

export type MigrationProgress = {
  readonly name: string
  /** From 1. */
  readonly statement: number
  readonly statements: number
}

const DIRECTORY = new URL('./migrations/', import.meta.url)
const FILE = /^(\d{4}_[a-z0-9_]+)\.sql$/

export type MigrationOptions = {
  readonly onProgress?: (progress: MigrationProgress) => void
  /** Those of this release unless given. */
  readonly migrations?: readonly Migration[]
  /** Makes the tables of a cluster instead of one server's. */
  readonly form?: ClusterForm | undefined
}

const LEDGER = `CREATE TABLE IF NOT EXISTS migrations (name String, checksum String, applied_at DateTime64(3, 'UTC'))
ENGINE = ReplacingMergeTree ORDER BY name SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`

/** The migrations of this release, in order. */
export async function readMigrations(directory: URL = DIRECTORY): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (file) => {
      const name = FILE.exec(file)?.[1]
      if (name === undefined)
        throw new FlamewatchError('migration', `Expected a name like 0001_init.sql, got ${file}.`)
      return toMigration(name, await readFile(new URL(file, directory), 'utf8'))
    }),
  )
}

export function toMigration(name: string, text: string): Migration {
  const statements = splitStatements(text)
  const checksum = createHash('sha256').update(statements.join(';\n')).digest('hex')
  return { name, statements, checksum }
}

/**
 * What is applied and what is not. Throws `migration` when the store was made by another set of
 * files: an applied file was edited, or is not known to this release.
 */
export async function planMigrations(
  store: Store,
  migrations?: readonly Migration[],
): Promise<MigrationPlan> {
  const known = migrations ?? (await readMigrations())
  const applied = await readLedger(store)
  for (const [name, checksum] of applied) {
    const migration = known.find((candidate) => candidate.name === name)
    if (!migration)
      throw new FlamewatchError('migration', `The store has migration ${name}, unknown here.`, {
        hint: 'The store was made by a newer release: use that one, or another store.',
      })
    if (migration.checksum !== checksum)
      throw new FlamewatchError(
        'migration',
        `Migration ${name} was applied with checksum ${checksum.slice(0, 12)}, the file has ${migration.checksum.slice(0, 12)}.`,
        { hint: 'Restore the file as it was released; put changes into a new migration.' },
      )
  }
  return {
    applied: known.filter(({ name }) => applied.has(name)).map(({ name }) => name),
    pending: known.filter(({ name }) => !applied.has(name)),
  }
}

/**
 * Applies what is pending and returns its names. After an error run it again: it goes on with the
 * file that broke off. Throws `migration` when the store is of the other form.
 */
export async function applyMigrations(
  store: Store,
  { onProgress = () => {}, migrations, form }: MigrationOptions = {},
): Promise<string[]> {
  const known = migrations ?? (await readMigrations())
  await requireForm(store, form)
  const formOf = createForm(known, form)
  for (const statement of formOf(LEDGER)) await store.run(trustedSql(statement))
  const { pending } = await planMigrations(store, known)
  for (const migration of pending) await applyMigration(store, migration, formOf, onProgress)
  return pending.map(({ name }) => name)
}

/** All that makes a store of this release, as a script for a client of the server. */
export function printMigrations(
  migrations: readonly Migration[],
  { database, form }: { readonly database: string; readonly form?: ClusterForm | undefined },
): string[] {
  const formOf = createForm(migrations, form)
  const everywhere = form ? ` ON CLUSTER '${form.cluster}'` : ''
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}${everywhere}`,
    `USE ${database}`,
    ...formOf(LEDGER),
    ...migrations.flatMap(({ name, checksum, statements }) => [
      ...statements.flatMap(formOf),
      sqlText(recordOf(name, checksum)),
    ]),
  ]
}

function createForm(
  migrations: readonly Migration[],
  form: ClusterForm | undefined,
): (statement: string) => readonly string[] {
  if (!form) return (statement) => [statement]
  return createClusterForm(
    form,
    migrations.flatMap(({ statements }) => statements),
  )
}

async function applyMigration(
  store: Store,
  { name, statements, checksum }: Migration,
  formOf: (statement: string) => readonly string[],
  onProgress: (progress: MigrationProgress) => void,
): Promise<void> {
  for (const [index, statement] of statements.entries()) {
    onProgress({ name, statement: index + 1, statements: statements.length })
    try {
      for (const each of formOf(statement)) await store.run(trustedSql(each))
    } catch (cause) {
      throw new FlamewatchError(
        'migration',
        `Migration ${name}, statement ${index + 1} of ${statements.length}: ${cause instanceof Error ? cause.message : cause}`,
        {
          hint: 'Remove the cause and run `flamewatch migrate` again: statements that ran are safe to repeat.',
          cause,
        },
      )
    }
  }
  await store.run(recordOf(name, checksum))
}

function recordOf(name: string, checksum: string): Sql {
  return sql`INSERT INTO migrations SELECT ${name}, ${checksum}, now64(3, 'UTC')`
}

/** A later migration in the other form would be applied to one server of many, or to none. */
async function requireForm(store: Store, form: ClusterForm | undefined): Promise<void> {
  if (!(await hasLedger(store))) return
  const [row] = await store.rows<{ spread: string }>(
    sql`SELECT countIf(engine = 'Distributed') AS spread FROM system.tables
      WHERE database = currentDatabase()`,
  )
  const isSpread = Number(row?.spread) > 0
  // A run that broke off before its first table is of no form yet.
  if (form === undefined && isSpread)
    throw new FlamewatchError('migration', 'The store has the tables of a cluster.', {
      hint: 'Give the name of the cluster with --cluster.',
    })
  if (form !== undefined && !isSpread && (await planMigrations(store)).applied.length > 0)
    throw new FlamewatchError('migration', 'The store has the tables of a single server.', {
      hint: 'Migrate without --cluster, or use another --store-database for the cluster.',
    })
}

async function readLedger(store: Store): Promise<ReadonlyMap<string, string>> {
  if (!(await hasLedger(store))) return new Map()
  const rows = await store.rows<{ name: string; checksum: string }>(
    sql`SELECT name, checksum FROM migrations FINAL ORDER BY name`,
  )
  return new Map(rows.map(({ name, checksum }) => [name, checksum]))
}

async function hasLedger(store: Store): Promise<boolean> {
  try {
    const tables = await store.rows(
      sql`SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'`,
    )
    return tables.length > 0
  } catch (error) {
    // The database itself is missing.
    if (error instanceof FlamewatchError && error.code === 'migration') return false
    throw error
  }
}
