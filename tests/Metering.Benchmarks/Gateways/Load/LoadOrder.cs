namespace Metering.Benchmarks.Gateways.Load;

/// <summary>What kind of load.</summary>
internal enum LoadKind
{
    /// <summary>So many connections, each asking again as soon as it is answered.</summary>
    Closed,

    /// <summary>So many requests a second, whether they are answered or not.</summary>
    Rate,

    /// <summary>So many streams at once, begun one after another.</summary>
    Streams,
}

/// <summary>What the generator is to do, as one line of JSON.</summary>
/// <param name="Kind">What kind of load.</param>
/// <param name="Port">Of the target, on loopback.</param>
/// <param name="Amount">Connections, requests a second, or streams.</param>
/// <param name="Seconds">How long; for streams, within which they begin.</param>
/// <param name="Seed">Of the schedule.</param>
/// <param name="Secret">For <c>Authorization: Bearer</c>.</param>
/// <param name="Body">Of each request.</param>
internal sealed record LoadOrder(LoadKind Kind, int Port, int Amount, double Seconds, int Seed, string Secret, string Body);

/// <summary>What came of it.</summary>
internal sealed record LoadReport
{
    /// <summary>Answered in full, with status 200.</summary>
    public required int Answered { get; init; }

    /// <summary>Answered otherwise, or not at all.</summary>
    public required int Failed { get; init; }

    public required string? FirstFailure { get; init; }

    /// <summary>From the first request to the last answer.</summary>
    public required double Seconds { get; init; }

    /// <summary>From a request's due moment to the end of its answer; of streams, to the first token.</summary>
    public required double P50Us { get; init; }

    public required double P99Us { get; init; }

    /// <summary>Between two tokens of a stream; 0 where there are none.</summary>
    public required double GapP99Us { get; init; }

    public double PerSecond => Answered / Seconds;
}
