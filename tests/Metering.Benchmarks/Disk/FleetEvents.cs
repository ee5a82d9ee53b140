using System.Globalization;

namespace Metering.Benchmarks.Disk;

/// <summary>
/// The SQL that makes token events of a busy fleet inside the engine: the same rows on every run, all randomness being a
/// hash of the row's number. What it assumes is in docs/adr/0005-token-events-layout.md.
/// </summary>
internal static class FleetEvents
{
    private const int Gateways = 8, Tenants = 50, Models = 12;
    private const string Columns = "source, epoch, sequence, event_time, request_id, attempt, tenant, api_key, route, model, served_model, provider, pool, node, operation, status, outcome, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, streamed, queue_us, ttft_us, duration_us, gpu_us, kv_token_ms, tags, cost_pico_usd, priced, price_version, arrived_at, ledger_partition, block_offset";

    /// <summary>INSERT of the events with these numbers, in the order of their publication.</summary>
    public static string Insert(Fleet fleet, string table, long from, int count) => string.Create(CultureInfo.InvariantCulture, $"""
        INSERT INTO {table} ({Columns})
        WITH
            toUInt8(number % {Gateways}) AS s, 1767225600000000 + number * {1_000_000 / fleet.EventsPerSecond} AS at,
            {Zipf(Tenants, U(1))} AS t, {Zipf(3, U(14))} AS k,
            {Zipf(Models, $"if({U(23)} < 0.85, {App(2)}, {U(2)})")} AS m, {fleet.OwnModels} AS own, {fleet.MeasuredModels} AS measured, {App(9)} < 0.65 AS streams,
            toInt64(greatest(1, least(200000, exp(6.9 + {AppNormal(3)} + 0.8 * {Normal(3)})))) AS i,
            toInt64(if({App(4)} < 0.5 AND {U(4)} < 0.7, floor(i * (0.5 + 0.4 * {U(5)}) / 128) * 128, 0)) AS ci,
            toInt64(greatest(1, least(32000, exp(5 + 0.7 * {AppNormal(7)} + 0.8 * {Normal(7)})))) AS o,
            toInt64((200000 + 30000 * m) * exp(0.5 * {Normal(10)})) AS ttft,
            toInt64(ttft + o * (8000 + 1000 * m) * exp(0.25 * {Normal(11)})) AS duration,
            [2500000, 150000, 1100000, 15000000, 400000, 2000000, 100000, 3000000, 800000, 75000, 250000, 1250000][m] AS price
        SELECT
            'gateway-' || toString(s), 7451398210000 + s * 977, intDiv(number, {Gateways}) + 1, fromUnixTimestamp64Micro(toInt64(at + {fleet.DisorderUs} * {U(12)}), 'UTC'),
            toString(generateUUIDv4(number)), if({U(13)} < 0.02, 2, 1),
            'tenant-' || toString(t), 'key_' || toString(t) || '_' || toString(k), ['chat', 'rag', 'agents', 'batch'][toUInt8(1 + floor({App(15)} * 4))],
            'model-' || toString(m), 'model-' || toString(m) || '-2025-11-' || toString(10 + m), ['openai', 'anthropic', 'google', 'own'][if(own, 4, 1 + m % 3)],
            if(own, 'pool-' || toString(m), ''), if(own, 'node-' || toString(m) || '-' || toString(cityHash64(number, 16) % 8), ''),
            if({U(17)} < 0.97, 'chat', 'completion'),
            multiIf({U(18)} < 0.975, 'ok', {U(18)} < 0.985, 'error', {U(18)} < 0.995, 'cancelled', 'cut'),
            multiIf({U(19)} < 0.95, 'unknown', {U(19)} < 0.99, 'success', 'failure'),
            i, ci, toInt64(if({U(6)} < 0.03, least(i - ci, 1024), 0)), o, toInt64(if(m IN (3, 6), o * 0.7 * {U(8)}, 0)), streams,
            if(own, toInt64(1500 * exp(1.2 * {Normal(20)})), -1), if(streams, ttft, -1), duration,
            if(measured, toInt64(duration * 0.3 * exp(0.4 * {Normal(21)})), -1), if(measured, intDiv((i + intDiv(o, 2)) * duration, 1000), -1),
            if(t % 10 = 0, map('cost_center', 'cc-' || toString(t)), map()),
            (i - ci) * price + ci * intDiv(price, 10) + o * price * [4, 4, 4, 5, 2, 4, 4, 5, 5, 4, 4, 8][m], 1, cityHash64('price', m),
            fromUnixTimestamp64Milli(toInt64(intDiv(at, 5000) * 5 + 7 + cityHash64(intDiv(at, 5000), s, 22) % 3), 'UTC'), s, 4000 + intDiv(number, 8000) * 2
        FROM numbers({from}, {count})
        """);

    /// <summary>Uniform in (0, 1), one for each row; <paramref name="k"/> tells draws apart.</summary>
    private static string U(int k) => Uniform($"number, {k.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>Uniform in (0, 1), one for each application (tenant and key).</summary>
    private static string App(int k) => Uniform($"t, k, {k.ToString(CultureInfo.InvariantCulture)}");

    private static string Normal(int k) => BoxMuller(U(k), U(k + 100));

    private static string AppNormal(int k) => BoxMuller(App(k), App(k + 100));

    private static string Uniform(string of) => $"((cityHash64({of}) + 0.5) / 18446744073709551616.)";

    private static string BoxMuller(string u, string v) => $"(sqrt(-2 * log({u})) * cos(6.283185307179586 * {v}))";

    /// <summary>A rank from 1 to <paramref name="ranks"/> with probabilities as 1 / rank.</summary>
    private static string Zipf(int ranks, string u) => string.Create(CultureInfo.InvariantCulture, $"toUInt8(least({ranks}, floor(exp({u} * log({ranks + 1})))))");
}

/// <summary>What differs between fleets and matters to the bytes.</summary>
/// <param name="EventsPerSecond">Over all gateways: the faster, the closer the times.</param>
/// <param name="DisorderUs">How far event times stray from the order of publication.</param>
/// <param name="OwnModels">SQL over <c>m</c>: models on own GPUs, with pool, node and queue times.</param>
/// <param name="MeasuredModels">SQL over <c>m</c>: models whose nodes report GPU time and KV cache.</param>
internal sealed record Fleet(string Name, int EventsPerSecond, int DisorderUs, string OwnModels, string MeasuredModels)
{
    /// <summary>The load that the design names; one event in six on own GPUs, one in 27 with telemetry.</summary>
    public static Fleet Busy { get; } = new("busy fleet", 20_000, 200, "m IN (5, 7, 11)", "m = 11");

    /// <summary>A twentieth of its events: wider gaps between times.</summary>
    public static Fleet Slow { get; } = new("fleet of 1,000 events/s", 1_000, 4_000, "m IN (5, 7, 11)", "m = 11");

    /// <summary>Every second model on own GPUs, each with telemetry: three more columns of noise.</summary>
    public static Fleet Own { get; } = new("fleet with own GPUs", 20_000, 200, "m % 2 = 0", "m % 2 = 0");
}
