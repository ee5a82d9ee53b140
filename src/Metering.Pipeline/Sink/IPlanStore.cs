namespace Metering.Pipeline.Sink;

/// <summary>The sink group's offset of one partition, and the open plan beside it.</summary>
internal interface IPlanStore
{
    /// <summary>Commits the offset with the plan, or with none.</summary>
    /// <exception cref="SinkFencedException">The group has given the partition to another.</exception>
    Task CommitAsync(long offset, SinkPlan? plan, CancellationToken cancellationToken);
}

/// <summary>The partition is another process's now: the task ends and its memory is dropped (R20).</summary>
internal sealed class SinkFencedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>R13: the ledger holds blocks that the group's word calls undone. A coordinator that has just started may tell an old one, so
/// it is asked again before a person is.</summary>
internal sealed class SinkSetBackException(string message) : Exception(message);

/// <summary>What the ledger holds contradicts what the sink's position says: a person must look.</summary>
public sealed class LedgerMismatchException(string message) : Exception(message);
