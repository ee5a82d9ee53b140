using System.Collections.Concurrent;
using Confluent.Kafka;
using Metering.ClickHouse.Ledger;
using Metering.Kafka;
using Metering.Kafka.Native;
using Metering.Kafka.Tasks;
using Metering.Kafka.Topics;
using Metering.Pipeline.Blocks;
using Microsoft.Extensions.Logging;

namespace Metering.Pipeline.Sink;

/// <summary>
/// SINK in one process: a member of the group that reads <c>metered-blocks</c>, with a <see cref="SinkTask"/> for each
/// partition that the group gives it. One thread owns the consumer (R10); it goes on polling while tasks insert, so that
/// a slow ledger does not cost the membership (R20).
/// </summary>
public sealed class SinkStage(KafkaSettings kafka, LedgerOrigin origin, SinkOptions options, ILedger ledger, TimeProvider time, ILogger<SinkStage> logger)
{
    public const string Group = "metering-sink";

    private static readonly TimeSpan PollFor = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CommittedWithin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan GiveBackWithin = TimeSpan.FromSeconds(20);

    /// <summary>A rebalance takes some heartbeats; until it is over, commits are refused again.</summary>
    private static readonly TimeSpan RestartAfter = TimeSpan.FromMilliseconds(500);

    // Kafka 4.3.1, killed and started, has been seen to tell offsets of minutes ago until it had read its log again, some seconds later.
    // A group that a person has set back says the same each time, and after about 16 s its partition stops.
    private const int MaxOldWords = 8;
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(2);

    private readonly string _topic = kafka.Topic(MeteredBlock.Topic);
    private readonly ConcurrentDictionary<int, Running> _running = new();
    private readonly ConcurrentDictionary<int, SinkStatus> _status = new();
    private readonly HashSet<int> _paused = [];
    private readonly ConcurrentDictionary<int, int> _oldWords = new(); // in a row, by partition
    private readonly IRollupCheck _rollups = new RollupCheck(ledger);
    private readonly CatchUp _catchUp = new();
    private volatile CatchUpReport? _behind;
    private long _lookedAt;
    private long _rowsBefore; // inserted by tasks whose partition has another now

    private sealed record Running(SinkTask Task, Task Completion, CancellationTokenSource Stopping, CancellationTokenSource Abort);

    /// <summary>The group has given this process its share, which may be none.</summary>
    public bool HasJoined { get; private set; }

    /// <summary>How far the ledger is behind in this process's partitions; null when it is not, or when that is not known yet.</summary>
    public CatchUpReport? Behind => _behind;

    /// <summary>The partitions that this process has or had last.</summary>
    public IEnumerable<SinkStatus> Status => _status.Values;

    /// <summary>Runs until cancelled; then finishes the inserts under way and leaves the group.</summary>
    /// <exception cref="FencedMemberException">Another process is this static member now.</exception>
    public Task RunAsync(CancellationToken stopping) =>
        StaticMember.RunAsync(kafka, kafka.TopicPrefix + Group, _topic, kafka.Topic(TopicCatalogue.TokenEvents), () => RunOnceAsync(stopping), logger, time, stopping);

