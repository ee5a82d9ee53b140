using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Metering.Cli.Output;

/// <summary>Draws figures for a terminal of a given width; below 100 columns the groups lose columns and stand one
/// above the other. Names come from other people's events: they are drawn as text, never as markup or control codes.</summary>
internal static class LiveTable
{
    private const int WideColumns = 100;

    public static IRenderable Render(LiveFigures figures, int width)
    {
        var wide = width >= WideColumns;
        var tenants = Groups("tenant", figures.Tenants, wide);
        var models = Groups("model", figures.Models, wide);
        var parts = new List<IRenderable> { Summary(figures) };
        if (wide)
            parts.Add(new Columns(tenants, models) { Expand = false });
        else
            parts.AddRange([tenants, models]);
        parts.Add(new Text(FiguresText.Equation(figures), Holds(figures) ? Style.Plain : new Style(Color.Red)));
        if (figures.WaitingFor.Count > 0)
            parts.Add(new Text("waiting for " + Clean(string.Join(", ", figures.WaitingFor)), new Style(Color.Yellow)));
        return new Rows(parts);
    }

    private static Grid Summary(LiveFigures figures)
    {
        var grid = new Grid().AddColumn().AddColumn().AddColumn().AddColumn();
        grid.AddRow(Head("events/s"), Head("tokens/s in, out"), Head("cost/h"), Head("lag"));
        grid.AddRow(
            new Text(FiguresText.Rate(figures.EventsPerSecond)),
            new Text($"{FiguresText.Rate(figures.InputTokensPerSecond)}, {FiguresText.Rate(figures.OutputTokensPerSecond)}"),
            new Text(FiguresText.Usd(figures.CostPerHourUsd)),
            new Text(string.Create(CultureInfo.InvariantCulture, $"{FiguresText.Count(figures.LagRecords)} ({figures.LagSeconds:0.0} s)")));
        grid.AddRow(Head("up"), Head("ledger rows"), Head("duplicate"), Head("received"));
        grid.AddRow(
            new Text(FiguresText.Duration(figures.UptimeSeconds)),
            new Text(FiguresText.LedgerRows(figures)),
            new Text(FiguresText.Count(figures.Duplicate)),
            new Text(FiguresText.Count(figures.Received)));
        return grid;
    }

    private static Table Groups(string title, IReadOnlyList<GroupFigures> groups, bool wide)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(title);
        if (wide)
            table.AddColumn(new TableColumn("events/s").RightAligned());
        table.AddColumn(new TableColumn("in/s").RightAligned())
            .AddColumn(new TableColumn("out/s").RightAligned())
            .AddColumn(new TableColumn("$/h").RightAligned());
        foreach (var group in groups)
            table.AddRow(Cells(group, wide));
        return table;
    }

    private static IEnumerable<IRenderable> Cells(GroupFigures group, bool wide)
    {
        yield return new Text(Shorten(Clean(group.Name), wide ? 24 : 20));
        if (wide)
            yield return new Text(FiguresText.Rate(group.EventsPerSecond));
        yield return new Text(FiguresText.Rate(group.InputTokensPerSecond));
        yield return new Text(FiguresText.Rate(group.OutputTokensPerSecond));
        yield return new Text(FiguresText.Usd(group.CostPerHourUsd));
    }

    private static Text Head(string text) => new(text, new Style(decoration: Decoration.Dim));

    private static bool Holds(LiveFigures figures) =>
        figures.Published == figures.Metered + figures.Rejected + figures.InFlight + figures.Lost;

    private static string Clean(string text) =>
        string.Create(text.Length, text, (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = char.IsControl(source[i]) ? '?' : source[i];
        });

    private static string Shorten(string text, int most) => text.Length <= most ? text : string.Concat(text.AsSpan(0, most - 1), "…");
}
