using Metering.Events;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Valid events to change one thing of.</summary>
internal static class TestEvents
{
    public const long Epoch = 42;

    public static long NowMicros { get; } = MeterHarness.Start.ToUnixTimeMilliseconds() * 1000;

    public static TokenEvent Event(long sequence, string source = "gateway-1", long epoch = Epoch) => new()
    {
        Source = source,
        Epoch = epoch,
        Sequence = sequence,
        EventTimeMicros = NowMicros - 1_000_000,
        RequestId = $"request-{sequence}",
        Tenant = "acme",
        Model = "small",
        InputTokens = 10,
        OutputTokens = 5,
    };

    public static TokenEvent With(this TokenEvent e, Action<TokenEvent> change)
    {
        change(e);
        return e;
    }

    /// <summary>An event at every limit at once (R15): 15 names of 512 bytes, 64 tags of 2 KB, 64 leases.</summary>
    public static TokenEvent Largest(long sequence, string source, string filler) => new()
    {
        Source = source,
        Epoch = long.MaxValue,
        Sequence = sequence,
        EventTimeMicros = NowMicros,
        AdmittedAtMicros = NowMicros,
        LeaseId = Name(filler),
        RequestId = Name(filler),
        Attempt = int.MaxValue,
        ParentRequestId = Name(filler),
        Tenant = Name(filler),
        ApiKey = Name(filler),
        Route = Name(filler),
        User = Name(filler),
        Experiment = Name(filler),
        Model = Name(filler),
        ServedModel = Name(filler),
        Provider = Name(filler),
        Pool = Name(filler),
        Node = Name(filler),
        InputTokens = EventLimits.MaxTokens,
        CachedInputTokens = EventLimits.MaxTokens,
        OutputTokens = EventLimits.MaxTokens,
        ReasoningTokens = EventLimits.MaxTokens,
        QueueUs = long.MaxValue,
        TtftUs = long.MaxValue,
        DurationUs = long.MaxValue,
        GpuUs = long.MaxValue,
        KvTokenMs = long.MaxValue,
        PromptHash = long.MinValue,
        Tags = Enumerable.Range(0, EventLimits.MaxTags).ToDictionary(i => Pad($"{i}-{filler}", EventLimits.MaxTagBytes), _ => Pad(filler, EventLimits.MaxTagBytes), StringComparer.Ordinal),
        PaidBy = Enumerable.Range(0, EventLimits.MaxPaidBy).ToDictionary(i => Pad($"0-{i}", EventLimits.MaxPaidByBytes), static _ => long.MaxValue, StringComparer.Ordinal),
        EndedGateway = Name(filler),
    };

    private static string Name(string filler) => Pad(filler, EventLimits.MaxNameBytes);

    private static string Pad(string text, int length) => text.PadRight(length, 'x');
}
