using System.Text;
using Metering.ClickHouse.Ledger;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Pipeline.Tests.Sink;

public sealed class SinkTaskTests
{
    private readonly FakeLedger _ledger = new();
    private readonly FakePlanStore _plans = new();
    private readonly CountingRollups _rollups = new();

    [Fact]
    public async Task R17_The_plan_is_committed_before_the_insert_and_the_offset_after_it()
    {
        await RunAsync(0, null, [Block(3, 5)], until: 4);
        Assert.Equal(["0 plan [0, 4)", "4 none"], _plans.History);
        Assert.Equal(5, _ledger.Rows[("token_events", 3)]);
    }

    [Fact]
    public async Task R17_R18_A_plan_found_at_takeover_is_rebuilt_with_the_same_token()
    {
        MeteredBlock[] blocks = [Block(3, 5), Block(5, 2)];
        var plan = SinkPlan.Of(0, blocks);
        _ledger.Faults.Enqueue(FakeLedger.Fault.AfterWriting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(0, null, blocks, until: 6, stopAtFirstError: true));
        var crashed = _ledger.Inserts[0].Token;

        await RunAsync(0, plan, [.. blocks, Block(7, 1)], until: 8);
        Assert.Equal(crashed, _ledger.Inserts[1].Token);
        Assert.Equal((5, 2, 1), (_ledger.Rows[("token_events", 3)], _ledger.Rows[("token_events", 5)], _ledger.Rows[("token_events", 7)]));
        Assert.Equal(1, _rollups.Checks);
    }

    [Theory]
    [InlineData((int)FakeLedger.Fault.BeforeWriting)]
    [InlineData((int)FakeLedger.Fault.AfterWriting)]
    [InlineData((int)FakeLedger.Fault.TokenOnly)]
    [InlineData((int)FakeLedger.Fault.FirstBlockOnly)]
    public async Task R19_After_an_unknown_outcome_each_block_is_in_the_ledger_once(int fault)
    {
        _ledger.Faults.Enqueue((FakeLedger.Fault)fault);
        await RunAsync(0, null, [Block(3, 5), Block(5, 2)], until: 6);
        Assert.Equal(5, _ledger.Rows[("token_events", 3)]);
        Assert.Equal(2, _ledger.Rows[("token_events", 5)]);
        Assert.Equal(1, _rollups.Checks);
    }

    [Fact]
    public async Task R19_Rows_that_are_not_counted_are_not_swallowed_by_a_token_that_was_noted_without_them()
    {
        _ledger.Faults.Enqueue(FakeLedger.Fault.TokenOnly);
        await RunAsync(0, null, [Block(3, 5) with { Table = "source_accounts", IsCounted = false }], until: 4);
        Assert.Equal(5, _ledger.Rows[("source_accounts", 3)]);
    }

    [Fact]
    public async Task R19_A_repair_whose_token_was_noted_without_its_block_is_repaired_in_turn()
    {
        // The insert, its second try, and the repair of the first block.
        foreach (var fault in (FakeLedger.Fault[])[FakeLedger.Fault.TokenOnly, FakeLedger.Fault.None, FakeLedger.Fault.TokenOnly])
            _ledger.Faults.Enqueue(fault);
        await RunAsync(0, null, [Block(3, 5), Block(5, 2)], until: 6);
        Assert.Equal((5, 2), (_ledger.Rows[("token_events", 3)], _ledger.Rows[("token_events", 5)]));
    }

