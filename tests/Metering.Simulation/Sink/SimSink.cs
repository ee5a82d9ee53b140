using Metering.ClickHouse.Ledger;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;
using Metering.Simulation.Kafka;
using Metering.Simulation.World;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Simulation.Sink;

/// <summary>A process of SINK on one partition: the real task, on a thread and with requests that the simulation moves.</summary>
internal sealed class SimSink : IPlanStore, IRollupCheck
{
    private readonly SimKafka _kafka;
    private readonly Flights _flights;
    private readonly SimThread _thread = new();
    private readonly SinkTask _task;
    private readonly int _generation;
    private Task _running = Task.CompletedTask;
    private long _fetched;

    public SimSink(SimKafka kafka, Flights flights, ILedger ledger, int partition, TimeProvider time)
    {
        (_kafka, _flights, Partition) = (kafka, flights, partition);
        _generation = ++kafka.SinkGenerations[partition];
        var (offset, metadata) = kafka.SinkOffsets[partition];
        _fetched = offset;
        var where = new SinkPartition(partition, offset, SinkPlan.FromMetadata(metadata), "metering-sink", new LedgerOrigin("cluster", "topic", 0));
        _task = new SinkTask(where, new SinkOptions(), ledger, this, this, time, NullLogger.Instance);
        _thread.Run(() => _running = _task.RunAsync(CancellationToken.None, CancellationToken.None));
    }

    public int Partition { get; }

    public bool IsReady => _thread.IsReady;

    public bool IsCurrent => _kafka.SinkGenerations[Partition] == _generation;

    /// <summary>Fenced: the group has given the partition to another.</summary>
    public bool IsOver => _running.IsCompleted;

    /// <summary>Everything committed in the topic is acknowledged.</summary>
    public bool IsIdle => !_kafka.Blocks[Partition].ReadCommitted(_kafka.SinkOffsets[Partition].Offset).Any() && _kafka.SinkOffsets[Partition].Metadata.Length == 0;

    /// <summary>Takes fetched blocks from the consumer.</summary>
    public void Fetch(int blocks)
    {
        foreach (var record in _kafka.Blocks[Partition].ReadCommitted(_fetched).Take(blocks).ToList())
        {
            _task.Offer(Read(record), DateTimeOffset.UnixEpoch);
            _fetched = record.Offset + 1;
        }
    }

    public void RunOne()
    {
        _thread.RunOne();
        var error = _running.Exception?.InnerException;
        // A sleeper may see in the ledger what its successor did; whoever has the partition may not.
        if (error is not (null or SinkFencedException) && !(error is SinkSetBackException && !IsCurrent))
            throw error is Violation ? error : new Violation($"SINK of {Partition} ended: {error}");
    }

    public static MeteredBlock Read(SimRecord record) =>
        MeteredBlock.Read(record.Offset, name => record.Headers.First(header => header.Name == name).Value.ToArray(), record.Value);

    Task IPlanStore.CommitAsync(long offset, SinkPlan? plan, CancellationToken cancellationToken) => _flights.SendAsync(() =>
    {
        if (!IsCurrent)
            throw new SinkFencedException("another generation");
        var before = _kafka.SinkOffsets[Partition].Offset;
        Violation.Unless(offset >= before, $"R13 SINK's offset of {Partition} goes back from {before} to {offset}");
        _kafka.SinkOffsets[Partition] = (offset, plan?.ToMetadata() ?? "");
        SinkCommitted?.Invoke(Partition, before, offset);
        return true;
    });

    /// <summary>Partition, offset before, offset now.</summary>
    public Action<int, long, long>? SinkCommitted { get; init; }

    // The roll-ups' own rows are not simulated: the real engine's tests hold them.
    Task<long> IRollupCheck.RepairAsync(string table, uint partition, long fromBlock, long toBlock, CancellationToken cancellationToken) => Task.FromResult(0L);
}
