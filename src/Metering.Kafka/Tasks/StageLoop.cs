using System.Collections.Concurrent;
using Confluent.Kafka;
using Metering.Kafka.Tasks.Side;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>
/// The one thread that touches the consumer's queue (R10): it serves the group, routes records to the tasks' queues, pauses a
/// partition whose queue is full, and seeks where a task asks. Everything below runs on it unless it says otherwise.
/// </summary>
internal sealed partial class StageLoop : IDisposable
{
    // What a rebalance waits for tasks to commit; heartbeats go on meanwhile. Who needs longer is fenced by its successor (R8).
    private static readonly TimeSpan RevokePatience = TimeSpan.FromSeconds(5);

    // Of a partition that is another's already there is nothing to commit, and the group takes this member back only after the callback:
    // a task that hangs in a call to a broker that is away ends later, fenced by its successor.
    private static readonly TimeSpan LostPatience = TimeSpan.FromMilliseconds(500);

    // A task that is merely busy has room again sooner. Pausing drops what was prefetched and costs a seek and a fetch (one
    // partition fell to 86k records/s with a pause at every full queue), so the loop holds back that long first, and the
    // other partitions with it; a task that waits is then paused and holds nobody (R14).
    private static readonly TimeSpan FullPatience = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan HoldBack = TimeSpan.FromMilliseconds(5);

    // Longer than any call that a task may be in.
    private static readonly TimeSpan EndPatience = KafkaSettings.TransactionTimeout + TimeSpan.FromSeconds(5);

    private readonly StageContext _context;
    private readonly IConsumer<byte[], byte[]> _consumer;
    private readonly IBatchSource _records;
    private readonly CancellationToken _stop;
    private readonly long _begunAt;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<int, Route> _routes = [];
    private readonly ConcurrentDictionary<int, PartitionTask> _tasks = new();
    private readonly List<PartitionTask> _leaving = [];
    private volatile Exception? _failure;
    private volatile bool _hasJoined;
    private bool _assignmentChanged;
    private bool _holdsBack;

