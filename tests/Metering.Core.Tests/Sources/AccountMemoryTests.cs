using System.Buffers;
using System.Globalization;
using System.Text;
using Metering.Core.Sources;

namespace Metering.Core.Tests.Sources;

/// <summary>What accounts take: all that is allocated for them, the table's places and what it outgrew included, without the
/// arrays that hold their sources' names and without open gaps.</summary>
public sealed class AccountMemoryTests
{
    private const int Accounts = 200_000;
    private const int MostBytes = 128;

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void R2_An_account_takes_at_most_128_bytes_as_its_events_come(int epochsPerSource)
    {
        var sources = Sources(epochsPerSource);
        var table = new SourceTable();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Accounts; i++)
        {
            for (var sequence = 1; sequence <= 3; sequence++)
                Meter(table.Get(sources[i], i), sequence);
            table.Get(sources[i], i).AddDuplicate(7);
        }
        Check(GC.GetAllocatedBytesForCurrentThread() - before, sources);
        Assert.Equal(Accounts, table.Count);
    }

    [Fact]
    public void R9_An_account_takes_at_most_128_bytes_when_its_changelog_has_been_read()
    {
        var sources = Sources(epochsPerSource: 1);
        var records = new (byte[] Key, byte[] Value)[Accounts * 2];
        for (var i = 0; i < records.Length; i++)
            records[i] = Record(sources[i % Accounts], i % Accounts, upTo: 1 + (i / Accounts));
        var table = new SourceTable();
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var (key, value) in records)
            EpochAccountCodec.ReadValue(value, table.Get(EpochAccountCodec.SourceOf(key), EpochAccountCodec.EpochOf(key)));
        Check(GC.GetAllocatedBytesForCurrentThread() - before, sources);
        Assert.All(table.All(), account => Assert.Equal(2, account.Metered));
    }

    [Fact]
    public void Trim_gives_back_the_room_of_gaps_that_have_closed()
    {
        var account = new EpochAccount([], 1);
        for (var sequence = 1; sequence <= 4000; sequence += 2)
            Meter(account, sequence);
        for (var sequence = 2; sequence < 3990; sequence += 2)
            Meter(account, sequence);
        Assert.InRange(TrimmedBytes(account), 1, 200); // what it copies: the gaps that are left
        Assert.Equal(5, account.Gaps.Length);
        Assert.Equal(SequenceVerdict.FillsGap, account.Take(3992));
        Assert.Equal(SequenceVerdict.Duplicate, account.Take(3988));
    }

    [Fact]
    public void Trim_lets_go_of_nothing_that_counts()
    {
        var account = new EpochAccount([], 1);
        Meter(account, 2);
        Meter(account, 1);
        account.AddTooOldToTell(5);
        account.Trim();
        Assert.Equal((1, 3, 3), (account.TooOldToTell, account.Received, account.Published));
    }

    private static void Meter(EpochAccount account, long sequence)
    {
        account.Take(sequence);
        account.AddMetered(5, 10, 20);
    }

    private static void Check(long bytes, byte[][] sources)
    {
        var names = sources.Sum(source => 24L + ((source.Length + 7) & ~7));
        var each = (double)(bytes - names) / Accounts;
        TestContext.Current.TestOutputHelper?.WriteLine($"{each:F1} bytes an account");
        Assert.InRange(each, 64, MostBytes);
    }

    private static byte[][] Sources(int epochsPerSource) =>
        [.. Enumerable.Range(0, Accounts).Select(i => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"gateway-eu-{i / epochsPerSource}")))];

    private static (byte[] Key, byte[] Value) Record(byte[] source, long epoch, int upTo)
    {
        var account = new EpochAccount(source, epoch);
        for (var sequence = 1; sequence <= upTo; sequence++)
            Meter(account, sequence);
        ArrayBufferWriter<byte> key = new(), value = new();
        EpochAccountCodec.WriteKey(key, account);
        EpochAccountCodec.WriteValue(value, account);
        return (key.WrittenSpan.ToArray(), value.WrittenSpan.ToArray());
    }

    private static long TrimmedBytes(EpochAccount account)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        account.Trim();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
