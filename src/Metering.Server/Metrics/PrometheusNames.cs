using System.Diagnostics.Metrics;
using System.Text;

namespace Metering.Server.Metrics;

/// <summary>
/// Prometheus' name of an instrument: <c>metering_</c> before, its words joined by underscores, its unit and for counters
/// <c>_total</c> behind. Instrument <c>meter.commit_duration</c> with unit <c>s</c> is <c>metering_meter_commit_duration_seconds</c>.
/// </summary>
internal static class PrometheusNames
{
    private const string Prefix = "metering_";

    public static string Of(Instrument instrument)
    {
        var name = new StringBuilder(Plain(instrument.Name));
        if (!StartsWith(name, Prefix))
            name.Insert(0, Prefix);
        var isCounter = IsCounter(instrument);
        if (isCounter && EndsWith(name, "_total"))
            name.Length -= "_total".Length;
        if (Unit(instrument.Unit) is { } unit && !EndsWith(name, unit))
            name.Append(unit);
        if (isCounter)
            name.Append("_total");
        return name.ToString();
    }

    /// <summary>A tag's key as a label: lower case, what is no letter or digit becomes an underscore.</summary>
    public static string Label(string tag) => Plain(tag);

    public static bool IsCounter(Instrument instrument) =>
        instrument.GetType() is { IsGenericType: true } type
        && (type.GetGenericTypeDefinition() == typeof(Counter<>) || type.GetGenericTypeDefinition() == typeof(ObservableCounter<>));

    private static string Plain(string name)
    {
        var plain = new StringBuilder(name.Length);
        foreach (var character in name)
            plain.Append(char.IsAsciiLetterOrDigit(character) ? char.ToLowerInvariant(character) : '_');
        return plain.ToString();
    }

    /// <summary>UCUM's units, as instruments name them, in Prometheus' words; counts such as {event} need none.</summary>
    private static string? Unit(string? unit) => unit switch
    {
        "s" => "_seconds",
        "By" => "_bytes",
        "USD" => "_usd",
        "1" => "_ratio",
        _ => null,
    };

    private static bool StartsWith(StringBuilder text, string start) =>
        text.Length >= start.Length && text.ToString(0, start.Length).Equals(start, StringComparison.Ordinal);

    private static bool EndsWith(StringBuilder text, string end) =>
        text.Length >= end.Length && text.ToString(text.Length - end.Length, end.Length).Equals(end, StringComparison.Ordinal);
}
