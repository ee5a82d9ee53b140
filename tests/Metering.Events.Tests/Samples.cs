using Metering.Events;

namespace Metering.Events.Tests;

/// <summary>Records with every field set to something that is not its default.</summary>
internal static class Samples
{
    public static TokenEvent TokenEvent() => new()
    {
        Source = "gateway-7",
        Epoch = 0x4123_4567_89AB_CDEF,
        Sequence = 12_345,
        EventTimeMicros = 1_795_000_000_123_456,
        AdmittedAtMicros = 1_795_000_000_000_001,
        LeaseId = "lease-42",
        RequestId = "req-0193f2c8-7b1e-7cc3-9a51-0c6f2f6f3a11",
        Attempt = 2,
        ParentRequestId = "req-parent",
        Tenant = "acme",
        ApiKey = "k_123",
        Route = "/v1/chat/completions",
        User = "jürgen",
        Experiment = "prompt-b",
        Model = "gpt-4o",
        ServedModel = "gpt-4o-2026-08-06",
        Provider = "openai",
        Pool = "h100",
        Node = "node-3",
        Operation = Operation.Embedding,
        Status = Status.Cut,
        Outcome = Outcome.Success,
        InputTokens = 1_200,
        CachedInputTokens = 1_024,
        CacheWriteTokens = 64,
        OutputTokens = 333,
        ReasoningTokens = 111,
        TokensEstimated = true,
        Streamed = true,
        QueueUs = 1_500,
        TtftUs = 210_000,
        DurationUs = 4_200_000,
        GpuUs = 900_000,
        KvTokenMs = 5_000_000_000,
        PromptHash = long.MinValue,
        Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = "search", ["cost_centre"] = "4711" },
        PaidBy = new Dictionary<string, long>(StringComparer.Ordinal) { ["3-5f"] = 1_200 },
        EndedGateway = "i1",
    };

    public static SourceReport SourceReport() => new()
    {
        Source = "gateway-7",
        Epoch = 77,
        ReportedAtMicros = 1_795_000_000_000_000,
        LastSequence = 10,
        AcknowledgedSequence = 8,
        Acknowledged = 8,
        InputTokens = 1000,
        OutputTokens = 200,
        Spooled = 2,
        Expired = 1,
        Closed = true,
    };

    public static Price Price() => new()
    {
        Model = "gpt-4o",
        Provider = "openai",
        MaxInputTokens = 128_000,
        MaxOutputTokens = 16_384,
        Entries =
        [
            new PriceEntry
            {
                EffectiveFromMicros = 1_700_000_000_000_000,
                Tiers =
                [
                    new PriceTier { InputPicoUsd = 2_500_000, CachedInputPicoUsd = 1_250_000, CacheWritePicoUsd = 2_500_000, OutputPicoUsd = 10_000_000, ReasoningPicoUsd = 10_000_000 },
                    new PriceTier { AboveInputTokens = 200_000, InputPicoUsd = 5_000_000, OutputPicoUsd = 20_000_000 },
                ],
            },
            new PriceEntry { EffectiveFromMicros = 1_800_000_000_000_000 },
        ],
    };

    public static DeadLetter DeadLetter() => new()
    {
        Topic = "token-events",
        Partition = 3,
        Offset = 99,
        ArrivedAtMicros = 1_795_000_000_000_000,
        Reason = DeadLetterReason.InvalidValue,
        Detail = "input_tokens is -1; it must not be negative",
        Source = "gateway-7",
        Epoch = 5,
        Sequence = 6,
        Key = [1, 2, 3],
        Value = [0, 0, 0, 0, 1, 255],
        ValueLength = 6,
        ValueSha256 = [9, 8, 7],
        Headers = [new DeadLetterHeader { Name = "trace", Value = [1] }, new DeadLetterHeader { Name = "empty", Value = null }],
    };

    public static byte[] Encode(IAvroRecord record)
    {
        using var buffer = new PooledBuffer();
        var writer = new AvroWriter(buffer);
        record.WriteTo(ref writer);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
