using System.Collections.Concurrent;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks.Side;

/// <summary>
/// Reads partition p of each side topic for the task of partition p (R12): one consumer for all tasks of a stage in this process,
/// outside any group, on a thread of its own. What retention took before it was read is skipped and told (R13: such topics hold
/// levels and cumulative reports, which are said again).
/// </summary>
internal sealed partial class SideReader : IDisposable
{
    private static readonly TimeSpan PollFor = TimeSpan.FromMilliseconds(50);

    private readonly StageContext _context;
    private readonly IReadOnlyList<string> _topics;
    private readonly Dictionary<string, string> _byFullName;
    private readonly IConsumer<byte[], byte[]> _consumer;
    private readonly Thread _thread;
    private readonly ConcurrentQueue<(SideQueue Queue, bool IsOpen)> _wishes = new();

    // The reader's thread only.
    private readonly Dictionary<int, SideQueue> _queues = [];
    private readonly HashSet<int> _paused = [];
    private volatile bool _stop;

    public SideReader(StageContext context, IReadOnlyList<string> topics)
    {
        (_context, _topics) = (context, topics);
        _byFullName = topics.ToDictionary(context.Settings.Topic, StringComparer.Ordinal);
        var config = context.Settings.Reader();
        // What is gone is skipped, forwards; a position beyond the end is of a topic made anew.
        config.AutoOffsetReset = AutoOffsetReset.Earliest;
        _consumer = new ConsumerBuilder<byte[], byte[]>(config)
            .SetLogHandler((_, message) => ClientLog.Write(context.Logger, message))
            .SetErrorHandler((_, error) => ClientLog.Write(context.Logger, error))
            .Build();
        _thread = new Thread(Run) { IsBackground = true, Name = context.Options.Stage + "-side" };
        _thread.Start();
    }

    /// <summary>Any thread: the queue's task takes over, or, after a rebuild, begins anew.</summary>
    public void Open(SideQueue queue) => _wishes.Enqueue((queue, true));

    /// <summary>Any thread: nothing more for this queue; its partition may have another already.</summary>
    public void Close(SideQueue queue) => _wishes.Enqueue((queue, false));

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        _consumer.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_stop)
            {
                ServeWishes();
                PauseTheFull();
                Take();
            }
        }
        catch (Exception e)
        {
            _context.Failed(new InvalidOperationException($"reading {string.Join(", ", _topics)} failed: {e.Message}", e));
        }
    }

    private void ServeWishes()
    {
        while (_wishes.TryDequeue(out var wish))
        {
            var (queue, partition) = (wish.Queue, wish.Queue.Partition);
            var isKnown = _queues.TryGetValue(partition, out var open);
            if (!wish.IsOpen && !ReferenceEquals(open, queue))
                continue;
            if (isKnown)
                _consumer.IncrementalUnassign(_topics.Select(topic => Source(topic, partition)));
            _queues.Remove(partition);
            _paused.Remove(partition);
            if (!wish.IsOpen)
                continue;
            _queues[partition] = queue;
            _consumer.IncrementalAssign(_topics.Select(topic => new TopicPartitionOffset(Source(topic, partition), queue.From.TryGetValue(topic, out var next) ? next : Offset.Beginning)));
        }
    }

    private void PauseTheFull()
    {
        foreach (var (partition, queue) in _queues)
        {
            if (queue.IsFull && _paused.Add(partition))
                _consumer.Pause(_topics.Select(topic => Source(topic, partition)));
            else if (queue.IsDrained && _paused.Remove(partition))
                _consumer.Resume(_topics.Select(topic => Source(topic, partition)));
        }
    }

    private void Take()
    {
        try
        {
            if (_consumer.Consume(PollFor) is not { IsPartitionEOF: false } record || !_queues.TryGetValue(record.Partition.Value, out var queue))
                return;
            var topic = _byFullName[record.Topic];
            if (queue.From.TryGetValue(topic, out var from) && record.Offset.Value < from)
                LogSetBack(_context.Logger, record.Topic, record.Partition.Value, from, record.Offset.Value);
            queue.Add(new(topic, record.Offset.Value, record.Message.Timestamp.UnixTimestampMs, record.Message.Key ?? [], record.Message.Value ?? []));
        }
        catch (ConsumeException e) when (!TaskFailures.StopsStage(e.Error))
        {
            LogFailed(_context.Logger, string.Join(", ", _topics), e.Error.Code, e.Error.Reason);
        }
    }

    private TopicPartition Source(string topic, int partition) => new(_context.Settings.Topic(topic), partition);

    [LoggerMessage(2241, LogLevel.Warning, "{Topic} [{Partition}] was to go on at offset {From} and goes on at {Offset}: the topic was made anew")]
    private static partial void LogSetBack(ILogger logger, string topic, int partition, long from, long offset);

    [LoggerMessage(2242, LogLevel.Warning, "reading {Topics} failed: {Code} {Reason}")]
    private static partial void LogFailed(ILogger logger, string topics, ErrorCode code, string reason);
}
