-- The most that an event's own time was ahead of its arrival since the account's last row, in ms: above 0, the source's clock
-- is ahead of the broker's by at least that. Null when nothing was metered since.
ALTER TABLE metering.source_accounts ADD COLUMN IF NOT EXISTS max_ahead_ms Nullable(Int64) AFTER last_arrival;
