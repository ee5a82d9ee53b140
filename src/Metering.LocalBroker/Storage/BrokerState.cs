using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Log;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Transactions;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>
/// Everything that the broker knows, behind one gate, and the journal that it comes back from. The gate is never held
/// across a wait or a read of the disk. When the disk fails the whole state is dropped and recovered from the journal, as
/// after a crash.
/// </summary>
internal sealed class BrokerState : IAsyncDisposable
{
    private readonly IReadOnlyList<IJournaled> _rooms;
    private readonly SegmentFiles _segments;

    /// <param name="failed">Is told once, outside the gate, when the disk refused.</param>
    public BrokerState(
        string clusterId, LocalBrokerOptions options, StoreSettings settings, SegmentFiles segments, ISegmentWrites recovery, Action<BrokerState, Exception> failed)
    {
        ClusterId = clusterId;
        _segments = segments;
        var logger = options.Loggers.CreateLogger("Metering.LocalBroker");
        Journal = new Journal(Gate, segments, options.Durability, options.Time, logger, failure => failed(this, failure));
        Logs = new LogRoom(Gate, segments, logger) { Journal = Journal, Writes = recovery };
        Topics = new TopicTable(Logs, options.DefaultPartitions);
        Offsets = new OffsetTable(Journal);
        Groups = new GroupCoordinator(Gate, Offsets, options.Time, logger);
        Transactions = new TransactionCoordinator(Gate, Journal, Topics, Offsets, Groups, options.Time, logger);
        Topics.TopicDeleted = Offsets.RemoveTopic;
        _rooms = settings.Rooms?.Invoke(this) ?? [Topics, Offsets, Transactions];
    }

    public Lock Gate { get; } = new();

    public Journal Journal { get; }

    public LogRoom Logs { get; }

    public TopicTable Topics { get; }

    public OffsetTable Offsets { get; }

    public GroupCoordinator Groups { get; }

    public TransactionCoordinator Transactions { get; }

    /// <summary>Made once, at the first start in a directory.</summary>
    public string ClusterId { get; }

    public void Load(IReadOnlyList<byte[]> saved)
    {
        for (var i = 0; i < saved.Count; i++)
            _rooms[i].Load(saved[i]);
    }

    /// <summary>An entry of the journal, at recovery.</summary>
    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload)
    {
        foreach (var room in _rooms)
        {
            if (!room.Owns(kind))
                continue;
            room.Apply(kind, payload);
            return;
        }
        throw new InvalidDataException($"the journal holds an entry of kind {(int)kind}, which this version of the local broker does not know");
    }

    /// <summary>Under the gate.</summary>
    public IReadOnlyList<byte[]> Save() => [.. _rooms.Select(room => room.Save())];

    /// <summary>Recovery is done.</summary>
    public void Start(JournalFiles files, long lastEntry)
    {
        lock (Gate)
        {
            foreach (var log in Topics.Logs)
                log.PublishAll();
            Logs.Writes = Journal;
            Journal.Start(files, lastEntry);
            Transactions.Start();
        }
    }

    /// <summary>Ends timers and waits; fetches that wait look again. What was appended is written, unless the disk had failed.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var room in (object[])[Groups, Transactions])
        {
            if (room is IAsyncDisposable later)
                await later.DisposeAsync();
            else if (room is IDisposable now)
                now.Dispose();
        }
        Journal.Dispose();
        List<IArrivalWatcher> waiting = [];
        lock (Gate)
        {
            foreach (var log in Topics.Logs)
                log.TakeWatchers(waiting);
        }
        foreach (var watcher in waiting)
            watcher.Arrived();
        _segments.Dispose();
    }
}
