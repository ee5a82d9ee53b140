using System.Text;
using Metering.Client.Spool;

namespace Metering.Client.Tests.Spool;

/// <summary>Requests that are open survive everything that segments do not (R4).</summary>
public sealed class OpenRequestsTests : IDisposable
{
    private readonly SpoolBench _bench = new();
    private readonly RecordBuffer _buffer = new();

    [Fact]
    public void Requests_are_open_until_their_event_is_appended_R4()
    {
        using (var spool = _bench.Open())
        {
            Open(spool, 11);
            Open(spool, 12);
            Close(spool, 11);
            Progress(spool, 12, output: 7);
            Assert.Equal([12L], spool.Requests.All.Select(r => r.Number));
        }
        using var again = _bench.Open();
        var left = Assert.Single(again.Requests.All);
        Assert.Equal((12, 7), (left.Number, left.OutputTokens));
        Assert.Equal("draft 12", Encoding.UTF8.GetString(left.Opened[RequestRecord.OpenedBytes..]));
        Assert.Equal(new RequestReservation(100, 200), RequestRecord.ReadOpened(left.Opened).Reservation);
    }

    [Fact]
    public void Closing_event_is_read_like_any_other_without_its_trailer()
    {
        using var spool = _bench.Open();
        Open(spool, 11);
        _bench.Append(spool);
        Close(spool, 11);
        Assert.Equal(SpoolBench.Texts(spool.Account.Epoch, 1, 2), SpoolBench.ReadAll(spool));
        Assert.Equal(2, spool.PendingEvents);
    }

    [Fact]
    public void Open_request_outlives_the_segments_that_held_it_R4()
    {
        using (var spool = _bench.Open())
        {
            Open(spool, 11);
            Progress(spool, 11, output: 3);
            using var reader = spool.OpenReader();
            for (var i = 0; i < 3000; i++)
            {
                _bench.Append(spool, 400);
                Assert.True(reader.TryRead());
                spool.Settle(reader.Position, 1);
            }
            Assert.True(_bench.Segments.Length <= 2, "settled segments are gone");
        }
        for (var start = 0; start < 3; start++)
        {
            using var again = _bench.Open();
            var left = Assert.Single(again.Requests.All);
            Assert.Equal((11, 3, 1L), (left.Number, left.OutputTokens, left.OpenedAtMicros));
        }
        using (var last = _bench.Open())
            Close(last, 11);
        using var after = _bench.Open();
        Assert.Equal(0, after.Requests.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Crash_while_a_segment_begins_loses_no_open_request_and_opens_none_again_R4(int wholeCopies)
    {
        using (var spool = _bench.Open())
        {
            foreach (var number in (long[])[11, 12, 13, 14])
                Open(spool, number);
            Close(spool, 12);
        }
        _bench.Open().Dispose();
        // The new run's segment begins with copies of 11, 13 and 14: the kill came after some of them.
        var newest = _bench.Segments[^1];
        var file = File.ReadAllBytes(newest);
        var end = SpoolSegment.DataStart;
        for (var i = 0; i < wholeCopies; i++)
        {
            Assert.Equal(SpoolRecordState.Whole, SpoolRecord.Read(file.AsSpan(end), SegmentNumber(newest), out _, out var bytes));
            end += bytes;
        }
        File.WriteAllBytes(newest, file[..(end + 10)]);
        for (var start = 0; start < 2; start++)
        {
            using var again = _bench.Open();
            Assert.Equal([11L, 13, 14], again.Requests.All.Select(r => r.Number));
        }
    }

    [Fact]
    public void Full_spool_takes_no_request_and_the_events_of_those_it_took()
    {
        using var spool = _bench.Open();
        Open(spool, 11);
        while (_bench.Append(spool, 900) == SpoolAppendStatus.Stored)
        {
        }
        Assert.Equal(SpoolAppendStatus.Full, TryOpen(spool, 12, 900));
        Close(spool, 11);
        Assert.Equal(0, spool.Requests.Count);
    }

    [Fact]
    public void Last_record_that_is_no_event_hides_no_sequence()
    {
        using (var spool = _bench.Open(epoch: 5))
        {
            _bench.Append(spool);
            _bench.Append(spool);
            Open(spool, 11);
        }
        using var again = _bench.Open();
        Assert.Equal(2, again.Book.Find(5)!.Read().LastSequence);
        Assert.Equal(2, again.PendingEvents);
    }

    private void Open(EventSpool spool, long number) => Assert.Equal(SpoolAppendStatus.Stored, TryOpen(spool, number, 0));

    private SpoolAppendStatus TryOpen(EventSpool spool, long number, int padding)
    {
        _buffer.Clear();
        RequestRecord.WriteOpened(_buffer.GetSpan(RequestRecord.OpenedBytes), number, new RequestReservation(100, 200));
        _buffer.Advance(RequestRecord.OpenedBytes);
        Write(FormattableString.Invariant($"draft {number}").PadRight(padding));
        return spool.Append(_buffer.Record, SpoolRecordKind.Opened, 1, 0, 0, out _);
    }

    private void Close(EventSpool spool, long number)
    {
        _buffer.Clear();
        Write(SpoolBench.Text(spool.Account.Epoch, spool.NextSequence));
        BitConverter.TryWriteBytes(_buffer.GetSpan(RequestRecord.TrailerBytes), number);
        _buffer.Advance(RequestRecord.TrailerBytes);
        Assert.Equal(SpoolAppendStatus.Stored, spool.Append(_buffer.Record, SpoolRecordKind.ClosingEvent, 1, 2, 3, out _));
    }

    private void Progress(EventSpool spool, long number, long output)
    {
        _buffer.Clear();
        RequestRecord.WriteProgress(_buffer.GetSpan(RequestRecord.ProgressBytes), number, -1, output);
        _buffer.Advance(RequestRecord.ProgressBytes);
        Assert.Equal(SpoolAppendStatus.Stored, spool.Append(_buffer.Record, SpoolRecordKind.Progress, 1, 0, 0, out _));
    }

    private void Write(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        bytes.CopyTo(_buffer.GetSpan(bytes.Length));
        _buffer.Advance(bytes.Length);
    }

    private static long SegmentNumber(string path) => long.Parse(Path.GetFileNameWithoutExtension(path), System.Globalization.CultureInfo.InvariantCulture);

    public void Dispose() => _bench.Dispose();
}
