using System.Collections.Concurrent;

namespace Metering.Gateway.Governed;

/// <summary>What comes to one throttled scope at this gateway. Requests count when they come, whether or not they go, each by what
/// requests use on the average. Any thread, but for <see cref="Report"/>.</summary>
internal sealed class ThrottledScope
{
    private const long MicrosPerSecond = 1_000_000;
    private const long ReportEveryMicros = MicrosPerSecond / 2;

    /// <summary>What is not asked for that long is reported no more.</summary>
    private const long IdleAfterMicros = 5 * MicrosPerSecond;

    private const long ForgottenAfterMicros = 600 * MicrosPerSecond;

    /// <summary>A debt holds on to its share, so that it is paid though the traffic has gone elsewhere: as a demand of that many seconds.</summary>
    private const long DebtSeconds = 5;

    /// <summary>Of requests of which none has ended yet.</summary>
    private const long FirstTokens = 1_000;

    private const long NotYet = long.MinValue / 2;

    private readonly ConcurrentDictionary<string, ThrottleBucket> _buckets = new(StringComparer.Ordinal);
    private long _arrivals, _endedTokens, _ended, _meanTokens = FirstTokens;
    private long _lastAt = NotYet, _reportedAt = NotYet;
    private long _perSecond;

    public ThrottleBucket BucketOf(string policy) => _buckets.GetOrAdd(policy, static _ => new ThrottleBucket());

    /// <returns>True if the governor has not heard of this scope from here in a while: it is to be told at once.</returns>
    public bool Arrived(long nowMicros)
    {
        Interlocked.Increment(ref _arrivals);
        Volatile.Write(ref _lastAt, nowMicros);
        return nowMicros - Volatile.Read(ref _reportedAt) > IdleAfterMicros;
    }

    public void Ended(long tokens)
    {
        Interlocked.Add(ref _endedTokens, tokens);
        Interlocked.Increment(ref _ended);
    }

    /// <summary>Tokens per second that would go here if nothing held them; null = nothing is to be said now.</summary>
    public long? Report(long nowMicros)
    {
        var sinceMicros = _reportedAt == NotYet ? MicrosPerSecond : nowMicros - _reportedAt;
        var debt = Debt;
        var isIdle = nowMicros - Volatile.Read(ref _lastAt) > IdleAfterMicros && debt == 0;
        if (isIdle || (sinceMicros < ReportEveryMicros && sinceMicros >= 0))
            return null;
        if (Interlocked.Exchange(ref _ended, 0) is var ended and > 0)
            _meanTokens = Math.Max(1, (_meanTokens + (Interlocked.Exchange(ref _endedTokens, 0) / ended)) / 2);
        var came = Interlocked.Exchange(ref _arrivals, 0) * (Int128)_meanTokens * MicrosPerSecond / Math.Clamp(sinceMicros, 1, MicrosPerSecond);
        // Half of it is what was known: a moment's burst moves no shares.
        var known = _reportedAt == NotYet || sinceMicros > IdleAfterMicros ? (long)Int128.Min(came, long.MaxValue / 4) : (long)((Int128.Min(came, long.MaxValue / 4) + _perSecond) / 2);
        _perSecond = known;
        Volatile.Write(ref _reportedAt, nowMicros);
        return known + (Math.Min(debt, long.MaxValue / 4) / DebtSeconds);
    }

    public bool IsForgettable(long nowMicros) => nowMicros - Volatile.Read(ref _lastAt) > ForgottenAfterMicros && Debt == 0;

    private long Debt
    {
        get
        {
            var most = 0L;
            foreach (var bucket in _buckets.Values)
                most = Math.Max(most, bucket.Debt);
            return most;
        }
    }
}
