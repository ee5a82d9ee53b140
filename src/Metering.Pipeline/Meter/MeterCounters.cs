using Metering.Core.Pricing;
using Metering.Events;

namespace Metering.Pipeline.Meter;

/// <summary>What the tasks of a process have taken since it began, for metrics. An interval that was lost and taken again
/// counts twice here; the accounts in the ledger are exact. Any thread.</summary>
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

    internal void AddDuplicate() => Interlocked.Increment(ref _duplicate);

    internal void AddRejected(DeadLetterReason reason)
    {
        Interlocked.Increment(ref _rejected);
        Interlocked.Increment(ref _rejectedByReason[(int)reason]);
    }

    internal void AddMetered(in TokenEventView e, in PriceResult price)
    {
        Interlocked.Increment(ref _metered);
        Interlocked.Add(ref _inputTokens, e.InputTokens);
        Interlocked.Add(ref _outputTokens, e.OutputTokens);
        if (!price.Priced)
            Interlocked.Increment(ref _unpriced);
    }
}
