using Metering.ClickHouse.Ledger;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Sink;

/// <summary>SinkTask over a list of blocks, the group's offsets in memory: all of SINK's work but Kafka's part.</summary>
internal static class SinkRun
{
    /// <param name="topicId">Part of every token: each run has one of its own, or the ledger would drop its data as known.</param>
    public static async Task RunAsync(IReadOnlyList<MeteredBlock> blocks, ILedger ledger, SinkOptions options, string topicId)
    {
        using var stop = new CancellationTokenSource();
        var plans = new MemoryPlans(blocks[^1].Offset + 1, stop);
        var where = new SinkPartition(0, 0, null, SinkStage.Group, new LedgerOrigin("bench", topicId, 0));
        var task = new SinkTask(where, options, ledger, plans, new RollupCheck(ledger), TimeProvider.System, NullLogger.Instance);
        foreach (var block in blocks)
            task.Offer(block, DateTimeOffset.UnixEpoch);
        try
        {
            await task.RunAsync(stop.Token, CancellationToken.None);
        }
        catch (OperationCanceledException) when (plans.IsAtEnd)
        {
            // The task ends only by being stopped.
        }
    }

    private sealed class MemoryPlans(long end, CancellationTokenSource atEnd) : IPlanStore
    {
        public bool IsAtEnd { get; private set; }

        public Task CommitAsync(long offset, SinkPlan? plan, CancellationToken cancellationToken)
        {
            if (plan is not null || offset != end)
                return Task.CompletedTask;
            IsAtEnd = true;
            return atEnd.CancelAsync();
        }
    }
}

/// <summary>Keeps the inserts that SINK would do, so that the engine can be given the same ones directly.</summary>
internal sealed class RecordingLedger : ILedger
{
    public List<LedgerInsert> Inserts { get; } = [];

    public string Description => "recording";

    public Task<long> InsertAsync(LedgerInsert insert, CancellationToken cancellationToken = default)
    {
        Inserts.Add(insert);
        return Task.FromResult(-1L);
    }

    /// <summary>No table yet, so no block either.</summary>
    public Task QueryAsync(string sql, string format, Stream output, CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken = default) => throw new NotSupportedException(sql);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
