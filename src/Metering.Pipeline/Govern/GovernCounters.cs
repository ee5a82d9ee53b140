namespace Metering.Pipeline.Govern;

/// <summary>What the tasks of a process have done since it began, for metrics. Any thread.</summary>
public sealed class GovernCounters
{
    private long _deltas, _decisions, _undecodable, _skippedReports, _scopes;

    /// <summary>Records of usage taken.</summary>
    public long Deltas => Interlocked.Read(ref _deltas);

    /// <summary>Decisions published, those that take one back among them; no heartbeats.</summary>
    public long Decisions => Interlocked.Read(ref _decisions);

    /// <summary>Records of inputs that were not of ours.</summary>
    public long Undecodable => Interlocked.Read(ref _undecodable);

    /// <summary>Records of <c>lease-requests</c> that were left out until their schema is known: they are said again.</summary>
    public long SkippedReports => Interlocked.Read(ref _skippedReports);

    /// <summary>Scopes whose rates are kept now.</summary>
    public long Scopes => Interlocked.Read(ref _scopes);

    internal void AddDelta() => Interlocked.Increment(ref _deltas);

    internal void AddDecisions(int count) => Interlocked.Add(ref _decisions, count);

    internal void AddUndecodable() => Interlocked.Increment(ref _undecodable);

    internal void AddSkippedReport() => Interlocked.Increment(ref _skippedReports);

    internal void AddScopes(int count) => Interlocked.Add(ref _scopes, count);
}
