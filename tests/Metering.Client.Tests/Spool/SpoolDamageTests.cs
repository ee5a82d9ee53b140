using Metering.Client.Spool;

namespace Metering.Client.Tests.Spool;

public sealed class SpoolDamageTests
{
    [Fact]
    public void Open_with_the_last_record_torn_at_every_byte_cuts_it_and_keeps_the_rest_R4()
    {
        using var bench = new SpoolBench();
        var (epoch, file, lastRecord) = ThreeEvents(bench);
        for (var cut = lastRecord; cut < file.Length; cut++)
        {
            Restore(bench, file[..cut]);
            using var spool = bench.Open();
            Assert.Equal(SpoolBench.Texts(epoch, 1, 2), SpoolBench.ReadAll(spool));
            Assert.Equal(2, spool.PendingEvents);
            bench.Append(spool);
            Assert.Equal([.. SpoolBench.Texts(epoch, 1, 2), SpoolBench.Text(spool.Account.Epoch, 1)], SpoolBench.ReadAll(spool));
        }
    }

    [Fact]
    public void Open_with_rubbish_or_zeros_behind_the_last_record_cuts_them_and_says_so()
    {
        using var bench = new SpoolBench();
        var (epoch, file, _) = ThreeEvents(bench);
        var seed = Random.Shared.Next();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 50; round++)
        {
            var tail = new byte[random.Next(1, 5000)];
            if (round % 2 == 0)
                random.NextBytes(tail);
            Restore(bench, [.. file, .. tail]);
            using var spool = bench.Open();
            Assert.Equal(SpoolBench.Texts(epoch, 1, 3), SpoolBench.ReadAll(spool));
            Assert.Equal(round + 1, bench.Log.Count(4001));
        }
    }

    [Fact]
    public void Read_with_any_bit_flipped_in_a_middle_record_reports_it_and_goes_on_behind_it()
    {
        using var bench = new SpoolBench();
        var (epoch, file, lastRecord) = ThreeEvents(bench);
        var recordBytes = file.Length - lastRecord;
        var second = lastRecord - recordBytes;
        for (var bit = second * 8; bit < lastRecord * 8; bit += 3)
        {
            var damaged = file.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Restore(bench, damaged);
            var before = bench.Log.Count(4004);
            using var spool = bench.Open();
            Assert.Equal([SpoolBench.Text(epoch, 1), SpoolBench.Text(epoch, 3)], SpoolBench.ReadAll(spool));
            Assert.Equal(before + 1, bench.Log.Count(4004));
            Assert.Equal(before + 1, bench.Log.Count(4003));
            var figures = spool.Book.Find(epoch)!.Read();
            Assert.Equal((3, 1), (figures.LastSequence, figures.Damaged));
        }
        Assert.Contains(Directory.GetFiles(bench.SpoolPath), f => f.EndsWith(".damaged", StringComparison.Ordinal));
    }

    [Fact]
    public void Read_with_the_last_record_damaged_after_a_clean_close_misses_it_aloud()
    {
        using var bench = new SpoolBench();
        var (epoch, file, lastRecord) = ThreeEvents(bench);
        file[lastRecord + 20] ^= 1;
        Restore(bench, file);
        using var spool = bench.Open();
        Assert.Equal(SpoolBench.Texts(epoch, 1, 2), SpoolBench.ReadAll(spool));
        Assert.Equal(1, bench.Log.Count(4001));
        Assert.Equal(1, bench.Log.Count(4004));
        Assert.Equal(1, spool.Book.Find(epoch)!.Read().Damaged);
    }

    [Fact]
    public void Open_with_one_copy_of_a_header_damaged_loses_nothing()
    {
        using var bench = new SpoolBench();
        var (epoch, file, _) = ThreeEvents(bench);
        file[20] ^= 4;
        Restore(bench, file);
        using var spool = bench.Open();
        Assert.Equal(SpoolBench.Texts(epoch, 1, 3), SpoolBench.ReadAll(spool));
    }

    [Fact]
    public void Open_with_a_segment_without_header_sets_it_aside_and_counts_what_is_missing()
    {
        using var bench = new SpoolBench { Options = new SpoolOptions { MaxBytes = 1 << 20, SegmentBytes = 2048, Fsync = SpoolFsync.Never } };
        long epoch;
        using (var spool = bench.Open())
        {
            epoch = spool.Account.Epoch;
            for (var i = 0; i < 100; i++)
                bench.Append(spool);
        }
        var middle = File.ReadAllBytes(bench.Segments[2]);
        Array.Clear(middle, 0, SpoolSegment.DataStart);
        File.WriteAllBytes(bench.Segments[2], middle);
        using var again = bench.Open();
        var found = SpoolBench.ReadAll(again);
        var damaged = again.Book.Find(epoch)!.Read().Damaged;
        Assert.True(damaged > 0);
        Assert.Equal(100, found.Count + damaged);
        Assert.Equal(100, again.PendingEvents);
        Assert.Equal(1, bench.Log.Count(4002));
        Assert.Equal(1, bench.Log.Count(4004));
    }

    [Fact]
    public void Open_with_a_crash_while_a_segment_was_made_forgets_that_segment()
    {
        using var bench = new SpoolBench();
        var (epoch, _, _) = ThreeEvents(bench);
        for (var bytes = 0; bytes < SpoolSegment.DataStart; bytes += 17)
        {
            File.WriteAllBytes(Path.Combine(bench.SpoolPath, SpoolSegment.FileName(900_000 + bytes)), new byte[bytes]);
            using var spool = bench.Open();
            Assert.Equal(SpoolBench.Texts(epoch, 1, 3), SpoolBench.ReadAll(spool));
        }
        Assert.Equal(0, bench.Log.Count(4002));
    }

    [Fact]
    public void Open_with_a_cursor_of_which_one_slot_is_torn_uses_the_other_and_resends_at_most_what_is_between()
    {
        using var folder = new TempFolder();
        using (var cursor = SpoolCursor.Open(folder.Path))
        {
            cursor.Write(new SpoolPosition(1, 600, 5, 3));
            cursor.Write(new SpoolPosition(1, 700, 5, 4));
        }
        var file = File.ReadAllBytes(Path.Combine(folder.Path, "cursor"));
        file[8] ^= 1;
        File.WriteAllBytes(Path.Combine(folder.Path, "cursor"), file);
        using var again = SpoolCursor.Open(folder.Path);
        Assert.Equal(new SpoolPosition(1, 600, 5, 3), again.Position);
    }

    [Fact]
    public void Open_with_a_hostile_length_takes_it_for_damage()
    {
        using var bench = new SpoolBench();
        var (epoch, file, lastRecord) = ThreeEvents(bench);
        foreach (var length in (int[])[int.MaxValue, int.MinValue, -1, SpoolRecord.MaxPayloadBytes, SpoolRecord.MaxPayloadBytes + 1])
        {
            var hostile = file.ToArray();
            BitConverter.TryWriteBytes(hostile.AsSpan(SpoolSegment.DataStart + 4), length);
            Restore(bench, hostile);
            using var spool = bench.Open();
            Assert.Equal(SpoolBench.Texts(epoch, 2, 3), SpoolBench.ReadAll(spool));
        }
        Assert.True(lastRecord > 0);
    }

    private static (long Epoch, byte[] File, int LastRecord) ThreeEvents(SpoolBench bench)
    {
        long epoch;
        using (var spool = bench.Open())
        {
            epoch = spool.Account.Epoch;
            for (var i = 0; i < 3; i++)
                bench.Append(spool);
            spool.Book.Save();
        }
        var file = File.ReadAllBytes(bench.Segments[^1]);
        _original = File.ReadAllBytes(Path.Combine(bench.SpoolPath, "epochs.json"));
        _name = bench.Segments[^1];
        var recordBytes = (file.Length - SpoolSegment.DataStart) / 3;
        return (epoch, file, file.Length - recordBytes);
    }

    [ThreadStatic]
    private static byte[]? _original;

    [ThreadStatic]
    private static string? _name;

    // The folder as it was after the first run, with another content of its segment.
    private static void Restore(SpoolBench bench, byte[] file)
    {
        foreach (var segment in bench.Segments)
            File.Delete(segment);
        File.Delete(Path.Combine(bench.SpoolPath, "cursor"));
        File.WriteAllBytes(Path.Combine(bench.SpoolPath, "epochs.json"), _original!);
        File.WriteAllBytes(_name!, file);
    }
}
