using System.Globalization;
using System.Text;
using Metering.Core.Usage;
using Metering.Pipeline.Meter.Usage;

namespace Metering.Pipeline.Tests.Meter;

public sealed class UsageTableTests
{
    private static readonly UsageTime Now = new(1_800_000_000, 1_800_000_000, Leased: false);

    [Fact]
    public void More_names_than_are_kept_are_named_rightly_before_and_after()
    {
        var table = new UsageTable(mostBytes: 1_000);
        string[] tenants = [.. Enumerable.Range(0, 20).Select(i => string.Create(CultureInfo.InvariantCulture, $"t{i}"))];
        foreach (var interval in new[] { tenants, tenants[5..7], ["new"], tenants })
        {
            foreach (var tenant in interval)
                table.Add(Now, table.Names.NumberOf(Encoding.UTF8.GetBytes(tenant)), 0, 0, 0, 0, One);
            var sums = Drain(table);
            Assert.Equal(interval.Select(tenant => "tenant=" + tenant).Append("*").Order(StringComparer.Ordinal), sums.Keys.Order(StringComparer.Ordinal));
            Assert.Equal(interval.Length, sums["*"]);
        }
    }

    [Fact]
    public void A_table_that_has_grown_for_one_interval_sums_up_as_before()
    {
        var table = new UsageTable();
        foreach (var keys in new[] { 50_000, 1, 3_000 })
        {
            var (tenant, key) = (table.Names.NumberOf("acme"u8), table.Names.NumberOf("k"u8));
            for (var i = 1; i <= keys; i++)
                table.Add(Now with { Second = (uint)i }, tenant, 0, 0, key, 0, One);
            var count = 0;
            table.Drain((byte[] scope, string text, in UsageCell cell) => count += text == "key=k" ? 1 : 0);
            Assert.Equal(keys, count);
        }
    }

    private static UsageSums One => new(1, 10, 0, 0, 5, 0, 100, 0);

    private static Dictionary<string, long> Drain(UsageTable table)
    {
        var sums = new Dictionary<string, long>(StringComparer.Ordinal);
        table.Drain((byte[] scope, string text, in UsageCell cell) =>
        {
            Assert.Equal(text, Encoding.UTF8.GetString(scope));
            sums[text] = sums.GetValueOrDefault(text) + cell.Sums.Requests;
        });
        return sums;
    }
}
