using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Kafka.Tasks;
using Metering.Kafka.Topics;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tables;

/// <summary>One record of a compacted topic, valid during the call that bears it.</summary>
public readonly ref struct TableRecord
{
    public required int Partition { get; init; }

    public required long Offset { get; init; }

    /// <summary>The broker's LogAppendTime, Unix milliseconds.</summary>
    public required long ArrivedAtMs { get; init; }

    public required ReadOnlySpan<byte> Key { get; init; }

    /// <summary>Empty for a tombstone.</summary>
    public required ReadOnlySpan<byte> Value { get; init; }

    /// <summary>The key is taken back.</summary>
    public required bool IsTombstone { get; init; }
}

/// <summary>Takes records in offset order per partition, on the table's thread. What it throws ends the table.</summary>
public delegate void TableRecordHandler(in TableRecord record);

/// <param name="IsReadToEnd">The topic was read to its end as of the start (R22).</param>
/// <param name="Lag">Records behind the end at the last check; -1 before the first.</param>
/// <param name="CaughtUpAt">When nothing was missing for the last time: how stale the table is at most; null before.</param>
/// <param name="Records">Taken so far, tombstones among them.</param>
public sealed record CompactedTableStatus(bool IsReadToEnd, long Lag, DateTimeOffset? CaughtUpAt, long Records);

