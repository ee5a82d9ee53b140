using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Metering.Client.Control;

/// <summary>
/// Reads whole compacted topics and follows them: all partitions, assigned by hand, no group, committed records only. One
/// thread; brokers and topics that are away are waited for.
/// </summary>
internal sealed class CompactedReader : IAsyncDisposable
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PollFor = TimeSpan.FromMilliseconds(100);

    private readonly ControlOptions _options;
    private readonly string[] _topics;
    private readonly Action<ControlRecord> _take;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _readToEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<TopicPartition, long> _positions = [], _ends = [];
    private volatile IReadOnlyDictionary<string, int> _partitions = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <param name="topics">Without the prefix.</param>
    /// <param name="take">Called on the reader's thread, in the order of each partition.</param>
    public CompactedReader(ControlOptions options, string[] topics, Action<ControlRecord> take, ILogger log)
    {
        (_options, _topics, _take, _log) = (options, topics, take, log);
        new Thread(Run) { IsBackground = true, Name = "control-reader" }.Start();
    }

    /// <summary>All that the topics held at the start has been taken; fails when the reader has ended before.</summary>
    public Task ReadToEnd => _readToEnd.Task;

    /// <summary>Ends when disposed; fails with what stopped it.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Partitions of a topic; 0 until they are known.</summary>
    public int PartitionsOf(string topic) => _partitions.GetValueOrDefault(topic);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _ended.Task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            using var consumer = new ConsumerBuilder<byte[], byte[]>(Config())
                .SetLogHandler((_, entry) => ClientLog.Kafka(_log, entry.Facility, entry.Message))
                .SetErrorHandler((_, error) => ClientLog.Kafka(_log, error.Code.ToString(), error.Reason))
                .Build();
            while (!_stop.IsCancellationRequested && !TryAssign(consumer))
                _stop.Token.WaitHandle.WaitOne(TryAgainAfter);
            TellIfRead();
            while (!_stop.IsCancellationRequested)
                Take(consumer);
            _readToEnd.TrySetCanceled(CancellationToken.None);
            _ended.SetResult();
        }
        catch (Exception e)
        {
            // Who awaits neither hears of it by the log.
            _ = _readToEnd.TrySetException(e) ? _readToEnd.Task.Exception : null;
            ClientLog.ControlEnded(_log, e);
            _ended.SetException(e);
        }
    }

    private ConsumerConfig Config()
    {
        var config = new ConsumerConfig(_options.KafkaConfig.ToDictionary(StringComparer.Ordinal))
        {
            BootstrapServers = _options.Brokers,
            // The client insists on a group's name; nothing is ever committed to it.
            GroupId = _options.TopicPrefix + "metering-control-view",
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            // A topic that was made anew is read anew.
            AutoOffsetReset = AutoOffsetReset.Earliest,
            // R30: what an aborted transaction decided was never decided.
            IsolationLevel = IsolationLevel.ReadCommitted,
            // The end may be a marker, which no record shows.
            EnablePartitionEof = true,
            // A decision is answered at once; without news the broker may hold a fetch this long.
            FetchWaitMaxMs = 500,
        };
        config.Set("reconnect.backoff.max.ms", "1000");
        return config;
    }

    private bool TryAssign(IConsumer<byte[], byte[]> consumer)
    {
        try
        {
            using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            var counts = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var topic in _topics)
            {
                var found = admin.GetMetadata(_options.TopicPrefix + topic, CallTimeout).Topics[0];
                if (found.Error.IsError)
                    throw new KafkaException(found.Error);
                counts[topic] = found.Partitions.Count;
                foreach (var partition in found.Partitions)
                {
                    var source = new TopicPartition(_options.TopicPrefix + topic, partition.PartitionId);
                    var range = consumer.QueryWatermarkOffsets(source, CallTimeout);
                    (_positions[source], _ends[source]) = (range.Low.Value, range.High.Value);
                }
            }
            consumer.Assign(_positions.Select(position => new TopicPartitionOffset(position.Key, position.Value)));
            _partitions = counts;
            return true;
        }
        catch (KafkaException e) when (!e.Error.IsFatal)
        {
            ClientLog.ControlAway(_log, _options.Brokers, e.Error.Reason);
            return false;
        }
    }

    private void Take(IConsumer<byte[], byte[]> consumer)
    {
        try
        {
            if (consumer.Consume(PollFor) is not { } record)
                return;
            if (!record.IsPartitionEOF)
            {
                var topic = record.Topic[_options.TopicPrefix.Length..];
                _take(new ControlRecord(topic, record.Partition.Value, Encoding.UTF8.GetString(record.Message.Key ?? []), record.Message.Value is { Length: > 0 } value ? value : null, _readToEnd.Task.IsCompleted));
            }
            _positions[record.TopicPartition] = Math.Max(_positions[record.TopicPartition], record.Offset.Value + (record.IsPartitionEOF ? 0 : 1));
            TellIfRead();
        }
        catch (ConsumeException e) when (!e.Error.IsFatal)
        {
            ClientLog.ControlAway(_log, _options.Brokers, e.Error.Reason);
        }
    }

    private void TellIfRead()
    {
        if (_readToEnd.Task.IsCompleted || _ends.Any(end => _positions[end.Key] < end.Value))
            return;
        _readToEnd.TrySetResult();
    }
}
