namespace Metering.Core.Leases.Gateway;

/// <summary>How much of an account requests have reserved of late: a mean that decays by an eighth each 100 ms, and the largest
/// of them. Fixed point. Under the book's lock.</summary>
internal sealed class RecentUse
{
    private const long SlotMicros = 100_000;

    /// <summary>Beyond that many slots nothing is left of the mean.</summary>
    private const long Memory = 256;

    /// <summary>A factor that keeps the fractions of small amounts; large ones, of pico-USD, are cut off.</summary>
    private const long Fraction = 1 << 10;

    private long _slot = long.MinValue;
    private long _inSlot;
    private long _mean;
    private long _largest;

    /// <summary>When something was last reserved or asked for; monotonic µs.</summary>
    public long LastAt { get; private set; } = long.MinValue;

    public void Add(long amount, long now)
    {
        Turn(now);
        _inSlot = Math.Min(Saturating.Add(_inSlot, amount), long.MaxValue / (16 * Fraction));
        _largest = Math.Max(_largest, amount);
        LastAt = Math.Max(LastAt, now);
    }

    /// <summary>What is likely to be reserved in that time; at least one request as large as the largest of late.</summary>
    public long Expected(long now, TimeSpan during)
    {
        Turn(now);
        var slots = Math.Max(1, during.Ticks / TimeSpan.TicksPerMicrosecond / SlotMicros);
        return Math.Max(_largest, (long)Int128.Min((Int128)Math.Max(_mean, _inSlot * Fraction / 8) * slots / Fraction, long.MaxValue / 4));
    }

    private void Turn(long now)
    {
        var slot = now / SlotMicros;
        if (_slot == long.MinValue)
            _slot = slot;
        if (slot - _slot >= Memory)
        {
            (_mean, _largest, _inSlot, _slot) = (0, 0, 0, slot);
            return;
        }
        for (; _slot < slot; _slot++)
        {
            _mean += ((_inSlot * Fraction) - _mean) / 8;
            _largest -= _largest / 64;
            _inSlot = 0;
        }
    }
}
