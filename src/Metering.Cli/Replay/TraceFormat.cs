namespace Metering.Cli.Replay;

/// <summary>The formats that <c>replay</c> reads; recognised by content, not by name.</summary>
public enum TraceFormat : byte
{
    /// <summary>Azure's LLM inference traces: CSV with TIMESTAMP, ContextTokens, GeneratedTokens.</summary>
    AzureCsv,

    /// <summary>Mooncake's traces: one JSON object a line with timestamp, input_length, output_length, hash_ids.</summary>
    MooncakeJsonl,

    /// <summary>ServeGen's parameters in two CSV files, from which requests are sampled.</summary>
    ServeGen,

    /// <summary>One JSON object a line with TokenEvent's field names.</summary>
    TokenEventJsonl,
}
