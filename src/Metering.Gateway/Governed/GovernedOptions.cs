namespace Metering.Gateway.Governed;

/// <summary>How a gateway keeps policies.</summary>
public sealed record GovernedOptions
{
    /// <summary>How long a request may wait for a grant rather than be refused. Default 250 ms.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The largest answer of a request that sets none, for a model whose entry in the prices does not say. Default 4,096.</summary>
    public long DefaultMaxOutputTokens { get; init; } = 4_096;

    /// <summary>What a request that names no maximum may ask of a hard limit at least; above it, an eighth of what is left. Default 256.</summary>
    public long LeastFreeOutputTokens { get; init; } = 256;

    /// <summary>Without a heartbeat for this long, control is lost (R30). Default 3 s.</summary>
    public TimeSpan ControlLostAfter { get; init; } = TimeSpan.FromSeconds(3);
}