    [Fact]
    public async Task R19_More_rows_than_were_sent_stop_the_task_and_name_the_block()
    {
        _ledger.Faults.Enqueue(FakeLedger.Fault.WithoutToken);
        var error = await Assert.ThrowsAsync<LedgerMismatchException>(() => RunAsync(0, null, [Block(3, 5)], until: 4));
        Assert.Contains("10 rows of block 2/3, 5 were sent", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("4 none", _plans.History);
    }

    [Fact]
    public async Task R13_A_position_behind_the_ledger_stops_the_task()
    {
        _ledger.Rows[("token_events", 9)] = 1;
        var error = await Assert.ThrowsAsync<SinkSetBackException>(() => RunAsync(9, null, [Block(9, 1)], until: 10));
        Assert.Contains("the ledger holds block 9, the group's offset is 9", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task R13_R17_An_old_plan_behind_the_ledger_is_neither_committed_nor_inserted_again()
    {
        MeteredBlock[] blocks = [Block(3, 5), Block(5, 2)];
        var old = SinkPlan.Of(0, blocks);
        _ledger.Rows[("token_events", 6)] = 1;
        var error = await Assert.ThrowsAsync<SinkSetBackException>(() => RunAsync(0, old, blocks, until: 6));
        Assert.Contains("the ledger holds block 6, the group's plan ends at 6", error.Message, StringComparison.Ordinal);
        Assert.Empty(_plans.History);
        Assert.Empty(_ledger.Inserts);
    }

    [Fact]
    public async Task R18_Other_blocks_at_the_planned_offsets_stop_the_task()
    {
        var plan = SinkPlan.Of(0, [Block(3, 5)]);
        var error = await Assert.ThrowsAsync<LedgerMismatchException>(() => RunAsync(0, plan, [Block(3, 5) with { Id = "another" }], until: 4));
        Assert.Contains("the topic was replaced or cut", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task R17_Each_table_has_a_token_of_its_own()
    {
        await RunAsync(0, null, [Block(1, 1), Block(2, 1) with { Table = "dead_letters" }], until: 3);
        Assert.Equal(["metering.dead_letters", "metering.token_events"], _ledger.Inserts.Select(insert => insert.Table));
        Assert.NotEqual(_ledger.Inserts[0].Token, _ledger.Inserts[1].Token);
    }

    [Fact]
    public async Task R20_A_fenced_task_inserts_nothing()
    {
        _plans.IsFenced = true;
        await Assert.ThrowsAsync<SinkFencedException>(() => RunAsync(0, null, [Block(3, 5)], until: 4));
        Assert.Empty(_ledger.Inserts);
    }

    [Fact]
    public void Status_tells_the_oldest_block_that_waits_by_the_brokers_time()
    {
        var status = new SinkStatus(0, 10);
        var blocks = new[] { Block(10, 1), Block(12, 1), Block(14, 1) };
        for (var i = 0; i < blocks.Length; i++)
            status.Arrived(blocks[i], DateTimeOffset.UnixEpoch.AddSeconds(i), DateTimeOffset.UnixEpoch.AddHours(1));
        Assert.Equal((DateTimeOffset.UnixEpoch, 5), (status.OldestWaiting, status.Lag));

        status.Acknowledged(11, [blocks[0]], DateTimeOffset.UnixEpoch.AddSeconds(1), DateTimeOffset.UnixEpoch.AddHours(1));
        status.Knows(100);
        Assert.Equal((DateTimeOffset.UnixEpoch.AddSeconds(1), 89), (status.OldestWaiting, status.Lag));

        status.Ended();
        Assert.Equal((null, 0), (status.OldestWaiting, status.Lag));
    }

    [Fact]
    public void R14_Status_behind_only_by_a_transactions_marker_is_no_lag()
    {
        var status = new SinkStatus(0, 10);
        status.Arrived(Block(10, 1), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
        status.Knows(12);
        status.Acknowledged(11, [Block(10, 1)], null, DateTimeOffset.UnixEpoch);
        Assert.Equal(1, status.Lag); // it may be a block
        status.ReachedEnd(12);
        Assert.Equal(0, status.Lag);
    }

    [Fact]
    public void FromMetadata_returns_what_was_written_and_refuses_the_rest()
    {
        var plan = SinkPlan.Of(12, [Block(15, 3), Block(20, 4)]);
        Assert.Equal(plan, SinkPlan.FromMetadata(plan.ToMetadata()));
        Assert.InRange(plan.ToMetadata().Length, 1, 200);
        Assert.Null(SinkPlan.FromMetadata(""));
        Assert.Throws<InvalidDataException>(() => SinkPlan.FromMetadata("checkpoint 7"));
        Assert.Throws<InvalidDataException>(() => SinkPlan.FromMetadata("plan1 9 9 1 aa"));
    }

    private async Task RunAsync(long offset, SinkPlan? open, IReadOnlyList<MeteredBlock> blocks, long until, bool stopAtFirstError = false)
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var where = new SinkPartition(2, offset, open, "metering-sink", new LedgerOrigin("cluster", "topic", 0));
        var options = new SinkOptions { MaxWait = TimeSpan.FromMilliseconds(20) };
        var task = new SinkTask(where, options, _ledger, _plans, _rollups, TimeProvider.System, NullLogger.Instance);
        _plans.Committed = committed =>
        {
            if (committed == until)
                stop.Cancel();
        };
        if (stopAtFirstError)
            _plans.Committed = _ => stop.CancelAfter(TimeSpan.FromMilliseconds(50));
        foreach (var block in blocks)
            task.Offer(block, DateTimeOffset.UnixEpoch);
        try
        {
            await task.RunAsync(stop.Token, stop.Token);
        }
        catch (OperationCanceledException) when (!stopAtFirstError)
        {
            Assert.Contains($"{until} none", _plans.History);
        }
    }

    internal static MeteredBlock Block(long offset, int rows)
    {
        var bytes = new MemoryStream();
        bytes.Write([1, (byte)rows, 1, (byte)'x', 5]);
        bytes.Write(Encoding.ASCII.GetBytes("UInt8"));
        bytes.Write(new byte[rows]);
        return new MeteredBlock(offset, "token_events", rows, "x", $"id-{offset}", IsCounted: true, bytes.ToArray());
    }

    private sealed class FakePlanStore : IPlanStore
    {
        public List<string> History { get; } = [];

        public bool IsFenced { get; set; }

        public Action<long> Committed { get; set; } = _ => { };

        public Task CommitAsync(long offset, SinkPlan? plan, CancellationToken cancellationToken)
        {
            if (IsFenced)
                throw new SinkFencedException("fenced");
            History.Add($"{offset} {(plan is null ? "none" : $"plan [{plan.From}, {plan.To})")}");
            Committed(plan is null ? offset : -1);
            return Task.CompletedTask;
        }
    }

    private sealed class CountingRollups : IRollupCheck
    {
        public int Checks { get; private set; }

        public Task<long> RepairAsync(string table, uint ledgerPartition, long fromBlock, long toBlock, CancellationToken cancellationToken)
        {
            Checks++;
            return Task.FromResult(0L);
        }
    }
}
