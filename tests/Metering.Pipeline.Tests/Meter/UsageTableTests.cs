using System.Globalization;
using System.Runtime.CompilerServices;
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

    [Fact]
    public void A_scope_takes_at_most_512_bytes_beside_its_name()
    {
        const int Tenants = 30_000;
        var table = new UsageTable();
        byte[][] tenants = [.. Enumerable.Range(0, Tenants).Select(i => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"tenant-{i}")))];
        byte[][] keys = [.. Enumerable.Range(0, Tenants).Select(i => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"key-{i}")))];
        var (scopes, nameBytes) = (0, tenants.Sum(name => HeapBytes(24, name.Length)) + keys.Sum(name => HeapBytes(24, name.Length)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (model, route, pool) = (table.Names.NumberOf("gpt-4o"u8), table.Names.NumberOf("chat"u8), table.Names.NumberOf("h100"u8));
        for (var i = 0; i < Tenants; i++)
            table.Add(Now, table.Names.NumberOf(tenants[i]), model, route, table.Names.NumberOf(keys[i]), pool, One);
        table.Drain((byte[] scope, string text, in UsageCell _) =>
        {
            scopes++;
            nameBytes += HeapBytes(24, scope.Length) + HeapBytes(22, 2 * text.Length);
        });
        // What the tables have outgrown is counted too, so this is more than what is held.
        var each = (double)(GC.GetAllocatedBytesForCurrentThread() - before - nameBytes) / scopes;
        TestContext.Current.TestOutputHelper?.WriteLine($"{each:F0} bytes a scope");
        Assert.Equal((4 * Tenants) + 4, scopes);
        Assert.InRange(each, 80, 512);
    }

    [Fact]
    public void A_scope_keeps_its_name_while_there_is_room_and_is_let_go_with_the_flood_that_it_came_with()
    {
        var table = new UsageTable(mostBytes: 100_000);
        var first = NameOf(table, "hot");
        Assert.True(IsTheSame(first, NameOf(table, "hot")), "the name was made again");
        for (var i = 0; i < 1_000; i++)
            table.Add(Now, table.Names.NumberOf(BitConverter.GetBytes(i + 1_000_000)), 0, 0, 0, 0, One);
        Drain(table);
        GC.Collect();
        Assert.False(first.TryGetTarget(out _), "the flood's names are held");
        Assert.Equal(0, table.Names.Bytes);
    }

    // Of no caller's frame, or it would be held.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference<byte[]> NameOf(UsageTable table, string tenant)
    {
        table.Add(Now, table.Names.NumberOf(Encoding.UTF8.GetBytes(tenant)), 0, 0, 0, 0, One);
        WeakReference<byte[]>? name = null;
        table.Drain((byte[] scope, string text, in UsageCell _) => name = text == "tenant=" + tenant ? new(scope) : name);
        return name!;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsTheSame(WeakReference<byte[]> one, WeakReference<byte[]> other) =>
        one.TryGetTarget(out var a) && other.TryGetTarget(out var b) && ReferenceEquals(a, b);

    private static long HeapBytes(int head, int content) => (head + content + 7) & ~7;

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
