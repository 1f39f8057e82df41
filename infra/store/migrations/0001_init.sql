-- Rows come in through `ingest`, which stores nothing: views spread one block over the tables below,
-- so that one deduplication token covers all of them. Dictionaries (functions, stacks) are written
-- before the rows that name them. Retention classes (raw_days, rollup_days) are part of the partition
-- key because a part is dropped as a whole.

CREATE TABLE IF NOT EXISTS ingest (
  tenant LowCardinality(String),
  service LowCardinality(String),
  type LowCardinality(String),
  version LowCardinality(String),
  host LowCardinality(String),
  time DateTime('UTC'),
  duration_ms UInt32,
  period Int64,
  series_id UInt64,
  labels Map(LowCardinality(String), LowCardinality(String)),
  raw_days UInt16,
  rollup_days UInt16,
  topic_partition UInt32,
  topic_offset UInt64,
  stack_ids Array(UInt64),
  vals Array(Int64)
) ENGINE = Null;

-- One row per series, type and window.
CREATE TABLE IF NOT EXISTS profiles (
  tenant LowCardinality(String),
  service LowCardinality(String),
  type LowCardinality(String),
  version LowCardinality(String),
  time DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  series_id UInt64 CODEC(Delta, ZSTD(1)),
  duration_ms UInt32 CODEC(ZSTD(1)),
  period Int64 CODEC(ZSTD(1)),
  n UInt32 CODEC(ZSTD(1)),
  total Int64 CODEC(ZSTD(1)),
  raw_days UInt16 CODEC(ZSTD(1)),
  topic_partition UInt32 CODEC(ZSTD(1)),
  topic_offset UInt64 CODEC(Delta, ZSTD(1)),
  stack_ids Array(UInt64) CODEC(ZSTD(3)),
  vals Array(Int64) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY (toDate(time), raw_days)
ORDER BY (tenant, service, type, toStartOfHour(time), series_id, time)
TTL time + toIntervalDay(raw_days)
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 512,
  min_compress_block_size = 1048576, max_compress_block_size = 4194304, ttl_only_drop_parts = 1,
  fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_mv TO profiles AS
SELECT tenant, service, type, version, time, series_id, duration_ms, period, length(vals) AS n,
  arraySum(vals) AS total, raw_days, topic_partition, topic_offset, stack_ids, vals
FROM ingest;

CREATE TABLE IF NOT EXISTS series (
  tenant LowCardinality(String),
  service LowCardinality(String),
  day Date,
  series_id UInt64,
  version LowCardinality(String),
  host LowCardinality(String),
  labels Map(LowCardinality(String), LowCardinality(String))
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, service, day, series_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS series_mv TO series AS
SELECT tenant, service, toDate(time) AS day, series_id, any(version) AS version, any(host) AS host,
  any(labels) AS labels
FROM ingest GROUP BY tenant, service, day, series_id;

-- Stacks of all hosts together, by ten minutes.
CREATE TABLE IF NOT EXISTS stack_10m (
  tenant LowCardinality(String),
  service LowCardinality(String),
  type LowCardinality(String),
  version LowCardinality(String),
  bucket DateTime('UTC') CODEC(Delta, ZSTD(1)),
  rollup_days UInt16 CODEC(ZSTD(1)),
  stack_id UInt64 CODEC(Delta, ZSTD(1)),
  value SimpleAggregateFunction(sum, Int64) CODEC(GCD, ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY (toDate(bucket), rollup_days)
ORDER BY (tenant, service, type, version, toStartOfHour(bucket), stack_id, bucket)
TTL bucket + toIntervalDay(rollup_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1,
  fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS stack_10m_mv TO stack_10m AS
SELECT tenant, service, type, version, toStartOfTenMinutes(time) AS bucket, rollup_days,
  s AS stack_id, sum(v) AS value
FROM ingest ARRAY JOIN stack_ids AS s, vals AS v
GROUP BY tenant, service, type, version, bucket, rollup_days, stack_id;

-- `frames` are function ids ROOT first: the leaf is frames[-1].
CREATE TABLE IF NOT EXISTS stacks (
  tenant LowCardinality(String),
  service LowCardinality(String),
  stack_id UInt64,
  frames Array(UInt64) CODEC(ZSTD(1)),
  last_seen Date
) ENGINE = ReplacingMergeTree(last_seen)
ORDER BY (tenant, service, stack_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS functions (
  tenant LowCardinality(String),
  function_id UInt64,
  name String CODEC(ZSTD(1)),
  file LowCardinality(String),
  module LowCardinality(String)
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, function_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The ledger of collectors' batches: what makes a batch sent twice stored once, and the account.
CREATE TABLE IF NOT EXISTS batches (
  tenant LowCardinality(String),
  collector LowCardinality(String),
  epoch UInt64,
  sequence UInt64 CODEC(Delta, ZSTD(1)),
  host LowCardinality(String),
  window_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  window_end DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  taken UInt64,
  idle UInt64,
  kept UInt64,
  dropped Map(LowCardinality(String), UInt64),
  faults Map(LowCardinality(String), UInt64),
  notes Array(LowCardinality(String)),
  profiles UInt32,
  samples UInt32,
  bytes UInt32
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(window_start)
ORDER BY (tenant, collector, epoch, sequence)
TTL toDateTime(window_start) + toIntervalDay(90)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
