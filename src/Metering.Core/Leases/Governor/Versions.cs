using System.Globalization;

namespace Metering.Core.Leases.Governor;

/// <summary>The governor's now and the versions of what it decides: neither ever goes back, also over a takeover (R24, R27).</summary>
internal sealed class Versions(string name)
{
    /// <summary>Unix µs.</summary>
    public long NowMicros { get; private set; }

    public long Last { get; private set; }

    public void Observe(long micros) => NowMicros = Math.Max(NowMicros, micros);

    public long Next() => Last = Math.Max(Last + 1, NowMicros);

    /// <summary>Versions are given once, so an id is too.</summary>
    public string LeaseId(long version) => string.Create(CultureInfo.InvariantCulture, $"{name}-{version:x}");

    public void Restore(ReadOnlySpan<byte> value)
    {
        Observe(LeaseStateCodec.TakeInt64(ref value));
        Last = Math.Max(Last, LeaseStateCodec.TakeInt64(ref value));
    }
}
