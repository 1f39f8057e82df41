-- A collector takes samples by more than the CPU clock, and leaves out what it was told to: the account
-- of a batch says of which profile type it is, and what was filtered.

ALTER TABLE batches
  ADD COLUMN IF NOT EXISTS type LowCardinality(String)
    DEFAULT 'process_cpu:cpu:nanoseconds:cpu:nanoseconds' AFTER host,
  ADD COLUMN IF NOT EXISTS filtered UInt64 DEFAULT 0 AFTER idle;
