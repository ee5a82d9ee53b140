using System.Collections.Concurrent;
using Metering.Core.Policies;
using Metering.Core.Shares;

namespace Metering.Gateway.Governed;

/// <summary>
/// Buckets of tokens, one for each scope that is throttled: a request goes while its bucket is not empty, and what it truly used
/// is taken when it has ended, so that the next ones wait for it. A bucket fills by this gateway's share of the rate, and what
/// comes to the scope here is reported, so that the shares follow the traffic (docs/policies.md). Any thread, but for
/// <see cref="Collect"/>.
/// </summary>
/// <param name="gateway">This instance, as shares name it.</param>
/// <param name="wake">Called when something is to be reported at once; must not block. Null = nobody.</param>
internal sealed class Throttles(string gateway = "", Action? wake = null)
{
    private readonly ConcurrentDictionary<string, ThrottledScope> _scopes = new(StringComparer.Ordinal);
    private long _number;

    /// <summary>How long to wait before the scope's next request; 0 = it may go.</summary>
    /// <param name="burst">What may go at once; null = one second's.</param>
    /// <param name="sharePpm">Of rate and burst, for this gateway.</param>
    public TimeSpan WaitFor(string scope, string policy, long tokensPerSecond, long? burst, long nowMicros, long sharePpm = RateShares.Whole)
    {
        var throttled = _scopes.GetOrAdd(scope, static _ => new ThrottledScope());
        if (throttled.Arrived(nowMicros))
            wake?.Invoke();
        return throttled.BucketOf(policy).WaitFor(tokensPerSecond, burst ?? tokensPerSecond, sharePpm, nowMicros);
    }

    /// <summary>A request that was let go has ended.</summary>
    public void Take(string scope, string policy, long tokens)
    {
        if (!_scopes.TryGetValue(scope, out var throttled))
            return;
        throttled.Ended(tokens);
        throttled.BucketOf(policy).Take(tokens);
    }

    /// <summary>What is to be reported now: call it every 50 ms or so, on one thread.</summary>
    /// <param name="nowMicros">By the clock of the requests' arrivals.</param>
    public void Collect(long nowMicros, ICollection<LevelReport> into)
    {
        foreach (var (scope, throttled) in _scopes)
        {
            if (throttled.Report(nowMicros) is { } demand)
                into.Add(new LevelReport(scope, LimitUnit.Tokens, gateway, ++_number, demand, 0, 0));
            else if (throttled.IsForgettable(nowMicros))
                _scopes.TryRemove(scope, out _);
        }
    }
}
