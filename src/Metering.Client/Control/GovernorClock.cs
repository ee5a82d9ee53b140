namespace Metering.Client.Control;

/// <summary>
/// What time it is at the governor of one partition, and whether it is heard of. Wall clocks of two machines are never compared
/// (R27): the governor's own word, from its heartbeats and decisions, goes on by this process's monotonic clock. Any thread.
/// </summary>
internal sealed class GovernorClock(TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _nowMicros, _heardAt, _beatAt;
    private bool _hasBeat;

    /// <summary>The governor said a time.</summary>
    /// <param name="isNews">Not from the past that the topic holds: it is the time now.</param>
    public void Hear(long nowMicros, bool isHeartbeat, bool isNews)
    {
        lock (_lock)
        {
            var at = time.GetTimestamp();
            // What lies in the topic tells of a time that has passed; it is the least that it can be now.
            if (nowMicros >= NowMicros(at))
                (_nowMicros, _heardAt) = (nowMicros, at);
            if (isHeartbeat && isNews)
                (_hasBeat, _beatAt) = (true, at);
        }
    }

    /// <summary>The governor's time now, Unix µs; 0 before its first word.</summary>
    public long NowMicros()
    {
        lock (_lock)
            return NowMicros(time.GetTimestamp());
    }

    /// <summary>Since its last heartbeat; null before the first that came while this process listened.</summary>
    public TimeSpan? Silence()
    {
        lock (_lock)
            return _hasBeat ? time.GetElapsedTime(_beatAt) : null;
    }

    private long NowMicros(long at) => _nowMicros == 0 ? 0 : _nowMicros + (time.GetElapsedTime(_heardAt, at).Ticks / TimeSpan.TicksPerMicrosecond);
}
