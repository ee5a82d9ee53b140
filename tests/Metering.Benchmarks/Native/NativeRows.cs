using System.Globalization;
using System.Text;

namespace Metering.Benchmarks.Native;

/// <summary>Token events for the encoders, made once: their texts as UTF-8, their numbers ready, so that a run measures
/// encoding alone. Names repeat as they do in a fleet; request ids are all new.</summary>
internal sealed class NativeRows
{
    private static readonly int[] Distinct = [8, 200, 400, 20, 3, 30, 30, 6, 12, 300];

    private readonly byte[][][] _names;
    private readonly byte[][] _requestIds;
    private readonly int[] _picks;
    private readonly long[] _numbers;

    public NativeRows(int count, int seed)
    {
        var random = new Random(seed);
        Count = count;
        _names = [.. Distinct.Select((distinct, field) => Enumerable.Range(0, distinct)
            .Select(i => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{NameFields[field]}-{i:D4}"))).ToArray())];
        _requestIds = [.. Enumerable.Range(0, count).Select(_ => Encoding.ASCII.GetBytes("req_" + random.NextInt64().ToString("x16", CultureInfo.InvariantCulture)))];
        _picks = [.. Enumerable.Range(0, count * NameFields.Length).Select(i => (int)(Math.Pow(random.NextDouble(), 3) * Distinct[i % NameFields.Length]))];
        _numbers = [.. Enumerable.Range(0, count * NumberFields.Length).Select(_ => (long)Math.Exp(random.NextDouble() * 14))];
    }

    /// <summary>LowCardinality columns.</summary>
    public static readonly string[] NameFields =
        ["source", "tenant", "api_key", "route", "experiment", "model", "served_model", "provider", "pool", "node"];

    /// <summary>Int64 columns.</summary>
    public static readonly string[] NumberFields =
    [
        "epoch", "sequence", "attempt", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
        "queue_us", "ttft_us", "duration_us", "gpu_us", "kv_token_ms", "cost_pico_usd", "price_version",
    ];

    public int Count { get; }

    public byte[] Name(int row, int field) => _names[field][_picks[row * NameFields.Length + field]];

    public long Number(int row, int field) => _numbers[row * NumberFields.Length + field];

    public byte[] RequestId(int row) => _requestIds[row];

    /// <summary>Unix microseconds, one event each 50 µs.</summary>
    public static long TimeMicros(int row) => 1_790_000_000_000_000 + row * 50L;
}
