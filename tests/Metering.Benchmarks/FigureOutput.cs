using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Benchmarks;

/// <summary>Prints figures: a table for people, or a JSON object a line for programs.</summary>
internal static class FigureOutput
{
    public static void Print(Figure figure, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new Line(
                figure.Bench, figure.Name, Round(figure.Value), figure.Unit, figure.Baseline, figure.Goal, figure.Met, figure.Reason), Options));
            return;
        }
        var goal = figure.Goal is { } wanted ? string.Create(CultureInfo.InvariantCulture, $"goal {wanted:#,0.##}") : "";
        var mark = figure.Met ? "" : "MISSED";
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{figure.Bench,-8} {figure.Name,-52} {Round(figure.Value),14:#,0.##} {figure.Unit,-12} {goal,-12} {mark} {figure.Reason}").TrimEnd());
    }

    private static double Round(double value) => Math.Abs(value) >= 1000 ? Math.Round(value) : Math.Round(value, 3);

    // Names hold '<' and apostrophes, which would be escaped for the sake of HTML pages.
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private sealed record Line(string Bench, string Figure, double Value, string Unit, string? Baseline, double? Goal, bool Met, string? Reason);
}
