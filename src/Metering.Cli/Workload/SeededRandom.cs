namespace Metering.Cli.Workload;

/// <summary>
/// Random numbers that are the same for a seed on every machine and in every release (SplitMix64), which
/// System.Random does not promise. One thread.
/// </summary>
public sealed class SeededRandom(ulong seed)
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state = seed;

    /// <summary>A generator for one part of a whole (a client, a stream), independent of its siblings.</summary>
    public static SeededRandom For(ulong seed, ulong part) => new(Mix(seed ^ Mix(part + Golden)));

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64() => Mix(_state += Golden);

    /// <summary>In [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>In (0, 1]: safe under a logarithm.</summary>
    public double NextOpenDouble() => 1.0 - NextDouble();

    /// <summary>Standard normal, by Box and Muller; the second value of a pair is not kept, so that every call costs the same two draws.</summary>
    public double NextNormal()
    {
        var radius = Math.Sqrt(-2.0 * Math.Log(NextOpenDouble()));
        return radius * Math.Cos(2.0 * Math.PI * NextDouble());
    }

    /// <summary>True with the given probability.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
