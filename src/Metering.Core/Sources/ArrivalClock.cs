namespace Metering.Core.Sources;

/// <summary>
/// What time it is in a partition's log: the newest arrival that was processed, so that a task that is behind judges
/// by what it has read, and at most our clock, so that a broker's that leaps ahead judges nothing. A partition in which
/// nothing has come for the grace time is at its end: then it is our clock. Unix ms; 0 = not known yet. Single-threaded.
/// </summary>
/// <param name="quietMs">How long nothing must have come.</param>
public sealed class ArrivalClock(long quietMs)
{
    private long _latestMs;
    private long _quietSinceMs;
    private bool _isActive = true;
    private bool _isHeld;

    /// <summary>A record that arrived then was processed.</summary>
    public void Arrived(long arrivedAtMs)
    {
        _latestMs = Math.Max(_latestMs, arrivedAtMs);
        (_isActive, _isHeld) = (true, false);
    }

    /// <summary>A record is there and cannot be processed yet: the partition is not quiet until it has been.</summary>
    public void Held() => _isHeld = true;

    /// <param name="nowMs">Our clock; it may have been set back.</param>
    public long At(long nowMs)
    {
        if (_isActive || _isHeld || nowMs < _quietSinceMs)
            (_quietSinceMs, _isActive) = (nowMs, false);
        return nowMs - _quietSinceMs >= quietMs ? nowMs : Math.Min(_latestMs, nowMs);
    }
}
