-- What GOVERN has decided, in force and in shadow, and what it has taken back (action taken_back).
CREATE TABLE IF NOT EXISTS metering.decisions
(
    decided_at        DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    effective_at      DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    expires_at        Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    key               String CODEC(ZSTD(1)),
    scope             String CODEC(ZSTD(1)),
    version           Int64 CODEC(Delta, ZSTD(1)),
    action            LowCardinality(String),
    enforce           UInt8,
    policy            LowCardinality(String),
    unit              LowCardinality(String),
    per               LowCardinality(String),
    tokens_per_second Nullable(Int64),
    max_output_tokens Nullable(Int64),
    retry_after_ms    Nullable(Int64),
    amount            Nullable(Int64),
    because           Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    reason            String CODEC(ZSTD(1)),
    ledger_partition  UInt32,
    block_offset      UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(decided_at)
ORDER BY (policy, scope, decided_at)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;
