using Metering.Client.Spool;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Client.Tests.Spool;

public sealed class SpoolSyncTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(25);

    [Fact]
    public async Task Interval_syncs_within_the_interval_what_the_broker_has_not_acknowledged()
    {
        using var folder = new TempFolder();
        var clock = new FakeTimeProvider();
        using var spool = Open(folder, clock);
        Append(spool, 10);
        var mark = spool.AppendMark;
        await PublisherBench.UntilAsync(() => Ticked(clock, spool, mark), "the events are on the disk");
    }

    [Fact]
    public async Task Interval_leaves_the_disk_in_peace_when_the_broker_acknowledges_in_time()
    {
        using var folder = new TempFolder();
        var clock = new FakeTimeProvider();
        using var spool = Open(folder, clock);
        using var reader = spool.OpenReader();
        Append(spool, 10);
        while (reader.TryRead())
            continue;
        spool.Settle(reader.Position, 10);
        for (var i = 0; i < 20; i++)
        {
            clock.Advance(Tick);
            await Task.Yield();
        }
        Assert.Equal(0, spool.SyncedMark);
        // And takes it up again when acknowledgements stay away.
        Append(spool, 1);
        var mark = spool.AppendMark;
        await PublisherBench.UntilAsync(() => Ticked(clock, spool, mark), "the last event is on the disk");
    }

    [Fact]
    public async Task Interval_syncs_a_requests_record_though_no_event_waits()
    {
        using var folder = new TempFolder();
        var clock = new FakeTimeProvider();
        using var spool = Open(folder, clock);
        var mark = AppendRequest(spool);
        await PublisherBench.UntilAsync(() => Ticked(clock, spool, mark), "the request is on the disk");
    }

    [Fact]
    public async Task Closing_syncs_a_request_that_came_since_the_last_tick()
    {
        using var folder = new TempFolder();
        var spool = Open(folder, new FakeTimeProvider());
        var mark = AppendRequest(spool);
        await spool.CloseAsync();
        Assert.Equal(mark, spool.SyncedMark);
    }

    [Fact]
    public async Task EachAppend_lets_threads_share_syncs_and_each_finds_its_own_on_the_disk()
    {
        using var folder = new TempFolder();
        using var spool = Open(folder, TimeProvider.System, SpoolFsync.EachAppend);
        var gate = new Lock();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < 25; i++)
                {
                    long mark;
                    lock (gate)
                    {
                        Append(spool, 1);
                        mark = spool.AppendMark;
                    }
                    spool.WaitDurable(mark);
                    Assert.True(spool.SyncedMark >= mark);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Assert.Equal(100, spool.AppendedEvents);
    }

    private static EventSpool Open(TempFolder folder, TimeProvider clock, SpoolFsync fsync = SpoolFsync.Interval)
    {
        var options = new SpoolOptions { Fsync = fsync, FsyncInterval = 2 * Tick };
        var spool = EventSpool.Open(folder.Path, SpoolBench.Source, options, clock, new ListLogger());
        spool.Begin(null, schema: 7);
        return spool;
    }

    private static void Append(EventSpool spool, int events)
    {
        for (; events > 0; events--)
            Assert.Equal(SpoolAppendStatus.Stored, SpoolBench.Append(spool, new RecordBuffer(), 40, nowMicros: 1));
    }

    private static long AppendRequest(EventSpool spool)
    {
        var record = new byte[SpoolRecord.HeadBytes + RequestRecord.OpenedBytes + 20];
        RequestRecord.WriteOpened(record.AsSpan(SpoolRecord.HeadBytes), 1, default);
        Assert.Equal(SpoolAppendStatus.Stored, spool.Append(record, SpoolRecordKind.Opened, nowMicros: 1, 0, 0, out _));
        return spool.AppendMark;
    }

    private static bool Ticked(FakeTimeProvider clock, EventSpool spool, long mark)
    {
        clock.Advance(Tick);
        return spool.SyncedMark == mark;
    }
}
