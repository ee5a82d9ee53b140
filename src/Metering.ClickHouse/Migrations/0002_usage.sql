-- Roll-ups by second, minute and hour: sums by the dimensions that dashboards ask for, kept by materialized views in the
-- same insert as the events. Read them with sum(). ledger_partition stands in the key so that each partition's share can
-- be compared with its events, and corrected, on its own.
CREATE TABLE IF NOT EXISTS metering.usage_1s
(
    time                 DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant               LowCardinality(String),
    model                LowCardinality(String),
    served_model         LowCardinality(String),
    route                LowCardinality(String),
    pool                 LowCardinality(String),
    api_key              LowCardinality(String),
    ledger_partition     UInt32,
    requests             Int64 CODEC(T64, ZSTD(1)),
    errors               Int64 CODEC(T64, ZSTD(1)),
    input_tokens         Int64 CODEC(T64, ZSTD(1)),
    cached_input_tokens  Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens   Int64 CODEC(T64, ZSTD(1)),
    output_tokens        Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens     Int64 CODEC(T64, ZSTD(1)),
    cost_pico_usd        Int128 CODEC(ZSTD(1)),
    unpriced             Int64 CODEC(T64, ZSTD(1)),
    successes            Int64 CODEC(T64, ZSTD(1)),
    duration_us          Int64 CODEC(T64, ZSTD(1)),
    gpu_us               Int64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMMDD(time)
ORDER BY (time, tenant, model, served_model, route, pool, api_key, ledger_partition)
TTL time + INTERVAL 1 DAY
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS metering.usage_1m AS metering.usage_1s
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (tenant, model, served_model, route, pool, api_key, time, ledger_partition)
TTL time + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metering.usage_1h AS metering.usage_1s
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (tenant, model, served_model, route, pool, api_key, time, ledger_partition)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS metering.usage_1s_from_events TO metering.usage_1s AS
SELECT
    toDateTime(toStartOfSecond(event_time)) AS time, tenant, model, served_model, route, pool, api_key, ledger_partition,
    toInt64(count()) AS requests,
    toInt64(countIf(status = 'error')) AS errors,
    sum(e.input_tokens) AS input_tokens,
    sum(e.cached_input_tokens) AS cached_input_tokens,
    sum(e.cache_write_tokens) AS cache_write_tokens,
    sum(e.output_tokens) AS output_tokens,
    sum(e.reasoning_tokens) AS reasoning_tokens,
    sum(toInt128(e.cost_pico_usd)) AS cost_pico_usd,
    toInt64(countIf(priced = 0)) AS unpriced,
    toInt64(countIf(outcome = 'success')) AS successes,
    sum(greatest(e.duration_us, 0)) AS duration_us,
    sum(greatest(e.gpu_us, 0)) AS gpu_us
FROM metering.token_events AS e
GROUP BY time, tenant, model, served_model, route, pool, api_key, ledger_partition;

CREATE MATERIALIZED VIEW IF NOT EXISTS metering.usage_1m_from_events TO metering.usage_1m AS
SELECT
    toStartOfMinute(event_time) AS time, tenant, model, served_model, route, pool, api_key, ledger_partition,
    toInt64(count()) AS requests,
    toInt64(countIf(status = 'error')) AS errors,
    sum(e.input_tokens) AS input_tokens,
    sum(e.cached_input_tokens) AS cached_input_tokens,
    sum(e.cache_write_tokens) AS cache_write_tokens,
    sum(e.output_tokens) AS output_tokens,
    sum(e.reasoning_tokens) AS reasoning_tokens,
    sum(toInt128(e.cost_pico_usd)) AS cost_pico_usd,
    toInt64(countIf(priced = 0)) AS unpriced,
    toInt64(countIf(outcome = 'success')) AS successes,
    sum(greatest(e.duration_us, 0)) AS duration_us,
    sum(greatest(e.gpu_us, 0)) AS gpu_us
FROM metering.token_events AS e
GROUP BY time, tenant, model, served_model, route, pool, api_key, ledger_partition;

CREATE MATERIALIZED VIEW IF NOT EXISTS metering.usage_1h_from_events TO metering.usage_1h AS
SELECT
    toStartOfHour(event_time) AS time, tenant, model, served_model, route, pool, api_key, ledger_partition,
    toInt64(count()) AS requests,
    toInt64(countIf(status = 'error')) AS errors,
    sum(e.input_tokens) AS input_tokens,
    sum(e.cached_input_tokens) AS cached_input_tokens,
    sum(e.cache_write_tokens) AS cache_write_tokens,
    sum(e.output_tokens) AS output_tokens,
    sum(e.reasoning_tokens) AS reasoning_tokens,
    sum(toInt128(e.cost_pico_usd)) AS cost_pico_usd,
    toInt64(countIf(priced = 0)) AS unpriced,
    toInt64(countIf(outcome = 'success')) AS successes,
    sum(greatest(e.duration_us, 0)) AS duration_us,
    sum(greatest(e.gpu_us, 0)) AS gpu_us
FROM metering.token_events AS e
GROUP BY time, tenant, model, served_model, route, pool, api_key, ledger_partition;
