import { FlamewatchError } from '../runtime/errors.ts'
import { identifier } from './statement.ts'

// The schema of a cluster, made from the statements of one server, so that there is one schema:
//
// - A table with rows of many is spread over the shards: `profiles_local` on every server, replicated
//   within its shard, and under the plain name a Distributed table that reads and writes all shards.
//   Statements name the plain table in both forms.
// - Views stand between local tables: a block is split by shard on its way into `ingest`, and what
//   becomes of a part happens on its shard, under the token of the whole.
// - Any other table (the ledger of migrations) stands in full on every server.
//
// Servers must have the macros {shard} and {replica}, as clusters made by hand or by an operator do.
// https://clickhouse.com/docs/engines/table-engines/mergetree-family/replication

export type ClusterForm = {
  /** As in the servers' `remote_servers`. */
  readonly cluster: string
  readonly database: string
}

// A table is spread by the first of these columns that it has. Rows of one series, one collector,
// one stack, one function meet on one shard, where they replace or sum up each other.
const SHARD_COLUMNS = ['series_id', 'collector', 'stack_id', 'function_id'] as const

const CREATE_TABLE =
  /^CREATE TABLE IF NOT EXISTS (?<name>\w+)\s*(?<columns>\([\s\S]*?\))\s*ENGINE = (?<engine>\w+)(?:\((?<parameters>[^)]*)\))?(?<rest>[\s\S]*)$/
const CREATE_VIEW =
  /^CREATE MATERIALIZED VIEW IF NOT EXISTS (?<name>\w+) TO (?<target>\w+) AS\s+(?<select>[\s\S]*)$/
const ALTER_COLUMN =
  /^ALTER TABLE (?<name>\w+)\s+(?<change>(?:ADD|DROP|RENAME|MODIFY|COMMENT) COLUMN [\s\S]*)$/
const ALTER_TABLE = /^ALTER TABLE (?<name>\w+)\s+(?<change>[\s\S]*)$/
const DROP_VIEW = /^DROP VIEW IF EXISTS (?<name>\w+)$/

/**
 * The statements of a cluster for those of one server, which may come from several files: a view
 * names tables of earlier ones. Throws `migration` for a statement that has no such form.
 */
export function createClusterForm(
  { cluster, database }: ClusterForm,
  everyStatement: readonly string[],
): (statement: string) => readonly string[] {
  const shardColumns = new Map(everyStatement.map(shardColumnOf).filter((entry) => entry !== null))
  // Their rows lie where those of the view's source do, whatever else they are about.
  const filledByViews = new Set(everyStatement.map((each) => groups(CREATE_VIEW, each)?.target))
  const everywhere = `ON CLUSTER '${checkedCluster(cluster)}'`
  const full = (name: string) => `${identifier(database)}.${name}`
  const local = (name: string) => full(shardColumns.has(name) ? `${name}_local` : name)

  function createTable({ name, columns, engine, parameters, rest }: Groups): string[] {
    const shardColumn = shardColumns.get(name)
    const replica = shardColumn === undefined ? '{shard}-{replica}' : '{replica}'
    const path = shardColumn === undefined ? 'all' : '{shard}'
    const own = [`'/clickhouse/tables/${path}/${full(name)}'`, `'${replica}'`, parameters]
    const isStored = engine.endsWith('MergeTree')
    const localEngine = isStored ? `Replicated${engine}(${own.filter(Boolean).join(', ')})` : engine
    const table = `CREATE TABLE IF NOT EXISTS ${local(name)} ${everywhere} ${columns} ENGINE = ${localEngine}${replicatedSettings(rest)}`
    if (shardColumn === undefined) return [table]
    const isPlaced = shardColumn === SHARD_COLUMNS[0] || !filledByViews.has(name)
    const key = isPlaced ? `, cityHash64(${shardColumn})` : ''
    const distributed = `Distributed('${cluster}', '${database}', '${name}_local'${key})`
    return [
      table,
      `CREATE TABLE IF NOT EXISTS ${full(name)} ${everywhere} AS ${local(name)} ENGINE = ${distributed}`,
    ]
  }

  function createView({ name, target, select }: Groups): string[] {
    const localSelect = select.replace(
      /\b(FROM|(?<!ARRAY )JOIN) (\w+)\b/g,
      (_, word: string, table: string) => `${word} ${local(table)}`,
    )
    return [
      `CREATE MATERIALIZED VIEW IF NOT EXISTS ${full(name)} ${everywhere} TO ${local(target)} AS ${localSelect}`,
    ]
  }

  return function clusterForm(statement) {
    const table = groups(CREATE_TABLE, statement)
    if (table) return createTable(table)
    const view = groups(CREATE_VIEW, statement)
    if (view) return createView(view)
    const column = groups(ALTER_COLUMN, statement)
    if (column)
      return [...new Set([local(column.name), full(column.name)])].map(
        (name) => `ALTER TABLE ${name} ${everywhere} ${column.change}`,
      )
    const alter = groups(ALTER_TABLE, statement)
    if (alter) return [`ALTER TABLE ${local(alter.name)} ${everywhere} ${alter.change}`]
    const dropped = groups(DROP_VIEW, statement)
    if (dropped) return [`DROP VIEW IF EXISTS ${full(dropped.name)} ${everywhere}`]
    throw new FlamewatchError(
      'migration',
      `A statement has no form for clusters: ${statement.slice(0, 80)}`,
      {
        hint: 'Write it as the others in infra/store/migrations, or teach cluster-form.ts the new one.',
      },
    )
  }
}

/** It stands in string literals. */
export function checkedCluster(cluster: string): string {
  if (/^[\w.-]{1,100}$/.test(cluster)) return cluster
  throw new FlamewatchError('option_invalid', `Expected the name of a cluster, got "${cluster}".`)
}

// What a group that took part in no match has is ''.
type Groups = Readonly<
  Record<
    'name' | 'columns' | 'engine' | 'parameters' | 'rest' | 'target' | 'select' | 'change',
    string
  >
>

function groups(pattern: RegExp, statement: string): Groups | null {
  const found = pattern.exec(statement)?.groups
  if (!found) return null
  const { name = '', columns = '', engine = '', parameters = '', rest = '' } = found
  const { target = '', select = '', change = '' } = found
  return { name, columns, engine, parameters, rest, target, select, change }
}

function shardColumnOf(statement: string): [name: string, column: string] | null {
  const table = groups(CREATE_TABLE, statement)
  const column = SHARD_COLUMNS.find((name) =>
    new RegExp(`[(,]\\s*${name} `).test(table?.columns ?? ''),
  )
  return table && column ? [table.name, column] : null
}

// Tokens are remembered for as long as before, and for a week: a spool may send again after days.
function replicatedSettings(rest: string): string {
  return rest.replace(
    /\bnon_replicated_deduplication_window = (\d+)/,
    'replicated_deduplication_window = $1, replicated_deduplication_window_seconds = 604800',
  )
}