    private Task RunOnceAsync(CancellationToken stopping) =>
        Task.Factory.StartNew(() => Run(stopping), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run(CancellationToken stopping)
    {
        var config = kafka.GroupConsumer(Group);
        config.EnablePartitionEof = true; // the only word on having passed the markers at a partition's end (R14)
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config)
            .SetPartitionsAssignedHandler((client, partitions) => Assign((IConsumer<byte[], byte[]>)client, partitions))
            .SetPartitionsRevokedHandler((_, partitions) => GiveBack(partitions.Select(p => p.Partition.Value), abort: false))
            .SetPartitionsLostHandler((_, partitions) => GiveBack(partitions.Select(p => p.Partition.Value), abort: true))
            .SetLogHandler((_, _) => { })
            .Build();
        consumer.Subscribe(_topic);
        using var housekeeping = new BlockRetention(kafka, options, time, logger);
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                Poll(consumer);
                RestartTheFenced(consumer);
                PauseTheFull(consumer);
                LookBehind(consumer);
                housekeeping.MaybeRun(consumer, _topic, _running.ToArray().ToDictionary(pair => pair.Key, pair => pair.Value.Task.Status.Committed));
            }
        }
        catch (Exception error)
        {
            // No callback comes any more: the tasks must not outlive the stage that owns them.
            GiveBack([.. _running.Keys], abort: true);
            if (error is KafkaException { Error: var why } && kafka.FencedMember(kafka.TopicPrefix + Group, why) is { } fenced)
                throw fenced;
            throw;
        }
        GiveBack([.. _running.Keys], abort: false);
        consumer.Close();
    }

    private void Poll(IConsumer<byte[], byte[]> consumer)
    {
        try
        {
            if (consumer.Consume(PollFor) is not { } result || !_running.TryGetValue(result.Partition.Value, out var running))
                return;
            if (result.IsPartitionEOF)
                running.Task.Status.ReachedEnd(result.Offset.Value);
            else
                running.Task.Offer(MeteredBlock.Read(result.Offset.Value, name => result.Message.Headers.TryGetLastBytes(name, out var value) ? value : null, result.Message.Value), new DateTimeOffset(result.Message.Timestamp.UtcDateTime));
        }
        catch (ConsumeException error) when (!error.Error.IsFatal)
        {
            Complain(error);
        }
    }

    private void Complain(ConsumeException error)
    {
        var partition = error.ConsumerRecord?.Partition.Value ?? -1;
        if (error.Error.Code is ErrorCode.OffsetOutOfRange or ErrorCode.Local_AutoOffsetReset && _status.TryGetValue(partition, out var status))
        {
            status.Stopped($"{_topic} {partition}: offset {status.Committed} is no longer in the topic. Blocks were deleted before they reached the ledger: restore the topic, or set the offset of group {kafka.TopicPrefix}{Group} by hand once you know what was lost");
            SinkLog.TaskStopped(logger, error, partition);
        }
        else
        {
            SinkLog.HousekeepingFailed(logger, error, "reading " + _topic);
        }
    }

    private List<TopicPartitionOffset> Assign(IConsumer<byte[], byte[]> consumer, List<TopicPartition> partitions)
    {
        partitions.ForEach(partition => _oldWords.TryRemove(partition.Partition.Value, out _));
        var places = partitions.ConvertAll(partition => Place(consumer, partition));
        places.ForEach(place => Start(consumer, place));
        HasJoined = true;
        return places.ConvertAll(place => new TopicPartitionOffset(_topic, place.Partition, place.Offset));
    }

    private SinkPartition Place(IConsumer<byte[], byte[]> consumer, TopicPartition partition)
    {
        var (committed, metadata) = CommittedOf(consumer, partition.Partition.Value);
        // R13: a first start begins at the beginning, by decision; that the ledger holds nothing yet is checked by the task.
        var offset = committed ?? BeginningOf(consumer, partition);
        return new SinkPartition(partition.Partition.Value, offset, SinkPlan.FromMetadata(metadata), kafka.TopicPrefix + Group, origin);
    }

    /// <summary>Waits as <see cref="CommittedOf"/> does: an error in a callback of the group would end the stage.</summary>
    private long BeginningOf(IConsumer<byte[], byte[]> consumer, TopicPartition partition)
    {
        while (true)
        {
            try
            {
                return consumer.QueryWatermarkOffsets(partition, CommittedWithin).Low.Value;
            }
            catch (KafkaException error) when (!error.Error.IsFatal)
            {
                SinkLog.HousekeepingFailed(logger, error, "asking for the topic's first offset");
            }
        }
    }

    /// <summary>The group's offset and metadata. Without them nothing can begin, so a broker that is away is waited for.</summary>
    private (long? Offset, string Metadata) CommittedOf(IConsumer<byte[], byte[]> consumer, int partition)
    {
        while (true)
        {
            try
            {
                return OffsetMetadata.Committed(consumer, _topic, partition, CommittedWithin);
            }
            catch (KafkaException error) when (!error.Error.IsFatal)
            {
                SinkLog.HousekeepingFailed(logger, error, "asking for the group's offset");
            }
        }
    }

    private void Start(IConsumer<byte[], byte[]> consumer, SinkPartition place)
    {
        var id = place.Partition;
        var task = new SinkTask(place, options, ledger, new KafkaPlanStore(consumer, _topic, id, time), _rollups, time, logger);
        CancellationTokenSource stopping = new(), abort = new();
        _rowsBefore += _status.TryGetValue(id, out var before) ? before.InsertedRows : 0;
        _status[id] = task.Status;
        _paused.Remove(id);
        _running[id] = new Running(task, Task.Run(() => RunTaskAsync(task, id, stopping.Token, abort.Token)), stopping, abort);
        SinkLog.TaskStarted(logger, id, place.Offset);
    }

    /// <summary>A refused commit does not say that the partition is gone: in a rebalance that leaves it here, commits of the
    /// generation before are refused, and no callback follows. The task then takes over from itself, by what the group
    /// holds; where the partition is really another's, its commits go on being refused until the callback comes.</summary>
    private void RestartTheFenced(IConsumer<byte[], byte[]> consumer)
    {
        foreach (var (partition, running) in _running)
        {
            if (!running.Task.Status.IsFenced || !running.Completion.IsCompleted)
                continue;
            var where = new TopicPartition(_topic, partition);
            try
            {
                var place = Place(consumer, where);
                // First the way back, then the task: it may not see a block beyond its first one.
                consumer.Seek(new TopicPartitionOffset(where, place.Offset));
                consumer.Resume([where]);
                Start(consumer, place);
            }
            catch (KafkaException error)
            {
                SinkLog.HousekeepingFailed(logger, error, "taking a partition over again"); // the next turn tries again
            }
        }
    }

    private async Task RunTaskAsync(SinkTask task, int partition, CancellationToken stopping, CancellationToken abort)
    {
        try
        {
            await task.RunAsync(stopping, abort);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested || abort.IsCancellationRequested)
        {
            SinkLog.TaskEnded(logger, partition);
        }
        catch (SinkFencedException error)
        {
            SinkLog.Fenced(logger, partition, error.Message);
            if (task.Status.Plans > 0)
                _oldWords.TryRemove(partition, out _);
            await BeginAnewAsync(task, error, RestartAfter, stopping);
        }
        catch (SinkSetBackException error) when (_oldWords.GetValueOrDefault(partition) < MaxOldWords)
        {
            _oldWords[partition] = _oldWords.GetValueOrDefault(partition) + 1;
            SinkLog.OldWord(logger, partition, AskAgainAfter, error.Message);
            await BeginAnewAsync(task, error, AskAgainAfter, stopping);
        }
        catch (Exception error) // the loop's top: the partition stands still and says so, the others go on
        {
            task.Status.Stopped(error.Message);
            SinkLog.TaskStopped(logger, error, partition);
        }
    }

    private async Task BeginAnewAsync(SinkTask task, Exception error, TimeSpan after, CancellationToken stopping)
    {
        task.Status.Waiting(error.Message);
        await Task.Delay(after, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        task.Status.Fenced();
    }

    // Waits for commits too: one that hangs for a coordinator goes out with the generation of the moment, so that it must not
    // outlive this one's.
    private void GiveBack(IEnumerable<int> partitions, bool abort)
    {
        var ending = new List<Running>();
        foreach (var partition in partitions)
        {
            if (!_running.TryRemove(partition, out var running))
                continue;
            (abort ? running.Abort : running.Stopping).Cancel();
            running.Stopping.Cancel();
            ending.Add(running);
        }
        var tasks = ending.ConvertAll(running => running.Completion).ToArray();
        if (!Task.WaitAll(tasks, GiveBackWithin))
        {
            ending.ForEach(running => running.Abort.Cancel()); // the open plans tell the next owner
            Task.WaitAll(tasks, GiveBackWithin);
        }
        // However the tasks ended, also fenced or stopped before: what waits is another's now.
        ending.ForEach(running => running.Task.Status.Ended());
    }

    /// <summary>Once a second: the high watermarks, and whether the ledger's distance from them is worth a word.</summary>
    private void LookBehind(IConsumer<byte[], byte[]> consumer)
    {
        if (time.GetElapsedTime(_lookedAt) < LookEvery)
            return;
        _lookedAt = time.GetTimestamp();
        var now = time.GetUtcNow();
        long records = 0;
        var behind = TimeSpan.Zero;
        foreach (var (partition, running) in _running)
        {
            var status = running.Task.Status;
            // What the last fetch said; of a paused partition an old word, and still a lower bound.
            status.Knows(consumer.GetWatermarkOffsets(new TopicPartition(_topic, partition)).High.Value);
            records += status.Lag;
            if (status.OldestWaiting is { } oldest && now - oldest > behind)
                behind = now - oldest;
        }
        if (_catchUp.Observe(now, behind, records, _rowsBefore + _status.Values.Sum(status => status.InsertedRows)) is { } report)
        {
            _behind = report;
            if (report.Left is { } left)
                SinkLog.CatchingUp(logger, report.Behind, report.Records, report.RowsPerSecond, left);
            else
                SinkLog.FallingBehind(logger, report.Behind, report.Records, report.RowsPerSecond);
        }
        else if (behind < CatchUp.WorthTelling)
        {
            _behind = null;
        }
    }

    private void PauseTheFull(IConsumer<byte[], byte[]> consumer)
    {
        foreach (var (partition, running) in _running)
        {
            var where = new TopicPartition(_topic, partition);
            if (running.Task.IsFull && _paused.Add(partition))
                consumer.Pause([where]);
            else if (!running.Task.IsFull && _paused.Remove(partition))
                consumer.Resume([where]);
        }
    }
}
