using System.Collections.Concurrent;
using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Groups;

/// <summary>A member of a group as applications write it: consumes on a thread of its own and commits what it has seen.</summary>
internal sealed class Member : IAsyncDisposable
{
    private const int CommitEvery = 100;

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<TopicPartition, byte> _owned = new();
    private readonly Task _run;
    private volatile bool _leavesAtEnd = true;

    public Member(BrokerFixture broker, string group, string topic, PartitionAssignmentStrategy strategy, string? instanceId = null, string? brokers = null)
    {
        var isCooperative = strategy == PartitionAssignmentStrategy.CooperativeSticky;
        Consumer = broker.Consumer(
            config =>
            {
                config.BootstrapServers = brokers ?? broker.Brokers;
                config.GroupId = group;
                config.GroupInstanceId = instanceId;
                config.PartitionAssignmentStrategy = strategy;
                config.AutoOffsetReset = AutoOffsetReset.Earliest;
                config.HeartbeatIntervalMs = 200;
            },
            builder =>
            {
                builder.SetPartitionsAssignedHandler((_, added) =>
                {
                    if (!isCooperative)
                        _owned.Clear();
                    added.ForEach(partition => _owned[partition] = 1);
                    Interlocked.Increment(ref _rebalances);
                });
                builder.SetPartitionsRevokedHandler((_, removed) => removed.ForEach(partition => _owned.TryRemove(partition.TopicPartition, out byte _)));
                builder.SetPartitionsLostHandler((_, removed) => removed.ForEach(partition => _owned.TryRemove(partition.TopicPartition, out byte _)));
            });
        Consumer.Subscribe(topic);
        _run = Task.Run(Run);
    }

    private int _rebalances;

    public IConsumer<byte[]?, byte[]?> Consumer { get; }

    public int Owned => _owned.Count;

    public IEnumerable<TopicPartition> Partitions => _owned.Keys;

    /// <summary>How often it was given partitions.</summary>
    public int Assignments => Volatile.Read(ref _rebalances);

    /// <summary>Where and what it has read.</summary>
    public ConcurrentQueue<(TopicPartitionOffset Where, byte[]? Value)> Seen { get; } = new();

    private void Run()
    {
        var uncommitted = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (Consumer.Consume(TimeSpan.FromMilliseconds(50)) is { } record)
                {
                    Seen.Enqueue((record.TopicPartitionOffset, record.Message.Value));
                    Consumer.StoreOffset(record);
                    uncommitted++;
                }
                else if (uncommitted > 0)
                {
                    uncommitted = CommitEvery;
                }
                if (uncommitted >= CommitEvery)
                {
                    uncommitted = 0;
                    Consumer.Commit();
                }
            }
            catch (KafkaException error) when (!error.Error.IsFatal)
            {
                // A rebalance took the partition, or the broker is away: whoever has it next reads the record again.
            }
        }
        if (_leavesAtEnd)
            Consumer.Close();
    }

    /// <summary>Ends without a word to the group, as a killed process does.</summary>
    public ValueTask VanishAsync()
    {
        _leavesAtEnd = false;
        return DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync();
        await _run;
        Consumer.Dispose();
    }
}
