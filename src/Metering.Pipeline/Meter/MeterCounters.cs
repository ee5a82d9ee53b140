using Metering.Core.Pricing;
using Metering.Events;

namespace Metering.Pipeline.Meter;

/// <summary>What a task has taken since it began, for the live table and for metrics. Written by the task's thread,
/// read by others: each number is whole, the set of them is not a snapshot.</summary>
public sealed class MeterCounters
{
    private long _metered, _duplicate, _rejected, _inputTokens, _outputTokens, _unpriced;
    private readonly long[] _rejectedByReason = new long[Enum.GetValues<DeadLetterReason>().Length];

    public long Metered => Volatile.Read(ref _metered);

    public long Duplicate => Volatile.Read(ref _duplicate);

    public long Rejected => Volatile.Read(ref _rejected);

    public long InputTokens => Volatile.Read(ref _inputTokens);

    public long OutputTokens => Volatile.Read(ref _outputTokens);

    /// <summary>Metered events whose model had no price at their time.</summary>
    public long Unpriced => Volatile.Read(ref _unpriced);

    public long RejectedFor(DeadLetterReason reason) => Volatile.Read(ref _rejectedByReason[(int)reason]);

    internal void AddDuplicate() => Volatile.Write(ref _duplicate, _duplicate + 1);

    internal void AddRejected(DeadLetterReason reason)
    {
        Volatile.Write(ref _rejected, _rejected + 1);
        Volatile.Write(ref _rejectedByReason[(int)reason], _rejectedByReason[(int)reason] + 1);
    }

    internal void AddMetered(in TokenEventView e, in PriceResult price)
    {
        Volatile.Write(ref _metered, _metered + 1);
        Volatile.Write(ref _inputTokens, _inputTokens + e.InputTokens);
        Volatile.Write(ref _outputTokens, _outputTokens + e.OutputTokens);
        if (!price.Priced)
            Volatile.Write(ref _unpriced, _unpriced + 1);
    }
}
