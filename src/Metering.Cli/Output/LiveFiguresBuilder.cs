namespace Metering.Cli.Output;

/// <summary>Turns running totals, taken about once a second, into the figures shown. Not thread-safe.</summary>
/// <param name="time">Its timestamp is the monotonic clock that rates are measured by.</param>
/// <param name="window">What rates are means over. Default 5 s.</param>
/// <param name="top">How many tenants and models are shown. Default 8.</param>
public sealed class LiveFiguresBuilder(TimeProvider time, TimeSpan? window = null, int top = 8)
{
    private readonly long _started = time.GetTimestamp();
    private readonly RateWindow<Sample> _window = new(window ?? TimeSpan.FromSeconds(5));

    /// <summary>The figures as of now.</summary>
    public LiveFigures Observe(RunningTotals totals)
    {
        var uptime = time.GetElapsedTime(_started);
        var now = new Sample(totals, ByName(totals.Tenants), ByName(totals.Models));
        var (before, ticks) = _window.Add(uptime, now);
        return new LiveFigures
        {
            UptimeSeconds = decimal.Round((decimal)uptime.Ticks / TimeSpan.TicksPerSecond, 1),
            EventsPerSecond = Rate.PerSecond(before.Totals.Requests ?? before.Totals.Metered, totals.Requests ?? totals.Metered, ticks),
            InputTokensPerSecond = Rate.PerSecond(before.Totals.InputTokens, totals.InputTokens, ticks),
            OutputTokensPerSecond = Rate.PerSecond(before.Totals.OutputTokens, totals.OutputTokens, ticks),
            CostPerHourUsd = Rate.UsdPerHour(before.Totals.CostPicoUsd, totals.CostPicoUsd, ticks),
            LagRecords = totals.LagRecords,
            LagSeconds = decimal.Round(totals.LagMs / 1000m, 3),
            Requests = totals.Requests,
            Active = totals.Active,
            Published = totals.Published,
            Received = totals.Received,
            Metered = totals.Metered,
            Rejected = totals.Rejected,
            Duplicate = totals.Duplicate,
            InFlight = totals.InFlight,
            Lost = totals.Lost,
            InputTokens = totals.InputTokens,
            OutputTokens = totals.OutputTokens,
            LedgerRows = totals.LedgerRows,
            Tenants = Top(before.Tenants, totals.Tenants, ticks),
            Models = Top(before.Models, totals.Models, ticks),
            WaitingFor = totals.WaitingFor,
        };
    }

    private IReadOnlyList<GroupFigures> Top(Dictionary<string, GroupTotals> before, IReadOnlyList<GroupTotals> now, long ticks) =>
    [
        .. now.Select(group => Figures(before.GetValueOrDefault(group.Name), group, ticks))
            .OrderByDescending(g => g.CostPerHourUsd)
            .ThenByDescending(g => g.InputTokensPerSecond + g.OutputTokensPerSecond)
            .ThenBy(g => g.Name, StringComparer.Ordinal)
            .Take(top),
    ];

    private static GroupFigures Figures(GroupTotals before, GroupTotals now, long ticks) => new()
    {
        Name = now.Name,
        EventsPerSecond = Rate.PerSecond(before.Events, now.Events, ticks),
        InputTokensPerSecond = Rate.PerSecond(before.InputTokens, now.InputTokens, ticks),
        OutputTokensPerSecond = Rate.PerSecond(before.OutputTokens, now.OutputTokens, ticks),
        CostPerHourUsd = Rate.UsdPerHour(before.CostPicoUsd, now.CostPicoUsd, ticks),
    };

    private static Dictionary<string, GroupTotals> ByName(IReadOnlyList<GroupTotals> groups)
    {
        var byName = new Dictionary<string, GroupTotals>(groups.Count, StringComparer.Ordinal);
        foreach (var group in groups)
            byName[group.Name] = group;
        return byName;
    }

    private sealed record Sample(
        RunningTotals Totals, Dictionary<string, GroupTotals> Tenants, Dictionary<string, GroupTotals> Models);
}
