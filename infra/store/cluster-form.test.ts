import { describe, expect, it } from 'vitest'
import { createClusterForm } from './cluster-form.ts'

const form = { cluster: 'main', database: 'db' }
const rows = `CREATE TABLE IF NOT EXISTS rows (
  name LowCardinality(String), series_id UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree(name) ORDER BY name SETTINGS non_replicated_deduplication_window = 9`
const sums = `CREATE TABLE IF NOT EXISTS sums (stack_id UInt64, value Int64)
ENGINE = AggregatingMergeTree ORDER BY stack_id`
const view = `CREATE MATERIALIZED VIEW IF NOT EXISTS sums_mv TO sums AS
SELECT s AS stack_id, sum(v) AS value FROM rows ARRAY JOIN stack_ids AS s, vals AS v GROUP BY s`
const small =
  'CREATE TABLE IF NOT EXISTS small (name String) ENGINE = ReplacingMergeTree ORDER BY name'

describe('the cluster form', () => {
  const formOf = createClusterForm(form, [rows, sums, view, small])

  it('of a table is a replicated one and a distributed one of its name', () => {
    expect(formOf(rows)).toEqual([
      `CREATE TABLE IF NOT EXISTS db.rows_local ON CLUSTER 'main' (
  name LowCardinality(String), series_id UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/db.rows', '{replica}', name) ORDER BY name SETTINGS replicated_deduplication_window = 9, replicated_deduplication_window_seconds = 604800`,
      "CREATE TABLE IF NOT EXISTS db.rows ON CLUSTER 'main' AS db.rows_local ENGINE = Distributed('main', 'db', 'rows_local', cityHash64(series_id))",
    ])
  })

  it('of a table a view fills has no key where its rows lie by another', () => {
    expect(formOf(sums)[1]).toMatch(/Distributed\('main', 'db', 'sums_local'\)$/)
  })

  it('of a view stands between the local tables', () => {
    expect(formOf(view)).toEqual([
      `CREATE MATERIALIZED VIEW IF NOT EXISTS db.sums_mv ON CLUSTER 'main' TO db.sums_local AS SELECT s AS stack_id, sum(v) AS value FROM db.rows_local ARRAY JOIN stack_ids AS s, vals AS v GROUP BY s`,
    ])
  })

  it('of a table that nothing spreads is one and the same on all servers', () => {
    expect(formOf(small)).toEqual([
      "CREATE TABLE IF NOT EXISTS db.small ON CLUSTER 'main' (name String) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/db.small', '{shard}-{replica}') ORDER BY name",
    ])
  })

  it('of a new column is one in both tables, of any other change in the local one', () => {
    expect(formOf('ALTER TABLE rows ADD COLUMN IF NOT EXISTS n UInt8')).toEqual([
      "ALTER TABLE db.rows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS n UInt8",
      "ALTER TABLE db.rows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS n UInt8",
    ])
    expect(formOf('ALTER TABLE small ADD COLUMN IF NOT EXISTS n UInt8')).toHaveLength(1)
    expect(formOf('ALTER TABLE rows MODIFY TTL day + toIntervalDay(9)')).toEqual([
      "ALTER TABLE db.rows_local ON CLUSTER 'main' MODIFY TTL day + toIntervalDay(9)",
    ])
  })

  it('is refused for what has none, and for a name that is no cluster', () => {
    expect(() => formOf('INSERT INTO rows SELECT 1')).toThrow('no form for clusters: INSERT')
    expect(() => createClusterForm({ ...form, cluster: "a' b" }, [])).toThrow('name of a cluster')
  })
})
