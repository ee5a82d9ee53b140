using System.Buffers;
using CsCheck;
using Metering.Core.Sources;

namespace Metering.Core.Tests.Sources;

public sealed class EpochAccountTests
{
    private static readonly Gen<List<(long Sequence, bool IsValid)>> Arrivals = Gen.Select(Gen.Long[0, 40], Gen.Bool).List[0, 120];

    [Fact]
    public void R3_R6_Counters_reconcile_whatever_arrives() => Arrivals.Sample(arrivals =>
    {
        var account = Feed(arrivals);
        Assert.Equal(account.Received, account.Metered + account.Rejected + account.Duplicate);
        Assert.Equal(account.Published, account.Metered + account.Rejected + account.MissingEvents);
    });

    [Fact]
    public void R9_An_account_comes_back_from_its_changelog_record() => Arrivals.Sample(arrivals =>
    {
        var account = Feed(arrivals);
        var (key, value) = Save(account);
        var restored = EpochAccountCodec.Read(key, value);
        Assert.Equal(Save(account).Value, Save(restored).Value);
        Assert.Equal(account.Source, restored.Source);
        Assert.Equal((account.Epoch, account.MissingEvents, account.InputTokens), (restored.Epoch, restored.MissingEvents, restored.InputTokens));
    });

    [Fact]
    public void R9_A_record_read_into_an_account_replaces_all_that_it_held() => Arrivals.Sample(arrivals =>
    {
        var former = Feed([(1, true), (9, false), (5, true), (20, true)]);
        var account = Feed(arrivals);
        EpochAccountCodec.ReadValue(Save(account).Value, former);
        Assert.Equal(Save(account).Value, Save(former).Value);
        Assert.Equal(account.MissingEvents, former.MissingEvents);
    });

    [Fact]
    public void R9_A_record_without_gaps_takes_at_most_128_bytes()
    {
        var account = Feed([(1, true), (2, true)]);
        Assert.InRange(Save(account).Value.Length, 1, 128);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(40)]
    public void Read_of_a_truncated_record_is_refused(int length)
    {
        var (key, value) = Save(Feed([(3, true)]));
        Assert.Throws<InvalidDataException>(() => EpochAccountCodec.Read(key, value.AsSpan(0, length)));
    }

    [Fact]
    public void Read_of_a_record_whose_counters_do_not_add_up_is_refused()
    {
        var (key, value) = Save(Feed([(1, true), (2, true)]));
        value[1 + (4 * 8)]++; // metered, without having been received
        var error = Assert.Throws<InvalidDataException>(() => EpochAccountCodec.Read(key, value));
        Assert.Contains("received 2 is not metered 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void R9_Sums_beyond_64_bits_come_back()
    {
        var account = new EpochAccount("source"u8.ToArray(), 17);
        for (var sequence = 1; sequence <= 5; sequence++)
        {
            account.Sequences.Take(sequence);
            account.AddMetered(5, long.MaxValue, long.MaxValue - 1);
        }
        var (key, value) = Save(account);
        var restored = EpochAccountCodec.Read(key, value);
        Assert.Equal((5 * (Int128)long.MaxValue, 5 * (Int128)(long.MaxValue - 1)), (restored.InputTokens, restored.OutputTokens));
        Assert.Equal(value, Save(restored).Value);
    }

    [Fact]
    public void R2_A_table_finds_and_forgets_as_a_dictionary_does() =>
        Gen.Select(Gen.Int[0, 40], Gen.Long[0, 20], Gen.Bool).List[0, 1500].Sample(steps =>
        {
            var table = new SourceTable();
            var expected = new Dictionary<(int, long), long>();
            foreach (var (source, epoch, isRemoved) in steps)
            {
                var name = new byte[] { (byte)source };
                if (isRemoved && expected.Remove((source, epoch)))
                    table.Remove(name, epoch);
                else
                    table.Get(name, epoch).AddMetered(expected[(source, epoch)] = expected.GetValueOrDefault((source, epoch)) + 1, 1, 1);
            }
            Assert.Equal(expected, table.All().ToDictionary(account => ((int)account.Source[0], account.Epoch), account => account.Metered));
            Assert.Equal(expected.Count, table.Count);
        });

    [Fact]
    public void R2_Epochs_of_one_source_do_not_fence_each_other()
    {
        var table = new SourceTable();
        table.Get("gateway"u8, 2).Sequences.Take(1);
        table.Get("gateway"u8, 1).Sequences.Take(7);
        Assert.Equal(1, table.Get("gateway"u8, 2).Sequences.Highest);
        Assert.Equal(7, table.Get("gateway"u8, 1).Sequences.Highest);
        Assert.Equal(2, table.Count);
        table.Remove("gateway"u8, 1);
        Assert.Equal(0, table.Get("gateway"u8, 1).Sequences.Highest);
    }

    [Fact]
    public void Lookup_of_a_known_source_allocates_nothing()
    {
        var table = new SourceTable();
        table.Get("a"u8, 1);
        table.Get("b"u8, 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            table.Get(i % 2 == 0 ? "a"u8 : "b"u8, 1);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static EpochAccount Feed(List<(long Sequence, bool IsValid)> arrivals)
    {
        var account = new EpochAccount("source"u8.ToArray(), 17);
        foreach (var (sequence, isValid) in arrivals)
            Take(account, sequence, isValid);
        return account;
    }

    private static void Take(EpochAccount account, long sequence, bool isValid)
    {
        var verdict = sequence == 0 ? SequenceVerdict.New : account.Sequences.Take(sequence);
        if (verdict is SequenceVerdict.Duplicate)
            account.AddDuplicate(5);
        else if (verdict is SequenceVerdict.TooOldToTell)
            account.AddTooOldToTell(5);
        else if (isValid)
            account.AddMetered(5, 10, 20);
        else
            account.AddRejected(5);
    }

    private static (byte[] Key, byte[] Value) Save(EpochAccount account)
    {
        ArrayBufferWriter<byte> key = new(), value = new();
        EpochAccountCodec.WriteKey(key, account);
        EpochAccountCodec.WriteValue(value, account);
        return (key.WrittenSpan.ToArray(), value.WrittenSpan.ToArray());
    }
}
