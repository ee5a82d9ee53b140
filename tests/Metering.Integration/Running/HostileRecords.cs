using System.Buffers;
using Metering.Events;

namespace Metering.Integration.Running;

/// <summary>A record that must not be metered, and the reason that its dead letter must bear.</summary>
internal sealed record HostileRecord(string Name, string? Key, byte[]? Value, string Reason)
{
    /// <summary>It could be read up to its identity, so that it counts as rejected under its source.</summary>
    public bool IsOfSource { get; init; }

    /// <summary>It lies in another partition than its key's.</summary>
    public bool IsElsewhere { get; init; }
}

/// <summary>Everything that a hostile or broken producer may send, beside good events of the same source.</summary>
internal sealed class HostileRecords(int schemaId, int foreignSchemaId)
{
    public const string Source = "mixed";
    private const int Unknown = 987_654;

    private long _sequence;

    /// <summary>The next good event, which tells the gaps of the bad ones from its own.</summary>
    public byte[] NextGood(out TokenEvent tokenEvent)
    {
        tokenEvent = Event();
        tokenEvent.Sequence = ++_sequence;
        return Encode(tokenEvent);
    }

    public List<HostileRecord> All()
    {
        var good = Encode(Event());
        return
        [
            new("no-value", Source, null, "bad_wire_format"),
            new("empty", Source, [], "bad_wire_format"),
            new("header-cut", Source, good[..3], "bad_wire_format"),
            new("wrong-magic", Source, [1, .. good[1..]], "bad_wire_format"),
            new("schema-id-0", Source, [0, 0, 0, 0, 0, .. good[5..]], "unknown_schema"),
            new("schema-id-negative", Source, [0, 255, 255, 255, 255, .. good[5..]], "unknown_schema"),
            new("schema-unknown", Source, Encode(Event(), Unknown), "unknown_schema"),
            new("schema-of-another-record", Source, Encode(Event(), foreignSchemaId), "incompatible_schema"),
            new("no-body", Source, good[..5], "undecodable"),
            new("cut-in-the-middle", Source, good[..(good.Length / 2)], "undecodable"),
            new("last-byte-missing", Source, good[..^1], "undecodable"),
            new("bytes-left-over", Source, [.. good, 0], "undecodable"),
            new("string-of-4-exabytes", Source, [.. good[..5], 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], "undecodable"),
            new("length-without-end", Source, [.. good[..5], .. Enumerable.Repeat((byte)0xFF, 40)], "undecodable"),
            new("boolean-of-2", Source, Changed(static e => e.Streamed = true, 2), "undecodable"),
            new("enum-without-symbol", Source, Changed(static e => e.Status = Status.Error, 0x7E), "undecodable"),
            new("tenant-not-utf8", Source, Changed(static e => e.Tenant = "Acme", 0xFF), "undecodable"),
            new("random-bytes", Source, [.. good[..5], .. RandomBytes(3_000)], "undecodable"),
            new("large", Source, Encode(With(static e => e.Tags = ManyTags(100, 3_000))), "too_large"),
            new("at-the-message-limit", Source, [.. good, .. RandomBytes(1_040_000 - good.Length)], "too_large"),
            new("grows-when-unpacked", Source, [.. good, .. new byte[3 << 20]], "too_large"),
            new("key-of-another", "somebody-else", good, "key_is_not_source"),
            new("no-key", null, good, "key_is_not_source"),
            new("in-another-partition", Source, good, "wrong_partition") { IsElsewhere = true },
            new("source-empty", "", Encode(With(static e => e.Source = "")), "invalid_value"),
            new("epoch-negative", Source, Encode(With(static e => e.Epoch = -1)), "invalid_value"),
            new("sequence-negative", Source, Encode(With(static e => e.Sequence = -5)), "invalid_value"),
            new("unnumbered-without-request", Source, Encode(With(static e => e.RequestId = "")), "invalid_value"),
            Numbered("two-hours-ahead", "time_out_of_range", static e => e.EventTimeMicros = Micros(TimeProvider.System.GetUtcNow().AddHours(2))),
            Numbered("of-2019", "time_out_of_range", static e => e.EventTimeMicros = Micros(new DateTimeOffset(2019, 12, 31, 23, 59, 59, TimeSpan.Zero))),
            Numbered("time-of-the-end", "time_out_of_range", static e => e.EventTimeMicros = long.MaxValue),
            Numbered("admitted-in-1970", "time_out_of_range", static e => e.AdmittedAtMicros = 0),
            Numbered("input-negative", "invalid_value", static e => e.InputTokens = -1),
            Numbered("input-of-a-universe", "invalid_value", static e => e.InputTokens = long.MaxValue),
            Numbered("cached-above-input", "invalid_value", static e => e.CachedInputTokens = 101),
            Numbered("reasoning-above-output", "invalid_value", static e => e.ReasoningTokens = 11),
            Numbered("attempt-0", "invalid_value", static e => e.Attempt = 0),
            Numbered("tenant-empty", "invalid_value", static e => e.Tenant = ""),
            Numbered("model-empty", "invalid_value", static e => e.Model = ""),
            Numbered("route-oversize", "invalid_value", static e => e.Route = new string('r', 600)),
            Numbered("too-many-tags", "invalid_value", static e => e.Tags = ManyTags(65, 1)),
        ];
    }

    private HostileRecord Numbered(string name, string reason, Action<TokenEvent> change) => new(name, Source, Encode(With(e =>
    {
        e.Sequence = ++_sequence;
        change(e);
    })), reason)
    { IsOfSource = true };

    private byte[] Encode(TokenEvent e) => Encode(e, schemaId);

    private static byte[] Encode(TokenEvent e, int schema)
    {
        var output = new ArrayBufferWriter<byte>();
        WireFormat.Write(output, schema, e);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The first byte in which a change shows, set to what no encoder writes.</summary>
    private byte[] Changed(Action<TokenEvent> change, byte to)
    {
        byte[] before = Encode(Event()), after = Encode(With(change));
        after[before.AsSpan().CommonPrefixLength(after)] = to;
        return after;
    }

    private static TokenEvent With(Action<TokenEvent> change)
    {
        var e = Event();
        change(e);
        return e;
    }

    private static TokenEvent Event() => new()
    {
        Source = Source,
        Epoch = 1,
        EventTimeMicros = Micros(TimeProvider.System.GetUtcNow()),
        RequestId = "request",
        Attempt = 1,
        Tenant = "acme",
        Model = "gpt-4o",
        Route = "chat",
        InputTokens = 100,
        OutputTokens = 10,
    };

    private static Dictionary<string, string> ManyTags(int count, int bytes) =>
        Enumerable.Range(0, count).ToDictionary(i => $"tag-{i}", _ => new string('v', bytes), StringComparer.Ordinal);

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(9).NextBytes(bytes);
        return bytes;
    }

    private static long Micros(DateTimeOffset time) => time.ToUnixTimeMilliseconds() * 1000;
}
