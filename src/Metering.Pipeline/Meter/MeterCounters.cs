using Metering.Core.Pricing;
using Metering.Events;

namespace Metering.Pipeline.Meter;

/// <summary>What the tasks of a process have taken since it began, for metrics. An interval that was lost and taken again
/// counts twice here; the accounts in the ledger are exact. Any thread.</summary>
/// <param name="partitions">Of the input.</param>
public sealed class MeterCounters(int partitions)
{
    private readonly long[] _eventTimes = new long[partitions];
    private readonly long[] _lost = new long[partitions];
    private readonly long[] _missing = new long[partitions];
    private long _metered, _duplicate, _rejected, _inputTokens, _outputTokens, _unpriced, _clamped;
    private readonly long[] _rejectedByReason = new long[Enum.GetValues<DeadLetterReason>().Length];

    public long Metered => Volatile.Read(ref _metered);

    public long Duplicate => Volatile.Read(ref _duplicate);

    public long Rejected => Volatile.Read(ref _rejected);

    public long InputTokens => Volatile.Read(ref _inputTokens);

    public long OutputTokens => Volatile.Read(ref _outputTokens);

    /// <summary>Metered events whose model had no price at their time.</summary>
    public long Unpriced => Volatile.Read(ref _unpriced);

    /// <summary>Metered events whose own time rates could not use: a clock that is ahead, or an event that came late (R31).</summary>
    public long Clamped => Volatile.Read(ref _clamped);

    /// <summary>The own time of the last event that a partition's task has metered, Unix µs; 0 before the first. While there is
    /// lag, how far it lies back is the lag in event time.</summary>
    public long EventTimeMicros(int partition) => Volatile.Read(ref _eventTimes[partition]);

    /// <summary>Events of a partition that its task counts as lost now.</summary>
    public long Lost(int partition) => Volatile.Read(ref _lost[partition]);

    /// <summary>Events of a partition that later ones show to be missing, for less than the grace time.</summary>
    public long Missing(int partition) => Volatile.Read(ref _missing[partition]);

    public long RejectedFor(DeadLetterReason reason) => Volatile.Read(ref _rejectedByReason[(int)reason]);

    internal void AddDuplicate() => Interlocked.Increment(ref _duplicate);

    internal void AddRejected(DeadLetterReason reason)
    {
        Interlocked.Increment(ref _rejected);
        Interlocked.Increment(ref _rejectedByReason[(int)reason]);
    }

    internal void AddClamped(long events) => Interlocked.Add(ref _clamped, events);

    internal void SetMissing(int partition, long lost, long missing)
    {
        Volatile.Write(ref _lost[partition], lost);
        Volatile.Write(ref _missing[partition], missing);
    }

    internal void AddMetered(int partition, in TokenEventView e, in PriceResult price)
    {
        Volatile.Write(ref _eventTimes[partition], e.EventTimeMicros);
        Interlocked.Increment(ref _metered);
        Interlocked.Add(ref _inputTokens, e.InputTokens);
        Interlocked.Add(ref _outputTokens, e.OutputTokens);
        if (!price.Priced)
            Interlocked.Increment(ref _unpriced);
    }
}