    public StageLoop(KafkaSettings settings, TaskOptions options, ILogger logger, TimeProvider time, Action<CommitPoint, int>? fault, CancellationToken stop)
    {
        _stop = stop;
        _begunAt = time.GetTimestamp();
        var config = settings.GroupConsumer(StageContext.GroupName(options.Stage));
        config.EnablePartitionEof = true;       // R14: tells markers at the end from records that lag.
        _consumer = new ConsumerBuilder<byte[], byte[]>(config)
            .SetPartitionsAssignedHandler((_, partitions) => Assigned(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => Revoked(partitions, lost: false))
            .SetPartitionsLostHandler((_, partitions) => Revoked(partitions, lost: true))
            .SetLogHandler((_, message) => ClientLog.Write(logger, message))
            .SetErrorHandler((_, error) => ClientLog.Write(logger, error))
            .Build();
        _context = new(settings, options, _consumer, logger, time) { Fault = fault, Failed = e => _failure ??= e };
        _records = SourceOf(_context);
        _context.Side = options.SideTopics.Count == 0 ? null : new SideReader(_context, options.SideTopics);
    }

    private sealed class Route(PartitionTask task)
    {
        public PartitionTask Task { get; } = task;

        public PartitionTask.SeekRequest? Wanted { get; set; }

        /// <summary>0 until the first seek: what comes before it belongs to nobody.</summary>
        public int Generation { get; set; }

        public long Next { get; set; }

        public bool IsPaused { get; set; }

        /// <summary>Timestamp; 0 = its queue has room.</summary>
        public long FullSince { get; set; }

        public RecordBatch? Filling { get; set; }
    }

    /// <summary>Any thread: completes when the loop and its tasks have ended, fails with what stopped it.</summary>
    public Task Ended => _ended.Task;

    public Handle Handle => _consumer.Handle;

    // ToArray is atomic; LINQ on the dictionary itself is not, while partitions come and go.

    /// <summary>Any thread.</summary>
    public IReadOnlyDictionary<int, TaskProgress> Progress() => _tasks.ToArray().ToDictionary(t => t.Key, t => t.Value.Progress);

    /// <summary>Any thread.</summary>
    public StageStatus Status() =>
        new(_context.Options.Stage, _hasJoined, [.. _tasks.ToArray().OrderBy(t => t.Key).Select(t => t.Value.Progress.Status)]);

    public void Start() => new Thread(Run) { IsBackground = true, Name = _context.Options.Stage + "-loop" }.Start();

    /// <summary>After <see cref="Ended"/>. A task that is still inside the client keeps it: freeing it would crash the process.</summary>
    public void Dispose()
    {
        _context.Side?.Dispose();
        LetEndedGo();
        if (_leaving.Count > 0)
        {
            LogLeaked(_context.Logger, _context.Options.Stage);
            return;
        }
        (_records as IDisposable)?.Dispose();
        _consumer.Dispose();
    }

    private void Run()
    {
        try
        {
            _consumer.Subscribe(_context.InputTopic);
            while (!_stop.IsCancellationRequested && _failure is null)
            {
                var isBusy = ServeTasks();
                if (_holdsBack)
                {
                    _context.Room.WaitOne(HoldBack);
                    continue;
                }
                WantsMore = true;
                // Shorter while a task takes over or is paused: its wish waits for this call to end.
                _records.Take(this, TimeSpan.FromMilliseconds(isBusy ? 5 : 100));
                Flush();
            }
        }
        catch (Exception e)
        {
            _failure ??= e;
        }
        End();
    }

    private void End()
    {
        try
        {
            // Calls Revoked: the tasks commit, then the group knows at once that this member has left.
            _consumer.Close();
        }
        catch (KafkaException e)
        {
            _failure ??= e;
        }
        // A consumer that the group has fenced calls nobody back, and tasks that outlive it would use freed memory.
        Revoked([.. _routes.Keys.Select(partition => new TopicPartitionOffset(Source(partition), Offset.Unset))], lost: true);
        var start = _context.Time.GetTimestamp();
        foreach (var task in _leaving)
        {
            var left = EndPatience - _context.Time.GetElapsedTime(start);
            task.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }
        if (_failure is { } failure)
            _ended.SetException(failure);
        else
            _ended.SetResult();
    }

    private bool ServeTasks()
    {
        if (_assignmentChanged)
        {
            // Nothing flows before a task has said where its input goes on.
            foreach (var (partition, route) in _routes.Where(r => r.Value.Generation == 0 && !r.Value.IsPaused))
            {
                _consumer.Pause([Source(partition)]);
                route.IsPaused = true;
            }
            _assignmentChanged = false;
        }
        var isBusy = false;
        _holdsBack = false;
        foreach (var (partition, route) in _routes)
        {
            if (route.Task.TakeSeek() is { } seek)
                route.Wanted = seek;
            if (route.Wanted is { } wanted)
            {
                if (GoOnAt(partition, wanted.Offset, route))
                    (route.Generation, route.Wanted) = (wanted.Generation, null);
            }
            else if (!route.IsPaused && route.Task.Queue.IsFull)
                HoldBackOrPause(partition, route);
            else if (route.IsPaused && route.Generation > 0 && route.Task.Queue.IsDrained)
            {
                GoOnAt(partition, route.Next, route);
            }
            else
                route.FullSince = 0;
            isBusy |= route.IsPaused || route.Wanted is not null || route.Task.Progress.Status.State == TaskState.Restoring;
        }
        return isBusy;
    }

    private void HoldBackOrPause(int partition, Route route)
    {
        if (route.FullSince == 0)
            route.FullSince = _context.Time.GetTimestamp();
        if (_context.Time.GetElapsedTime(route.FullSince) < FullPatience)
        {
            _holdsBack = true;
            return;
        }
        _consumer.Pause([Source(partition)]);
        (route.IsPaused, route.FullSince) = (true, 0);
    }

    // The offset is always said: what the client remembers of a paused partition is not what we have taken from it.
    private bool GoOnAt(int partition, long offset, Route route)
    {
        try
        {
            _consumer.Seek(new(Source(partition), offset));
            _consumer.Resume([Source(partition)]);
            (route.Next, route.IsPaused) = (offset, false);
            return true;
        }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.Local_State or ErrorCode.Local_InProgress or ErrorCode.Local_TimedOut)
        {
            // Its fetcher is not up yet, just after the assignment: the next turn tries again.
            return false;
        }
    }

