-- What METER took of each epoch of each source: absolute values, the newest wins. All that an account counts lies in
-- blocks below its own block_offset.
CREATE TABLE IF NOT EXISTS metering.source_accounts
(
    source           LowCardinality(String),
    epoch            Int64,
    received         Int64,
    metered          Int64,
    rejected         Int64,
    duplicate        Int64,
    too_old_to_tell  Int64,
    unnumbered       Int64,
    highest_sequence Int64,
    lost             Int64,
    input_tokens     Int128,
    output_tokens    Int128,
    last_arrival     DateTime64(3, 'UTC'),
    ledger_partition UInt32,
    block_offset     UInt64
)
ENGINE = ReplacingMergeTree(received)
ORDER BY (source, epoch, ledger_partition)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Records that could not be metered; their originals are in the topic.
CREATE TABLE IF NOT EXISTS metering.dead_letters
(
    arrived_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    topic            LowCardinality(String),
    partition        Int32,
    offset           Int64 CODEC(Delta, ZSTD(1)),
    reason           LowCardinality(String),
    detail           String CODEC(ZSTD(1)),
    source           String CODEC(ZSTD(1)),
    epoch            Nullable(Int64),
    sequence         Nullable(Int64),
    value_length     Int64,
    ledger_partition UInt32,
    block_offset     UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (arrived_at, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

-- The prices that events were priced by: price_version in token_events names one. Tiers by the request's input.
CREATE TABLE IF NOT EXISTS metering.prices
(
    model                 String,
    provider              LowCardinality(String),
    price_version         UInt64,
    effective_from        DateTime64(6, 'UTC'),
    above_input_tokens    Int64,
    input_pico_usd        Int64,
    cached_input_pico_usd Int64,
    cache_write_pico_usd  Int64,
    output_pico_usd       Int64,
    reasoning_pico_usd    Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (model, effective_from, price_version, above_input_tokens)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Where the rows came from: a topic of a cluster. Its number, times 65,536, plus the topic's partition is the rows'
-- ledger_partition, so that pipelines of several clusters or prefixes may share a ledger and offsets never meet.
CREATE TABLE IF NOT EXISTS metering.ledger_origins
(
    number      UInt32,
    cluster_id  String,
    topic       String,
    topic_id    String,
    claimed_at  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
