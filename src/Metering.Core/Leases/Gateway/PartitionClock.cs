namespace Metering.Core.Leases.Gateway;

/// <summary>What a gateway knows of one governor: when it last heard from it, and about what time it is there. Under the book's lock.</summary>
internal sealed class PartitionClock
{
    private const long Never = long.MinValue;

    private long _heardAt = Never;
    private long _ahead = Never;

    public bool IsKnown => _heardAt != Never;

    /// <param name="decidedAtMicros">The governor's time.</param>
    public void Heard(long decidedAtMicros, long now)
    {
        _heardAt = Math.Max(_heardAt, now);
        // The least delayed message tells the most.
        _ahead = Math.Max(_ahead, decidedAtMicros - now);
    }

    /// <summary>R30.</summary>
    public bool IsLost(long now, long afterMicros) => !IsKnown || now - _heardAt > afterMicros;

    /// <summary>About the governor's time, Unix µs: for turns and for when to ask, never for how much.</summary>
    public long Estimate(long now) => IsKnown ? now + _ahead : 0;
}
