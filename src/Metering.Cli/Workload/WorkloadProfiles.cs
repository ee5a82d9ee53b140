using Metering.Events;

namespace Metering.Cli.Workload;

/// <summary>The traffic of <c>up</c>'s own workload. Sizes and arrivals are fitted from public traces: docs/workload.md says how.</summary>
public static class WorkloadProfiles
{
    /// <summary>The exponent of the tenants' sizes: the slope of ServeGen's twenty largest clients (0.94 of m-large, 0.91 of deepseek-r1).</summary>
    public const double TenantExponent = 0.93;

    private static readonly double[] Levels = [0, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 0.999, 1];

    private static readonly QuantileCurve HalfCached = Curve([0, 1], [0.25, 0.75]);

    private static readonly WorkloadModel Gpt4O = new("gpt-4o", "openai", null, 0, 12_000, 90);
    private static readonly WorkloadModel Gpt4OMini = new("gpt-4o-mini", "openai", null, 0, 20_000, 110);
    private static readonly WorkloadModel Sonnet = new("claude-sonnet-4-5", "anthropic", null, 0, 9_000, 70, WritesCache: true);
    private static readonly WorkloadModel Haiku = new("claude-haiku-4-5", "anthropic", null, 0, 18_000, 140, WritesCache: true);
    private static readonly WorkloadModel Llama = new("llama-3.3-70b", "own", "h100-chat", 6, 8_000, 45);
    private static readonly WorkloadModel Qwen = new("qwen3-32b", "own", "a100-small", 4, 9_000, 60);
    private static readonly WorkloadModel DeepSeek = new("deepseek-r1", "own", "h200-reasoning", 8, 6_000, 35);
    private static readonly WorkloadModel Embedding = new("text-embedding-3-small", "openai", null, 0, 60_000, 1);

    /// <summary>Chat: Azure's conversation trace of 2023.</summary>
    public static WorkloadProfile Chat { get; } = new()
    {
        Name = "chat",
        Share = 0.45,
        ArrivalCv = 1.094,
        Input = Fitted(2, 29, 181, 207, 396, 1_020, 1_189, 2_734, 4_083, 4_142, 6_179, 14_050),
        Output = Fitted(7, 16, 41, 54, 85, 129, 395, 424, 451, 601, 954, 1_000),
        SizeCorrelation = 0.073,
        CacheHitByQuarter = [0, 0, 0.3, 0.3],
        CachedRatio = HalfCached,
        Operation = Operation.Chat,
        Streamed = 0.85,
        Routes = ["/chat", "/support"],
        Models = [(Gpt4OMini, 5), (Gpt4O, 3), (Llama, 4), (Haiku, 2)],
    };

    /// <summary>Agents and long documents: Mooncake's synthetic trace, with its prefix cache.</summary>
    public static WorkloadProfile Agents { get; } = new()
    {
        Name = "agents",
        Share = 0.15,
        ArrivalCv = 1.011,
        Input = Fitted(13, 16, 22, 30, 277, 11_587, 23_175, 38_611, 48_905, 66_456, 191_373, 191_378),
        Output = Fitted(1, 2, 2, 4, 11, 69, 250, 389, 519, 768, 813, 893),
        SizeCorrelation = -0.517,
        CacheHitByQuarter = [0.021, 0.558, 0.494, 0.712],
        CachedRatio = Fitted(0.009, 0.815, 0.898, 0.921, 0.964, 0.982, 0.994, 1, 1, 1, 1, 1),
        Operation = Operation.Chat,
        Streamed = 0.6,
        Routes = ["/agents", "/documents"],
        Models = [(Sonnet, 4), (Gpt4O, 2), (Llama, 2)],
    };

    /// <summary>Reasoning: ServeGen's deepseek-r1, all clients by their rates.</summary>
    public static WorkloadProfile Reasoning { get; } = new()
    {
        Name = "reasoning",
        Share = 0.05,
        ArrivalCv = 2.28,
        Input = Fitted(3, 7, 13, 18, 51, 208, 494, 2_092, 6_542, 23_327, 34_609, 54_091),
        Output = Fitted(39, 125, 208, 268, 433, 807, 1_556, 3_571, 6_177, 13_757, 25_065, 32_761),
        ReasoningRatio = Fitted(0.130, 0.187, 0.307, 0.355, 0.484, 0.718, 0.893, 0.953, 0.973, 0.993, 0.998, 0.998),
        CacheHitByQuarter = [0, 0, 0, 0.3],
        CachedRatio = HalfCached,
        Operation = Operation.Chat,
        Streamed = 0.9,
        Routes = ["/analyst"],
        Models = [(DeepSeek, 1)],
    };

    /// <summary>Short answers of small models (classification, extraction): ServeGen's m-small, all clients by their rates.</summary>
    public static WorkloadProfile Short { get; } = new()
    {
        Name = "short",
        Share = 0.25,
        ArrivalCv = 3.58,
        Input = Fitted(7, 11, 18, 19, 20, 38, 55, 342, 621, 1_480, 4_039, 46_038),
        Output = Fitted(1, 1, 1, 1, 1.5, 3.6, 10.2, 43.9, 80.9, 163, 1_760, 8_148),
        CacheHitByQuarter = [0, 0, 0, 0],
        CachedRatio = HalfCached,
        Operation = Operation.Completion,
        Routes = ["/classify", "/extract"],
        Models = [(Qwen, 3), (Gpt4OMini, 2)],
    };

    /// <summary>Embeddings. No public trace has them: the inputs of <see cref="Short"/>, cut at the model's limit, arriving as Poisson.</summary>
    public static WorkloadProfile Embeddings { get; } = new()
    {
        Name = "embeddings",
        Share = 0.10,
        ArrivalCv = 1,
        Input = Fitted(7, 11, 18, 19, 20, 38, 55, 342, 621, 1_480, 4_039, 8_191),
        CacheHitByQuarter = [0, 0, 0, 0],
        CachedRatio = HalfCached,
        Operation = Operation.Embedding,
        Routes = ["/search"],
        Models = [(Embedding, 1)],
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<WorkloadProfile> All { get; } = [Chat, Agents, Reasoning, Short, Embeddings];

    /// <summary>Tenants, the largest first.</summary>
    public static IReadOnlyList<string> Tenants { get; } =
        ["acme", "globex", "initech", "umbrella", "hooli", "soylent", "wonka", "tyrell", "cyberdyne", "aperture", "oscorp", "vandelay"];

    private static QuantileCurve Fitted(params double[] values) => new(Levels, values);

    private static QuantileCurve Curve(double[] levels, double[] values) => new(levels, values);
}
