namespace Metering.Gateway.MockHost;

/// <summary>How a mock model host answers: fast or slow, well or badly. Of N requests exactly the share of N fails, spread evenly.</summary>
public sealed record MockBehaviour
{
    /// <summary>From the request's arrival to the first token. Default none.</summary>
    public TimeSpan TimeToFirstToken { get; init; }

    /// <summary>Of each choice. Default 0: as fast as it goes.</summary>
    public double TokensPerSecond { get; init; }

    /// <summary>Tokens of an answer to a request that sets no maximum. Default 64.</summary>
    public int DefaultTokens { get; init; } = 64;

    /// <summary>An answer is never longer, whatever the request's maximum. Default 1,000,000.</summary>
    public int MostTokens { get; init; } = 1_000_000;

    /// <summary>Tokens in a chunk of a stream. Default 1.</summary>
    public int TokensPerChunk { get; init; } = 1;

    /// <summary>The share of requests, 0 to 1, that are answered with <see cref="FailStatus"/>. Default 0.</summary>
    public double FailShare { get; init; }

    /// <summary>Default 503.</summary>
    public int FailStatus { get; init; } = 503;

    /// <summary>The share of requests whose connection is cut after <see cref="BreakAfterTokens"/>. Default 0.</summary>
    public double CutShare { get; init; }

    /// <summary>The share of requests that stand still after <see cref="BreakAfterTokens"/> until the client goes. Default 0.</summary>
    public double HangShare { get; init; }

    /// <summary>For cuts and hangs; 0 = before anything is answered. Default 5.</summary>
    public int BreakAfterTokens { get; init; } = 5;

    /// <summary>Default true; false leaves usage out of every answer, as some hosts do.</summary>
    public bool ReportsUsage { get; init; } = true;

    /// <summary>Default true; false answers <see cref="DefaultTokens"/> whatever the request's maximum says.</summary>
    public bool HonoursMaxTokens { get; init; } = true;

    /// <summary>What <c>/v1/models</c> lists; other models are answered too. Default <c>mock-model</c>.</summary>
    public IReadOnlyList<string> Models { get; init; } = ["mock-model"];

    /// <summary>What is wrong, a sentence each; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        foreach (var (name, share) in ((string, double)[])[(nameof(FailShare), FailShare), (nameof(CutShare), CutShare), (nameof(HangShare), HangShare)])
        {
            if (share is not (>= 0 and <= 1))
                errors.Add(FormattableString.Invariant($"{name} is {share}; give a share from 0 to 1."));
        }
        if (TokensPerSecond is not (>= 0 and <= 1_000_000))
            errors.Add(FormattableString.Invariant($"TokensPerSecond is {TokensPerSecond}; give 0 to 1,000,000."));
        if (DefaultTokens < 1 || MostTokens < 1 || TokensPerChunk < 1 || BreakAfterTokens < 0)
            errors.Add("DefaultTokens, MostTokens and TokensPerChunk are 1 at least, BreakAfterTokens 0.");
        if (FailStatus is < 400 or > 599)
            errors.Add(FormattableString.Invariant($"FailStatus is {FailStatus}; give 400 to 599."));
        if (TimeToFirstToken < TimeSpan.Zero || TimeToFirstToken > TimeSpan.FromHours(1))
            errors.Add($"TimeToFirstToken is {TimeToFirstToken}; give 0 to an hour.");
        return errors;
    }
}
