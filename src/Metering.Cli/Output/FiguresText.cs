using System.Globalization;

namespace Metering.Cli.Output;

/// <summary>Figures as people read them.</summary>
internal static class FiguresText
{
    /// <summary>The figures of one second on one line.</summary>
    public static string Line(LiveFigures figures)
    {
        var line = string.Create(CultureInfo.InvariantCulture,
            $"{Duration(figures.UptimeSeconds)}  {Rate(figures.EventsPerSecond)} events/s  tokens/s {Rate(figures.InputTokensPerSecond)} in {Rate(figures.OutputTokensPerSecond)} out  {Usd(figures.CostPerHourUsd)}/h  lag {Count(figures.LagRecords)} ({figures.LagSeconds:0.0} s)  {Equation(figures)}");
        return figures.WaitingFor.Count == 0 ? line : $"{line}  waiting for {string.Join(", ", figures.WaitingFor)}";
    }

    /// <summary>The totals of a stopped process.</summary>
    public static IEnumerable<string> Totals(LiveFigures totals)
    {
        yield return Equation(totals);
        yield return string.Create(CultureInfo.InvariantCulture,
            $"received {Count(totals.Received)} = metered {Count(totals.Metered)} + rejected {Count(totals.Rejected)} + duplicate {Count(totals.Duplicate)}");
        yield return string.Create(CultureInfo.InvariantCulture,
            $"tokens {Count(totals.InputTokens)} in, {Count(totals.OutputTokens)} out; ledger {LedgerRows(totals)} rows; up {Duration(totals.UptimeSeconds)}");
    }

    /// <summary>The account that must hold, and a mark when it does not.</summary>
    public static string Equation(LiveFigures figures)
    {
        var holds = figures.Published == figures.Metered + figures.Rejected + figures.InFlight + figures.Lost;
        return $"published {Count(figures.Published)} {(holds ? "=" : "≠")} metered {Count(figures.Metered)} + rejected {Count(figures.Rejected)} + in flight {Count(figures.InFlight)} + lost {Count(figures.Lost)}";
    }

    public static string LedgerRows(LiveFigures figures) => figures.LedgerRows < 0 ? "?" : Count(figures.LedgerRows);

    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Rate(decimal value) => value.ToString(value < 100 ? "N1" : "N0", CultureInfo.InvariantCulture);

    public static string Usd(decimal value) => "$" + value.ToString(value < 1 ? "N4" : "N2", CultureInfo.InvariantCulture);

    public static string Duration(decimal seconds) =>
        TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond)).ToString(seconds >= 86_400 ? @"d\.hh\:mm\:ss" : @"hh\:mm\:ss", CultureInfo.InvariantCulture);
}
