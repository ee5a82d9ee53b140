using Metering.Core.Sources;

namespace Metering.Core.Policies;

/// <summary>Which requests a policy that is rolled out to a part touches: the same everywhere, told by the request's id alone.</summary>
public static class PolicyShare
{
    /// <summary>A million: all.</summary>
    public const int Whole = 1_000_000;

    /// <summary>murmur2(id), made positive as Kafka does it, modulo a million, is below the share. A share that is raised
    /// keeps those that it touched.</summary>
    /// <param name="sharePpm">In a million, 0 to 1,000,000.</param>
    /// <param name="requestId">UTF-8.</param>
    public static bool Touches(int sharePpm, ReadOnlySpan<byte> requestId) =>
        sharePpm >= Whole || (int)(Murmur2.Hash(requestId) & 0x7fffffff) % Whole < sharePpm;
}
