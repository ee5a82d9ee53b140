using Metering.Simulation.World;

namespace Metering.Simulation.Kafka;

internal enum TransactionState
{
    Open,
    Committed,
    Aborted,
}

/// <summary>One transaction: what it wrote where, and the input offset that commits with it.</summary>
internal sealed class SimTransaction(DateTimeOffset begunAt)
{
    public TransactionState State { get; private set; }

    public DateTimeOffset BegunAt { get; } = begunAt;

    /// <summary>What it appended, by log.</summary>
    public Dictionary<SimLog, List<SimRecord>> Records { get; } = new(ReferenceEqualityComparer.Instance);

    public long? InputOffset { get; set; }

    /// <summary>Ends it: a marker in each log that it wrote to.</summary>
    public void End(TransactionState state, long nowMs)
    {
        Violation.Unless(State == TransactionState.Open, "a transaction ended twice");
        State = state;
        foreach (var log in Records.Keys)
            log.AppendMarker(nowMs);
    }
}

/// <summary>The broker refuses a producer that another has replaced, or whose transaction it timed out.</summary>
internal sealed class SimFencedException : Exception;
