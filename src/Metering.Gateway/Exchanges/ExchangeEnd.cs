using Metering.Events;
using Metering.Gateway.Requests;
using Metering.Gateway.Usage;

namespace Metering.Gateway.Exchanges;

/// <summary>How an exchange ended, and what is known of its cost.</summary>
internal sealed record ExchangeEnd
{
    public required Status Status { get; init; }

    /// <summary>The upstream may have computed.</summary>
    public required bool WasServed { get; init; }

    /// <summary>What the host reported last; null when it reported nothing.</summary>
    public UsageReport? Usage { get; init; }

    /// <summary>The report is all: it came at the answer's end.</summary>
    public bool UsageIsFinal { get; init; }

    public string? ServedModel { get; init; }

    /// <summary>What the model wrote, for counting; given back once it is counted.</summary>
    public PooledBytes? Text { get; init; }

    /// <summary>Of the whole text, of which <see cref="Text"/> may be a part.</summary>
    public long TextBytes { get; init; }

    /// <summary>Counted chunks: a text has no fewer tokens.</summary>
    public long LeastOutputTokens { get; init; }
}
