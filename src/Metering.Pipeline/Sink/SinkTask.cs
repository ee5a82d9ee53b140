using System.Threading.Channels;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;
using Metering.Pipeline.Blocks;
using Microsoft.Extensions.Logging;

namespace Metering.Pipeline.Sink;

/// <summary>
/// SINK's work on one partition of <c>metered-blocks</c>: plan, insert, acknowledge (steps 9 to 11). One loop; blocks
/// come from the consumer's thread by <see cref="Offer"/>. Ends only by cancellation, fencing or a contradiction that a
/// person must resolve; a ledger that is away or full is waited for.
/// </summary>
internal sealed class SinkTask(SinkPartition where, SinkOptions options, ILedger ledger, IPlanStore plans, IRollupCheck rollups, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromSeconds(5);

    private readonly Channel<Arrival> _arrived = Channel.CreateUnbounded<Arrival>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly LedgerBlocks _held = new(ledger, where.LedgerPartition);
    private Arrival? _next; // taken from the channel, not yet in a batch
    private long _bufferedBytes;
    private long _planCommittedAt;

    public SinkStatus Status { get; } = new(where.Partition, where.Offset);

    /// <summary>True when the consumer should pause this partition until blocks have been inserted.</summary>
    public bool IsFull => Interlocked.Read(ref _bufferedBytes) >= options.MaxBufferedBytes;

    /// <summary>Takes the next block, in offset order. Called on the consumer's thread.</summary>
    /// <param name="block">The block.</param>
    /// <param name="appendedAt">When the broker took it.</param>
    public void Offer(MeteredBlock block, DateTimeOffset appendedAt)
    {
        Interlocked.Add(ref _bufferedBytes, block.Bytes.Length);
        Status.Arrived(block, appendedAt, time.GetUtcNow());
        _arrived.Writer.TryWrite(new Arrival(block, appendedAt, time.GetTimestamp()));
    }

    /// <param name="stopping">Take no more blocks; an insert under way is finished.</param>
    /// <param name="cancellationToken">Give up whatever is under way: the open plan tells the next owner.</param>
    /// <exception cref="SinkFencedException">The group has given the partition to another.</exception>
    /// <exception cref="SinkSetBackException">What the group told is older than the ledger; nothing was inserted.</exception>
    /// <exception cref="LedgerMismatchException">A contradiction that a person must resolve.</exception>
    public async Task RunAsync(CancellationToken stopping, CancellationToken cancellationToken)
    {
        // First: an old plan, finished again long after its token was forgotten, would double its range.
        await CheckPositionAsync(cancellationToken);
        var position = where.Offset;
        if (where.OpenPlan is { } open)
        {
            await FinishAsync(open, stopping, cancellationToken);
            position = open.To;
        }
        while (true)
        {
            var blocks = await NextBatchAsync(stopping);
            var plan = SinkPlan.Of(position, blocks);
            await CommitPlanAsync(plan, cancellationToken);          // step 9
            await InsertAsync(plan, blocks, isFirst: true, cancellationToken); // step 10
            await AcknowledgeAsync(plan, blocks, cancellationToken); // step 11
            position = plan.To;
        }
    }

    /// <summary>A plan found at takeover: the same range again with the same tokens, then counted (R17, R19).</summary>
    private async Task FinishAsync(SinkPlan plan, CancellationToken stopping, CancellationToken cancellationToken)
    {
        var blocks = new List<MeteredBlock>();
        do
            blocks.Add((await TakeAsync(stopping)).Block);
        while (blocks[^1].Offset + 1 < plan.To);
        var rebuilt = SinkPlan.Of(plan.From, blocks);
        if (rebuilt != plan)
            throw new LedgerMismatchException($"{MeteredBlock.Topic} {where.Partition}: the open plan is [{plan.From}, {plan.To}) with {plan.Rows} rows, the topic holds [{rebuilt.From}, {rebuilt.To}) with {rebuilt.Rows} rows or other blocks: the topic was replaced or cut");
        SinkLog.PlanTakenOver(logger, where.Partition, plan.From, plan.To, plan.Rows);
        await CommitPlanAsync(plan, cancellationToken);
        await InsertAsync(plan, blocks, isFirst: false, cancellationToken);
        await AcknowledgeAsync(plan, blocks, cancellationToken);
    }

    /// <summary>The ledger may hold nothing above the position and its open plan (R13): offsets that were lost would double it.
    /// A sleeper that lost the partition meanwhile sees here what the new owner has inserted.</summary>
    private async Task CheckPositionAsync(CancellationToken cancellationToken)
    {
        var done = where.OpenPlan?.To ?? where.Offset;
        var highest = await WaitForLedgerAsync(() => _held.HighestAsync(done, cancellationToken), cancellationToken);
        if (highest >= 0)
            throw new SinkSetBackException($"{MeteredBlock.Topic} {where.Partition}: the ledger holds block {highest}, the group's {(where.OpenPlan is null ? "offset is" : "plan ends at")} {done}: the group's offsets were lost or set back. Set the offset of group {where.GroupId} to {highest + 1} with Kafka's own tool, then start again");
    }

    /// <summary>What waits, up to a plan's size. The wait counts from the first block's arrival: what came during the last
    /// insert goes into the next without another wait.</summary>
    private async Task<List<MeteredBlock>> NextBatchAsync(CancellationToken stopping)
    {
        var first = await TakeAsync(stopping);
        var batch = new List<MeteredBlock> { first.Block };
        long bytes = first.Block.Bytes.Length, rows = first.Block.Rows;
        var wait = options.MaxWait - time.GetElapsedTime(first.At);
        using var timer = new CancellationTokenSource(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, time);
        using var due = CancellationTokenSource.CreateLinkedTokenSource(stopping, timer.Token);
        while (await PeekAsync(due.Token, stopping) is { } next && bytes + next.Bytes.Length <= options.MaxPlanBytes && rows + next.Rows <= options.MaxPlanRows)
        {
            batch.Add((await TakeAsync(stopping)).Block);
            bytes += next.Bytes.Length;
            rows += next.Rows;
        }
        return batch;
    }

    private async ValueTask<Arrival> TakeAsync(CancellationToken cancellationToken)
    {
        var arrival = _next ?? await _arrived.Reader.ReadAsync(cancellationToken);
        _next = null;
        return arrival;
    }

    /// <summary>The next block without taking it; null once the batch is due and nothing waits.</summary>
    private async ValueTask<MeteredBlock?> PeekAsync(CancellationToken due, CancellationToken stopping)
    {
        if (_next is not null)
            return _next.Value.Block;
        if (_arrived.Reader.TryRead(out var waiting))
            return (_next = waiting).Value.Block;
        try
        {
            return (_next = await _arrived.Reader.ReadAsync(due)).Value.Block;
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task CommitPlanAsync(SinkPlan plan, CancellationToken cancellationToken)
    {
        await plans.CommitAsync(plan.From, plan, cancellationToken);
        _planCommittedAt = time.GetTimestamp();
        Status.Planned();
    }

    private async Task InsertAsync(SinkPlan plan, List<MeteredBlock> blocks, bool isFirst, CancellationToken cancellationToken)
    {
        foreach (var table in blocks.GroupBy(block => block.Table).OrderBy(group => group.Key, StringComparer.Ordinal))
            await InsertTableAsync(plan, table.Key, [.. table], isFirst, cancellationToken);
    }

    private async Task InsertTableAsync(SinkPlan plan, string table, List<MeteredBlock> blocks, bool isFirst, CancellationToken cancellationToken)
    {
        var token = plan.Token(where.Origin, where.Partition, table);
        var isCounted = blocks[0].IsCounted;
        var acknowledged = false;
        for (var backoff = FirstBackoff; !acknowledged; backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, MaxBackoff.Ticks)))
        {
            await RenewPlanAsync(plan, cancellationToken);
            try
            {
                // What is not counted may be sent any number of times: under a token of its own, or one that was noted
                // without its data would swallow it.
                await InsertOnceAsync(table, blocks, isFirst || isCounted ? token : SinkPlan.TokenOfOneTry(), isFirst, cancellationToken);
                acknowledged = true;
            }
            catch (Exception error) when (error is LedgerException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                isFirst = false; // what it did is unknown: from now on it is sent again, then counted
                Status.Waiting(error.Message);
                SinkLog.InsertFailed(logger, where.Partition, table, plan.From, plan.To, backoff, error.Message);
                await Task.Delay(backoff, time, cancellationToken);
            }
        }
        if (!isFirst && isCounted)
            await ResolveAsync(plan, table, blocks, token, cancellationToken);
    }

    /// <summary>R20: no insert starts on a plan that was committed longer ago than half a session timeout.</summary>
    private async Task RenewPlanAsync(SinkPlan plan, CancellationToken cancellationToken)
    {
        if (time.GetElapsedTime(_planCommittedAt) > options.SessionTimeout / 2)
            await CommitPlanAsync(plan, cancellationToken);
    }

    private async Task InsertOnceAsync(string table, List<MeteredBlock> blocks, string token, bool isFirst, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(options.InsertDeadline);
        var insert = SinkInsert.Build(table, where.LedgerPartition, blocks, token);
        var written = await ledger.InsertAsync(insert, deadline.Token);
        var sent = blocks.Sum(block => (long)block.Rows);
        if (isFirst && written >= 0 && written < sent)
            throw new LedgerException($"metering.{table}: {sent} rows were sent for the first time, the engine says it wrote {written}");
    }

    /// <summary>R19: after an unknown outcome the token is not trusted alone: count, and mend what is missing. A block that is
    /// still missing once its repair was acknowledged gets the next token: the last one is noted, so that nothing sent
    /// under it can arrive any more. Whoever repairs the block goes through the same tokens in the same order.</summary>
    private async Task ResolveAsync(SinkPlan plan, string table, List<MeteredBlock> blocks, string token, CancellationToken cancellationToken)
    {
        for (var round = 1; ; round++)
        {
            var held = await WaitForLedgerAsync(() => _held.CountAsync(table, plan.From, plan.To, cancellationToken), cancellationToken);
            var missing = LedgerBlocks.Missing(table, where.Partition, blocks, held);
            if (missing.Count == 0)
                break;
            SinkLog.BlocksMissing(logger, where.Partition, table, plan.From, plan.To, missing.Count);
            foreach (var block in missing)
            {
                await RenewPlanAsync(plan, cancellationToken);
                var repair = SinkInsert.Build(table, where.LedgerPartition, [block], SinkPlan.RepairToken(token, block, round));
                await WaitForLedgerAsync(() => ledger.InsertAsync(repair, cancellationToken), cancellationToken);
            }
        }
        await WaitForLedgerAsync(() => rollups.RepairAsync(table, where.LedgerPartition, plan.From, plan.To, cancellationToken), cancellationToken);
    }

    private async Task AcknowledgeAsync(SinkPlan plan, List<MeteredBlock> blocks, CancellationToken cancellationToken)
    {
        await plans.CommitAsync(plan.To, null, cancellationToken);
        Interlocked.Add(ref _bufferedBytes, -blocks.Sum(block => (long)block.Bytes.Length));
        Status.Acknowledged(plan.To, blocks, _next is { } next || _arrived.Reader.TryPeek(out next) ? next.AppendedAt : null, time.GetUtcNow());
    }

    private async Task<T> WaitForLedgerAsync<T>(Func<Task<T>> action, CancellationToken cancellationToken)
    {
        for (var backoff = FirstBackoff; ; backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, MaxBackoff.Ticks)))
        {
            try
            {
                return await action();
            }
            catch (LedgerException error)
            {
                Status.Waiting(error.Message);
                SinkLog.LedgerAway(logger, where.Partition, backoff, error.Message);
                await Task.Delay(backoff, time, cancellationToken);
            }
        }
    }

    /// <param name="AppendedAt">The broker's time.</param>
    /// <param name="At">Timestamp.</param>
    private readonly record struct Arrival(MeteredBlock Block, DateTimeOffset AppendedAt, long At);
}
