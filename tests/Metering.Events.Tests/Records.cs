using CsCheck;

namespace Metering.Events.Tests;

/// <summary>Random records; CsCheck prints the seed of one that fails.</summary>
internal static class Records
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[Gen.Char['a', 'z'], 0, 40],
        Gen.OneOf("", "ü", "漢字", "😀 tokens", "exactly-8", "sixteen-bytes-ok", new string('x', 300)));

    private static readonly Gen<long> Number = Gen.OneOf(
        Gen.Long, Gen.Long[0, 100], Gen.Int[0, 62].Select(bit => 1L << bit), Gen.OneOf(-1L, 0L, long.MaxValue, long.MinValue));

    // A time must stay within DateTime for Apache.Avro's sake.
    private static readonly Gen<long> Time = Gen.Long[0, 4_000_000_000_000_000];

    public static readonly Gen<TokenEvent> TokenEvent =
        from texts in Text.Array[9]
        from maybes in Gen.OneOf(Text.Select(text => (string?)text), Gen.Const((string?)null)).Array[6]
        from numbers in Number.Array[13]
        from times in Time.Array[2]
        from bits in Gen.Int[0, 255]
        from tags in Gen.Dictionary(Text, Text)[0, 5]
        select Create(texts, maybes, numbers, times, bits, tags);

    private static TokenEvent Create(
        string[] texts, string?[] maybes, long[] numbers, long[] times, int bits, Dictionary<string, string> tags) => new()
        {
            Source = texts[0],
            RequestId = texts[1],
            Tenant = texts[2],
            ApiKey = texts[3],
            Route = texts[4],
            Model = texts[5],
            ServedModel = texts[6],
            Provider = texts[7],
            LeaseId = maybes[0],
            ParentRequestId = maybes[1],
            User = maybes[2],
            Experiment = maybes[3],
            Pool = maybes[4],
            Node = maybes[5],
            Epoch = numbers[0],
            Sequence = numbers[1],
            InputTokens = numbers[2],
            CachedInputTokens = numbers[3],
            CacheWriteTokens = numbers[4],
            OutputTokens = numbers[5],
            ReasoningTokens = numbers[6],
            QueueUs = numbers[7],
            TtftUs = numbers[8],
            DurationUs = numbers[9],
            GpuUs = numbers[10],
            KvTokenMs = numbers[11],
            PromptHash = (bits & 1) == 0 ? null : numbers[12],
            EventTimeMicros = times[0],
            AdmittedAtMicros = (bits & 2) == 0 ? null : times[1],
            Attempt = (int)numbers[12],
            TokensEstimated = (bits & 4) == 0,
            Streamed = (bits & 8) == 0,
            Operation = (Operation)(bits % 5),
            Status = (Status)(bits / 5 % 5),
            Outcome = (Outcome)(bits % 3),
            Tags = tags,
        };
}
