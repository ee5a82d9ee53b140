using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Metering.Integration.Running;

/// <summary>A dashboard of the project, asked as Grafana asks: every panel's query with its macros expanded for the last quarter of an hour.</summary>
internal static partial class Dashboard
{
    private const int IntervalSeconds = 5;

    /// <summary>No query fails, and none comes back empty.</summary>
    public static async Task EveryPanelShowsSomethingAsync(string file, Ledger ledger)
    {
        var panels = JsonDocument.Parse(await File.ReadAllTextAsync(file)).RootElement.GetProperty("panels").EnumerateArray()
            .Where(static panel => panel.TryGetProperty("targets", out _)).ToList();
        Assert.True(panels.Count > 5, $"{file} has {panels.Count} panels");
        foreach (var panel in panels)
        {
            var title = panel.GetProperty("title").GetString();
            Assert.False(string.IsNullOrEmpty(panel.GetProperty("description").GetString()), $"panel '{title}' has no description");
            Assert.NotEmpty(panel.GetProperty("fieldConfig").GetProperty("defaults").GetProperty("unit").GetString()!);
            foreach (var target in panel.GetProperty("targets").EnumerateArray())
            {
                var sql = Expand(target.GetProperty("rawSql").GetString()!);
                Assert.DoesNotContain("$", sql, StringComparison.Ordinal);
                var rows = await ledger.NumberAsync($"SELECT count() FROM ({sql})");
                Assert.True(rows > 0, $"panel '{title}' is empty: {sql}");
            }
        }
    }

    /// <summary>The macros of Grafana's ClickHouse data source that dashboards here use, and variables that stand for all values.</summary>
    private static string Expand(string sql)
    {
        sql = ConditionalAll().Replace(sql, "1 = 1");
        sql = AllValues().Replace(sql, "1 = 1");
        sql = TimeFilter().Replace(sql, "${column} >= toDateTime(now() - 900) AND ${column} <= toDateTime(now() + 60)");
        sql = TimeInterval().Replace(sql, string.Create(CultureInfo.InvariantCulture, $"toStartOfInterval(toDateTime(${{column}}), INTERVAL {IntervalSeconds} second)"));
        return sql.Replace("$__interval_s", IntervalSeconds.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\$__conditionalAll\(.*?\}\), \$\w+\)", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex ConditionalAll();

    [GeneratedRegex(@"\w+ IN \(\$\{\w+:singlequote\}\)", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex AllValues();

    [GeneratedRegex(@"\$__timeFilter\((?<column>\w+)\)", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex TimeFilter();

    [GeneratedRegex(@"\$__timeInterval\((?<column>\w+)\)", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex TimeInterval();
}
