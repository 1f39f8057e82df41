-- How many batches lay in the collector's spool behind this one when it was sent: with the highest
-- number stored it says how far the collector had got, for `flamewatch audit`.

ALTER TABLE batches ADD COLUMN IF NOT EXISTS waiting UInt32 DEFAULT 0;
