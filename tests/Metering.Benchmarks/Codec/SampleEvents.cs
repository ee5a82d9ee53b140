using System.Globalization;
using Metering.Events;

namespace Metering.Benchmarks.Codec;

/// <summary>
/// Events as a fleet's gateways write them: a few sources, some hundred tenants of very different sizes, a handful of
/// models, long request ids that are all different, token counts and times over several orders of magnitude.
/// </summary>
public static class SampleEvents
{
    private static readonly string[] Models = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "llama-3.3-70b-instruct", "qwen3-235b-a22b", "text-embedding-3-large"];
    private static readonly string[] Providers = ["openai", "anthropic", "vllm-eu-west", "vllm-us-east"];
    private static readonly string[] Routes = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages", "support-bot", "code-review"];
    private static readonly string[] Teams = ["search", "support", "platform", "research", "growth"];

    /// <summary>The same events for the same seed, sequences without gaps per source.</summary>
    public static IReadOnlyList<TokenEvent> Create(int count, int seed)
    {
        var random = new Random(seed);
        var sequences = new long[16];
        var epochs = Array.ConvertAll(sequences, _ => (1_795_000_000_000L << 22) | random.NextInt64(1 << 22));
        var events = new List<TokenEvent>(count);
        for (var i = 0; i < count; i++)
        {
            var source = random.Next(sequences.Length);
            events.Add(Create(random, source, epochs[source], ++sequences[source], 1_795_000_000_000_000 + i * 500L));
        }
        return events;
    }

    private static TokenEvent Create(Random random, int source, long epoch, long sequence, long timeMicros)
    {
        var tenant = (int)Math.Pow(300, random.NextDouble());
        var model = Pick(random, Models);
        var input = (long)Math.Exp(4 + random.NextDouble() * 6);
        var output = (long)Math.Exp(2 + random.NextDouble() * 5);
        var duration = 50_000 + output * random.Next(8_000, 30_000);
        return new TokenEvent
        {
            Source = Invariant($"gateway-eu-{source}"),
            Epoch = epoch,
            Sequence = sequence,
            EventTimeMicros = timeMicros,
            AdmittedAtMicros = timeMicros - duration,
            LeaseId = random.Next(4) == 0 ? Invariant($"lease-{random.Next(64):x8}") : null,
            RequestId = new Guid(Bytes(random)).ToString("D", CultureInfo.InvariantCulture),
            Attempt = random.Next(50) == 0 ? 2 : 1,
            Tenant = Invariant($"tenant-{tenant}"),
            ApiKey = Invariant($"key_{tenant * 7919 % 100_000:x6}"),
            Route = Pick(random, Routes),
            User = random.Next(3) == 0 ? Invariant($"user-{tenant}-{random.Next(20)}") : null,
            Experiment = random.Next(10) == 0 ? "prompt-b" : null,
            Model = model,
            ServedModel = model == "gpt-4o" ? "gpt-4o-2026-08-06" : model,
            Provider = Pick(random, Providers),
            Pool = random.Next(2) == 0 ? "h100-eu-west" : "a100-us-east",
            Node = Invariant($"gpu-node-{random.Next(40):00}"),
            Operation = model[0] == 't' ? Operation.Embedding : Operation.Chat,
            Status = random.Next(40) == 0 ? Status.Error : Status.Ok,
            InputTokens = input,
            CachedInputTokens = random.Next(2) == 0 ? input / 2 : 0,
            OutputTokens = output,
            ReasoningTokens = random.Next(4) == 0 ? output / 3 : 0,
            Streamed = random.Next(3) > 0,
            QueueUs = random.Next(20_000),
            TtftUs = random.Next(30_000, 900_000),
            DurationUs = duration,
            GpuUs = duration / 8,
            KvTokenMs = (input + output) * duration / 1000,
            PromptHash = random.Next(2) == 0 ? random.NextInt64() : null,
            Tags = random.Next(2) == 0
                ? new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = Pick(random, Teams), ["cost_centre"] = Invariant($"cc-{tenant % 40}") }
                : new Dictionary<string, string>(StringComparer.Ordinal),
        };
    }

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return bytes;
    }

    private static string Pick(Random random, string[] choices) => choices[random.Next(choices.Length)];

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