    private IEnumerable<TopicPartitionOffset> Assigned(List<TopicPartition> partitions)
    {
        WantsMore = false;
        _hasJoined = true;
        _assignmentChanged = true;
        foreach (var source in partitions)
        {
            var task = new PartitionTask(_context, source.Partition.Value);
            _routes[source.Partition.Value] = new(task);
            _tasks[source.Partition.Value] = task;
            task.Start();
        }
        LogAssigned(_context.Logger, _context.Group, partitions.Count, _tasks.Count);
        // A place that never is out of range; the task's takeover says the real one.
        return partitions.ConvertAll(source => new TopicPartitionOffset(source, Offset.Beginning));
    }

    private void Revoked(List<TopicPartitionOffset> partitions, bool lost)
    {
        WantsMore = false;
        var leaving = new List<PartitionTask>();
        foreach (var source in partitions)
        {
            if (!_routes.Remove(source.Partition.Value, out var route))
                continue;
            _tasks.TryRemove(source.Partition.Value, out _);
            route.Task.RequestStop(drop: lost, isLast: _stop.IsCancellationRequested);
            if (route.Filling is { } batch)
                _context.Pool.Return(batch);
            leaving.Add(route.Task);
        }
        var (start, patience) = (_context.Time.GetTimestamp(), lost ? LostPatience : RevokePatience);
        foreach (var task in leaving)
        {
            var left = patience - _context.Time.GetElapsedTime(start);
            if (!task.HasLeft(left > TimeSpan.Zero ? left : TimeSpan.Zero))
                task.RequestStop(drop: true);
        }
        _leaving.AddRange(leaving);
        LetEndedGo();
        LogRevoked(_context.Logger, _context.Group, leaving.Count, lost ? "lost" : "given back");
    }

    // What was fetched for them and not taken lies in the client's memory.
    private void LetEndedGo() => _leaving.RemoveAll(task =>
    {
        if (!task.Join(TimeSpan.Zero))
            return false;
        task.Queue.Clear(_context.Pool);
        return true;
    });

    private TopicPartition Source(int partition) => new(_context.InputTopic, partition);

    [LoggerMessage(2221, LogLevel.Information, "group {Group} gave {New} more partitions, {All} in all")]
    private static partial void LogAssigned(ILogger logger, string group, int @new, int all);

    [LoggerMessage(2222, LogLevel.Information, "group {Group}: {Count} partitions {How}")]
    private static partial void LogRevoked(ILogger logger, string group, int count, string how);

    [LoggerMessage(2223, LogLevel.Warning, "reading {Source} failed: {Code} {Reason}")]
    private static partial void LogConsumeFailed(ILogger logger, string source, ErrorCode code, string reason);

    [LoggerMessage(2225, LogLevel.Warning, "{Stage} takes its records one by one, at half the speed: {Difference}. Use the Confluent.Kafka that this program was built with")]
    private static partial void LogOneByOne(ILogger logger, string stage, string difference);

    [LoggerMessage(2224, LogLevel.Error, "a task of {Stage} did not end in time; its client is left to the end of the process")]
    private static partial void LogLeaked(ILogger logger, string stage);
}
