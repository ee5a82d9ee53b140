using Metering.Core.Shares;

namespace Metering.Gateway.Governed;

/// <summary>One throttle's tokens at this gateway, in millionths; below 0 it is in debt. Any thread.</summary>
internal sealed class ThrottleBucket
{
    private const long MicrosPerSecond = 1_000_000;
    private const long NotYet = long.MinValue;

    // Whoever is not named yet, or has no share: asked again after the next division.
    private static readonly TimeSpan UntilNamed = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Int128 _millionths;
    private long _perSecond;
    private long _at = NotYet;

    /// <summary>Tokens that were used and not paid for yet; 0 or more.</summary>
    public long Debt
    {
        get
        {
            lock (_lock)
                return _millionths >= 0 ? 0 : (long)Int128.Min(-_millionths / MicrosPerSecond, long.MaxValue);
        }
    }

    public TimeSpan WaitFor(long tokensPerSecond, long burst, long sharePpm, long nowMicros)
    {
        // Millionths of a token in a second: of the whole rate a million for each token.
        var perSecond = (long)Int128.Min((Int128)tokensPerSecond * sharePpm, long.MaxValue);
        lock (_lock)
        {
            var full = (Int128)burst * sharePpm;
            if (_at == NotYet)
                _millionths = sharePpm == RateShares.Whole ? full : Math.Min(sharePpm, 1); // others have had the burst
            else
                // A share may have changed at any moment since: the smaller one counts.
                _millionths = Int128.Min(full, _millionths + ((Int128)Math.Max(0, nowMicros - _at) * Math.Min(_perSecond, perSecond) / MicrosPerSecond));
            (_at, _perSecond) = (nowMicros, perSecond);
            if (_millionths > 0)
                return TimeSpan.Zero;
            if (sharePpm == 0)
                return UntilNamed;
            return perSecond == 0 ? TimeSpan.FromMinutes(1) : TimeSpan.FromMicroseconds((double)(-_millionths * MicrosPerSecond / perSecond) + 1_000);
        }
    }

    public void Take(long tokens)
    {
        lock (_lock)
            _millionths -= (Int128)tokens * MicrosPerSecond;
    }
}