/// <summary>
/// A whole compacted topic in every process that needs it: all partitions, assigned by hand, committed records only, from
/// the beginning to the end and then on. A broker or a topic that is away is waited for. The owner awaits <see cref="RunAsync"/>.
/// </summary>
public sealed partial class CompactedTable
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    private readonly KafkaSettings _settings;
    private readonly string _topic;
    private readonly TableRecordHandler _handler;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly TaskCompletionSource _readToEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<int, long> _positions = [];
    private readonly Dictionary<int, long> _endsAtStart = [];
    private volatile CompactedTableStatus _status = new(IsReadToEnd: false, -1, CaughtUpAt: null, 0);
    private int _started;
    private long _records;

    /// <param name="topic">Without the prefix.</param>
    public CompactedTable(KafkaSettings settings, string topic, TableRecordHandler handler, ILogger<CompactedTable> logger, TimeProvider time) =>
        (_settings, _topic, _handler, _logger, _time) = (settings, settings.Topic(topic), handler, logger, time);

    public CompactedTableStatus Status => _status;

    /// <summary>Completes when everything that the topic held at the start has gone through the handler (R22); fails when the
    /// table ended before.</summary>
    public Task ReadToEndAsync(CancellationToken cancellationToken = default) => _readToEnd.Task.WaitAsync(cancellationToken);

    /// <summary>Reads until cancelled. Call it once.</summary>
    /// <exception cref="KafkaSetupException">The topic was made anew while it was read: what it holds cannot be told from what it held.</exception>
    public Task RunAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
            throw new InvalidOperationException("This table is read already.");
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => Run(ended, cancellationToken)) { IsBackground = true, Name = "table " + _topic }.Start();
        return ended.Task;
    }

    private void Run(TaskCompletionSource ended, CancellationToken cancellationToken)
    {
        try
        {
            // News is answered at once however long a poll may be, and no partition here is ever full for long.
            var config = _settings.Reader(fetchWaitMaxMs: 500);
            // R14: the end is told by the client's position, never by the last record's offset.
            config.EnablePartitionEof = true;
            using var consumer = new ConsumerBuilder<byte[], byte[]>(config)
                .SetLogHandler((_, message) => ClientLog.Write(_logger, message))
                .SetErrorHandler((_, error) => ClientLog.Write(_logger, error))
                .Build();
            using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            while (!cancellationToken.IsCancellationRequested && !TryAssign(consumer, admin))
                cancellationToken.WaitHandle.WaitOne(CheckInterval);
            Read(consumer, admin, cancellationToken);
            _readToEnd.TrySetCanceled(CancellationToken.None);
            ended.SetResult();
        }
        catch (Exception e)
        {
            // A failure of ReadToEnd that nobody awaits is told by the other task.
            _ = _readToEnd.TrySetException(e) ? _readToEnd.Task.Exception : null;
            ended.SetException(e);
        }
    }

    private bool TryAssign(IConsumer<byte[], byte[]> consumer, IAdminClient admin)
    {
        try
        {
            var found = admin.GetMetadata(_topic, CallTimeout).Topics[0];
            if (found.Error.IsError)
                throw new KafkaException(found.Error);
            var from = new List<TopicPartitionOffset>();
            foreach (var partition in found.Partitions)
            {
                var source = new TopicPartition(_topic, partition.PartitionId);
                var range = consumer.QueryWatermarkOffsets(source, CallTimeout);
                _positions[partition.PartitionId] = range.Low.Value;
                _endsAtStart[partition.PartitionId] = range.High.Value;
                from.Add(new(source, range.Low));
            }
            consumer.Assign(from);
            return true;
        }
        catch (KafkaException e) when (IsPassing(e))
        {
            LogWaiting(_logger, _topic, _settings.Brokers, e.Error.Reason);
            return false;
        }
    }

    private void Read(IConsumer<byte[], byte[]> consumer, IAdminClient admin, CancellationToken cancellationToken)
    {
        var lastAsked = _time.GetTimestamp();
        var (askedAt, asked) = (DateTimeOffset.MinValue, default(Task<ListOffsetsResult>));
        TellIfRead();
        while (!cancellationToken.IsCancellationRequested)
        {
            Take(consumer);
            if (asked is { IsCompleted: true })
            {
                Check(asked, askedAt);
                asked = null;
            }
            if (asked is not null || _time.GetElapsedTime(lastAsked) < CheckInterval)
                continue;
            (lastAsked, askedAt, asked) = (_time.GetTimestamp(), _time.GetUtcNow(), AskEnds(admin));
        }
    }

    // Liveness: a connection that is silent looks like a topic without news, so the broker is asked for the end. In one request,
    // and beside the reading: it waits behind the fetch that the broker holds, for as long as there is no news.
    private Task<ListOffsetsResult> AskEnds(IAdminClient admin) => admin.ListOffsetsAsync(
        _positions.Keys.Select(partition => new TopicPartitionOffsetSpec { TopicPartition = new(_topic, partition), OffsetSpec = OffsetSpec.Latest() }),
        new() { IsolationLevel = IsolationLevel.ReadCommitted, RequestTimeout = CallTimeout });

    private void Take(IConsumer<byte[], byte[]> consumer)
    {
        try
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is not { } record)
                return;
            var partition = record.Partition.Value;
            if (record.IsPartitionEOF)
            {
                _positions[partition] = Math.Max(_positions[partition], record.Offset.Value);
                TellIfRead();
                return;
            }
            var message = record.Message;
            _handler(new TableRecord
            {
                Partition = partition,
                Offset = record.Offset.Value,
                ArrivedAtMs = message.Timestamp.UnixTimestampMs,
                Key = message.Key,
                Value = message.Value,
                IsTombstone = message.Value is null,
            });
            _records++;
            _positions[partition] = record.Offset.Value + 1;
            if (!_status.IsReadToEnd)
                TellIfRead();
        }
        catch (ConsumeException e) when (e.Error.Code == ErrorCode.Local_AutoOffsetReset)
        {
            throw new KafkaSetupException($"Topic {_topic} no longer has offset {_positions[e.ConsumerRecord.Partition.Value]}: it was made anew while it was read. Restart this process, so that it reads the new one whole.");
        }
        catch (ConsumeException e) when (!TaskFailures.StopsStage(e.Error))
        {
            LogWaiting(_logger, _topic, _settings.Brokers, e.Error.Reason);
        }
    }

    private void TellIfRead()
    {
        foreach (var (partition, end) in _endsAtStart)
        {
            if (_positions[partition] < end)
                return;
        }
        if (_status.IsReadToEnd)
            return;
        _status = new(IsReadToEnd: true, 0, _time.GetUtcNow(), _records);
        LogRead(_logger, _topic, _records);
        _readToEnd.TrySetResult();
    }

    // The answer is there: taking it waits for nothing. What was read to an end is caught up as of the question, not of the answer.
    private void Check(Task<ListOffsetsResult> asked, DateTimeOffset askedAt)
    {
        try
        {
            var lag = 0L;
            foreach (var info in asked.GetAwaiter().GetResult().ResultInfos)
            {
                var end = info.TopicPartitionOffsetError;
                lag += Math.Max(0, end.Offset.Value - _positions[end.Partition.Value]);
            }
            _status = _status with { Lag = lag, CaughtUpAt = lag == 0 && _status.IsReadToEnd ? askedAt : _status.CaughtUpAt, Records = _records };
        }
        catch (ListOffsetsException e) when (e.Result.ResultInfos.Find(static info => info.TopicPartitionOffsetError.Error.IsError) is { } failed)
        {
            var error = failed.TopicPartitionOffsetError.Error;
            if (!IsPassing(new(error)))
                throw new KafkaException(error);
            LogWaiting(_logger, _topic, _settings.Brokers, error.Reason);
        }
        catch (KafkaException e) when (IsPassing(e))
        {
            LogWaiting(_logger, _topic, _settings.Brokers, e.Error.Reason);
        }
    }

    // A broker that has just started, or was just told of a topic, may not know it yet.
    private static bool IsPassing(KafkaException e) =>
        BrokerWait.IsAway(e) || e.Error.Code is ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic or ErrorCode.Local_UnknownPartition;

    [LoggerMessage(2401, LogLevel.Information, "table {Topic} is read: {Records} records")]
    private static partial void LogRead(ILogger logger, string topic, long records);

    [LoggerMessage(2402, LogLevel.Warning, "waiting for topic {Topic} at {Brokers}: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string topic, string brokers, string reason);
}
