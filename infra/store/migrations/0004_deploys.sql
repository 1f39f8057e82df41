-- What was told about a version. That it was deployed is found by itself, from its first profile; the
-- commit and a link are for people.

CREATE TABLE IF NOT EXISTS deploys (
  tenant LowCardinality(String),
  service LowCardinality(String),
  version String,
  commit String,
  link String,
  told_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(told_at)
ORDER BY (tenant, service, version)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
