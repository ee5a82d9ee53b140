using System.Diagnostics.CodeAnalysis;

namespace Metering.Core.Shares;

/// <summary>
/// The gateways that serve one scope, by what they last said of it. Not state: they say so again. Who is silent for
/// <see cref="Life"/> is taken for gone, and what it had is free. Single-threaded.
/// </summary>
public sealed class GatewayLevels
{
    /// <summary>How long a report counts: some repeats of it.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(3);

    private static readonly long LifeMicros = Life.Ticks / TimeSpan.TicksPerMicrosecond;

    private readonly SortedDictionary<string, GatewayLevel> _levels = new(StringComparer.Ordinal);

    /// <summary>In the order of their names.</summary>
    public IReadOnlyCollection<GatewayLevel> All => _levels.Values;

    public bool TryFind(string gateway, [NotNullWhen(true)] out GatewayLevel? level) => _levels.TryGetValue(gateway, out level);

    /// <summary>Takes a report; false if a newer one is known.</summary>
    public bool Take(LevelReport report)
    {
        if (!_levels.TryGetValue(report.Gateway, out var level))
            _levels.Add(report.Gateway, level = new GatewayLevel(report.Gateway));
        if (report.Number <= level.Number)
            return false;
        (level.Number, level.Demand, level.UnderWay, level.Knows, level.HeardAtMicros) = (report.Number, report.Demand, report.UnderWay, report.Knows, null);
        return true;
    }

    /// <summary>One that a decision names, which was published before this governor took over: it is waited for like one that was heard.</summary>
    public void Expect(string gateway) => _levels.TryAdd(gateway, new GatewayLevel(gateway));

    /// <summary>Forgets those that are silent. A report's life begins with the first look after it came: a queue of reports does not age.</summary>
    /// <param name="nowMicros">The governor's now.</param>
    public void DropSilent(long nowMicros)
    {
        List<string>? gone = null;
        foreach (var level in _levels.Values)
        {
            level.HeardAtMicros ??= nowMicros;
            if (nowMicros - level.HeardAtMicros >= LifeMicros)
                (gone ??= []).Add(level.Gateway);
        }
        foreach (var gateway in gone ?? [])
            _levels.Remove(gateway);
    }
}

/// <summary>One gateway's newest report.</summary>
public sealed class GatewayLevel(string gateway)
{
    public string Gateway { get; } = gateway;

    /// <summary>Of the report.</summary>
    internal long Number { get; set; } = -1;

    public long Demand { get; internal set; }

    public long UnderWay { get; internal set; }

    public long Knows { get; internal set; }

    /// <summary>A report of it has come.</summary>
    public bool IsHeard => Number >= 0;

    internal long? HeardAtMicros { get; set; }
}
