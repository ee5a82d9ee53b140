namespace Metering.Server.Health;

/// <summary>A part that can say whether it makes progress. Thread-safe; answers at once, without I/O.</summary>
public interface IReadinessSource
{
    /// <summary>For people: <c>METER</c>.</summary>
    string Name { get; }

    /// <summary>Whether the part gets on as of now.</summary>
    ReadinessReport Check(DateTimeOffset now);
}

/// <summary>Ready, or the reason why not.</summary>
/// <param name="Reason">Null when ready.</param>
public readonly record struct ReadinessReport(string? Reason)
{
    public bool IsReady => Reason is null;

    public static ReadinessReport Ready => default;

    public static ReadinessReport NotReady(string reason) => new(reason);
}
