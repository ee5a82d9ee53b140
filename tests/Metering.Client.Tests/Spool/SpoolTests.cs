using Metering.Client.Spool;

namespace Metering.Client.Tests.Spool;

public sealed class SpoolTests
{
    [Fact]
    public void Append_then_read_gives_the_same_events_in_order_across_segments_R4()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 1 << 20, SegmentBytes = 4096, Fsync = SpoolFsync.Never } };
        using var spool = bench.Open();
        for (var i = 0; i < 500; i++)
            Assert.Equal(SpoolAppendStatus.Stored, bench.Append(spool));
        Assert.True(bench.Segments.Length > 5);
        Assert.Equal(SpoolBench.Texts(spool.Account.Epoch, 1, 500), SpoolBench.ReadAll(spool));
        Assert.Equal(500, spool.PendingEvents);
    }

    [Fact]
    public void Read_at_the_tail_sees_each_append_at_once()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 1 << 20, SegmentBytes = 2048, Fsync = SpoolFsync.Never } };
        using var spool = bench.Open();
        using var reader = spool.OpenReader();
        for (var i = 1; i <= 200; i++)
        {
            Assert.False(reader.TryRead());
            bench.Append(spool);
            Assert.True(reader.TryRead());
            Assert.Equal(i, reader.Head.Sequence);
        }
    }

    [Fact]
    public void Reopen_keeps_the_old_epochs_events_before_the_new_ones_R1()
    {
        using var bench = new SpoolBench();
        var epochs = new List<long>();
        for (var run = 0; run < 4; run++)
        {
            using var spool = bench.Open();
            epochs.Add(spool.Account.Epoch);
            for (var i = 0; i < 10; i++)
                bench.Append(spool);
        }
        using var last = bench.Open();
        Assert.Equal(4, epochs.Distinct().Count());
        Assert.Equal(epochs.SelectMany(e => SpoolBench.Texts(e, 1, 10)), SpoolBench.ReadAll(last));
        Assert.Equal(40, last.PendingEvents);
        foreach (var epoch in epochs)
        {
            var figures = last.Book.Find(epoch)!.Read();
            Assert.Equal((10, 20, 30), (figures.LastSequence, figures.InputTokens, figures.OutputTokens));
        }
    }

    [Fact]
    public void Crash_between_a_roll_and_the_first_append_counts_what_lies_before_R4()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 1 << 20, SegmentBytes = 4096, Fsync = SpoolFsync.Never } };
        long epoch;
        using (var spool = bench.Open())
        {
            epoch = spool.Account.Epoch;
            for (var i = 0; i < 100; i++)
                bench.Append(spool);
        }
        var number = bench.Segments.Length + 1;
        SpoolSegment.Create(bench.SpoolPath, new SegmentHeader(number, epoch, 101, 200, 300, 7, 1)).Handle.Dispose();

        using var again = bench.Open();

        Assert.Equal(SpoolBench.Texts(epoch, 1, 100), SpoolBench.ReadAll(again));
        Assert.Equal(100, again.PendingEvents);
        Assert.Equal(100, again.Book.Find(epoch)!.Read().LastSequence);
    }

    [Fact]
    public void Settle_deletes_whole_segments_and_a_restart_goes_on_behind_the_cursor_R4()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 1 << 20, SegmentBytes = 4096, Fsync = SpoolFsync.Never } };
        long epoch;
        using (var spool = bench.Open())
        {
            epoch = spool.Account.Epoch;
            for (var i = 0; i < 300; i++)
                bench.Append(spool);
            var before = bench.Segments.Length;
            using var reader = spool.OpenReader();
            while (reader.Head.Sequence < 250)
                Assert.True(reader.TryRead());
            spool.Settle(reader.Position, 250);
            spool.Account.Settled(250);
            Assert.True(bench.Segments.Length <= 3, $"{bench.Segments.Length} of {before} segments are left");
            Assert.Equal(50, spool.PendingEvents);
        }
        using var again = bench.Open();
        Assert.Equal(SpoolBench.Texts(epoch, 251, 300), SpoolBench.ReadAll(again));
        Assert.Equal(50, again.PendingEvents);
        var figures = again.Book.Find(epoch)!.Read();
        Assert.Equal((300, 600, 900, 250), (figures.LastSequence, figures.InputTokens, figures.OutputTokens, figures.SettledSequence));
    }

    [Fact]
    public void Append_when_the_bound_is_reached_says_full_and_takes_again_after_settling()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 64 << 10, SegmentBytes = 8 << 10, Fsync = SpoolFsync.Never } };
        using var spool = bench.Open();
        while (bench.Append(spool, 200) == SpoolAppendStatus.Stored)
            Assert.True(spool.Bytes <= 64 << 10);
        var taken = spool.NextSequence - 1;
        Assert.Equal(SpoolAppendStatus.Full, bench.Append(spool, 200));
        using var reader = spool.OpenReader();
        while (reader.TryRead())
            continue;
        spool.Settle(reader.Position, taken);
        Assert.Equal(SpoolAppendStatus.Stored, bench.Append(spool, 200));
        Assert.Equal(taken + 1, spool.NextSequence - 1);
        Assert.True(reader.TryRead());
        Assert.Equal(taken + 1, reader.Head.Sequence);
    }

    [Fact]
    public void Append_when_the_disk_refuses_says_failed_keeps_the_sequence_and_recovers_by_itself()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 1 << 20, SegmentBytes = 1024, Fsync = SpoolFsync.Never } };
        using var spool = bench.Open();
        while (spool.NextSequence < 5)
            bench.Append(spool);
        // What a disk without room does to the next segment: its name is taken by a folder.
        var blocked = Path.Combine(bench.SpoolPath, SpoolSegment.FileName(2));
        Directory.CreateDirectory(blocked);
        while (bench.Append(spool) == SpoolAppendStatus.Stored)
            Assert.True(spool.NextSequence < 100);
        var next = spool.NextSequence;
        Assert.Equal(SpoolAppendStatus.Failed, bench.Append(spool));
        Directory.Delete(blocked);
        Assert.Equal(SpoolAppendStatus.Stored, bench.Append(spool));
        Assert.Equal(SpoolBench.Texts(spool.Account.Epoch, 1, next), SpoolBench.ReadAll(spool));
    }

    [Fact]
    public void Open_of_a_spool_in_use_is_refused_with_folder_and_owner()
    {
        using var bench = new SpoolBench();
        using var spool = bench.Open();
        var refused = Assert.Throws<SpoolInUseException>(() => bench.Open());
        Assert.Contains(SpoolBench.Source, refused.Message, StringComparison.Ordinal);
        Assert.Contains(bench.SpoolPath, refused.Message, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("checkout-service", "checkout-service")]
    [InlineData("../../etc", "%2E.%2F..%2Fetc")]
    [InlineData(".", "%2E")]
    [InlineData("a b/ü", "a%20b%2F%C3%BC")]
    [InlineData("redrive:7", "redrive%3A7")]
    public void Escape_makes_a_file_name_that_leads_nowhere(string source, string folder) => Assert.Equal(folder, SpoolFolder.Escape(source));

    [Fact]
    public void Escape_of_long_names_keeps_them_apart()
    {
        var a = SpoolFolder.Escape(new string('x', 400) + "a");
        var b = SpoolFolder.Escape(new string('x', 400) + "b");
        Assert.NotEqual(a, b);
        Assert.True(a.Length < 130);
    }

    [Fact]
    public void NewEpoch_is_positive_grows_with_time_and_is_never_one_that_is_known_R1()
    {
        using var bench = new SpoolBench();
        using var spool = bench.Open();
        var seen = new HashSet<long> { spool.Account.Epoch };
        for (var i = 0; i < 1000; i++)
        {
            var epoch = spool.Book.NewEpoch(TimeProvider.System);
            Assert.True(epoch > 1L << 60);
            seen.Add(epoch);
            spool.Book.Begin(epoch);
        }
        Assert.Equal(1001, seen.Count);
    }

    [Fact]
    public void Begin_writes_the_epoch_to_disk_before_the_first_event_R1()
    {
        using var bench = new SpoolBench();
        long epoch;
        using (var spool = bench.Open())
            epoch = spool.Account.Epoch;
        Assert.NotNull(EpochBook.Open(bench.SpoolPath).Find(epoch));
    }

    [Fact]
    public void Reuse_of_an_epoch_keeps_one_account_whose_values_only_grow_R1()
    {
        using var bench = new SpoolBench();
        using (var first = bench.Open(epoch: 42))
        {
            for (var i = 0; i < 20; i++)
                bench.Append(first);
        }
        using var second = bench.Open(epoch: 42);
        for (var i = 0; i < 5; i++)
            bench.Append(second);
        Assert.Equal([.. SpoolBench.Texts(42, 1, 20), .. SpoolBench.Texts(42, 1, 5)], SpoolBench.ReadAll(second));
        Assert.Equal(20, second.Account.Read().LastSequence);
        Assert.Equal(0, bench.Log.Count(4004));
    }

    [Fact]
    public async Task WaitDurable_under_each_append_syncs_before_it_returns()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 1 << 20, SegmentBytes = 4096, Fsync = SpoolFsync.EachAppend } };
        var spool = bench.Open();
        for (var i = 0; i < 100; i++)
        {
            bench.Append(spool);
            spool.WaitDurable(spool.AppendMark);
            Assert.Equal(spool.AppendMark, spool.SyncedMark);
        }
        await spool.CloseAsync();
    }
}
