-- An account with its whole equation: published = metered + rejected + in_flight + lost. A verdict on what is missing changes
-- it without an event, so the newest is the one of the highest block, no longer the one that received the most.
DROP TABLE IF EXISTS metering.source_accounts_next;

CREATE TABLE metering.source_accounts_next
(
    source           LowCardinality(String),
    epoch            Int64,
    published        Int64 DEFAULT metered + rejected + lost,
    received         Int64,
    metered          Int64,
    rejected         Int64,
    duplicate        Int64,
    too_old_to_tell  Int64,
    unnumbered       Int64,
    highest_sequence Int64,
    in_flight        Int64,
    lost             Int64,
    input_tokens     Int128,
    output_tokens    Int128,
    last_arrival     DateTime64(3, 'UTC'),
    max_ahead_ms     Nullable(Int64),
    ledger_partition UInt32,
    block_offset     UInt64
)
ENGINE = ReplacingMergeTree(block_offset)
ORDER BY (source, epoch, ledger_partition)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What was missing counted as lost at once; METER tells each account again at its next start.
INSERT INTO metering.source_accounts_next
    (source, epoch, published, received, metered, rejected, duplicate, too_old_to_tell, unnumbered, highest_sequence, in_flight, lost,
     input_tokens, output_tokens, last_arrival, max_ahead_ms, ledger_partition, block_offset)
SELECT source, epoch, metered + rejected + lost, received, metered, rejected, duplicate, too_old_to_tell, unnumbered, highest_sequence, 0, lost,
    input_tokens, output_tokens, last_arrival, max_ahead_ms, ledger_partition, block_offset
FROM metering.source_accounts FINAL;

EXCHANGE TABLES metering.source_accounts AND metering.source_accounts_next;

DROP TABLE metering.source_accounts_next;

-- Rates and findings, as the topic has them: a finding when it begins or grows (firing) and when it is over (resolved).
CREATE TABLE IF NOT EXISTS metering.signals
(
    at               DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    scope            String CODEC(ZSTD(1)),
    kind             LowCardinality(String),
    name             LowCardinality(String),
    state            LowCardinality(String),
    severity         LowCardinality(String),
    window_ms        Int64 CODEC(ZSTD(1)),
    figures          Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    texts            Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    message          String CODEC(ZSTD(1)),
    ledger_partition UInt32,
    block_offset     UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (kind, name, scope, at)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;
