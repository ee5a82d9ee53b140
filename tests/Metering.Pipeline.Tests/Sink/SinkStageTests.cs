using Confluent.Kafka;
using Metering.ClickHouse.Ledger;
using Metering.Kafka;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Pipeline.Tests.Sink;

/// <summary>The whole stage on a real Kafka, with a ledger in memory and hurried waits.</summary>
public sealed class SinkStageTests(KafkaFixture fixture) : IAsyncDisposable
{
    private readonly KafkaSettings _kafka = new() { Brokers = fixture.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
    private readonly FakeLedger _ledger = new();
    private readonly CancellationTokenSource _stop = new();
    private SinkStage _stage = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    [Fact]
    public async Task R13_A_group_whose_word_is_older_than_the_ledger_is_asked_again_until_it_is_right()
    {
        _ledger.Rows[("token_events", 7)] = 1; // as if the group's word, the beginning, were of minutes ago
        await StartAsync(hurry: 10);
        var told = await UntilAsync(status => status.Problem is not null);
        Assert.Contains("the ledger holds block 7, the group's offset is 0", told.Problem, StringComparison.Ordinal);
        Assert.False(told.IsStopped);

        _ledger.Rows.Clear();
        await UntilAsync(status => status.InsertedBlocks == 1);
        Assert.Equal(5, _ledger.Rows[("token_events", 0)]);
    }

    [Fact]
    public async Task R13_A_group_that_goes_on_telling_less_than_the_ledger_holds_stops_its_partition()
    {
        _ledger.Rows[("token_events", 7)] = 1;
        await StartAsync(hurry: 200);
        var told = await UntilAsync(status => status.IsStopped);
        Assert.Contains("Set the offset of group", told.Problem, StringComparison.Ordinal);
        Assert.Empty(_ledger.Inserts);
    }

    private async Task StartAsync(int hurry)
    {
        var topic = _kafka.Topic(MeteredBlock.Topic);
        await fixture.CreateTopicAsync(topic);
        using (var producer = new ProducerBuilder<byte[], byte[]>(_kafka.Producer()).SetLogHandler((_, _) => { }).Build())
        {
            var block = SinkTaskTests.Block(0, 5);
            var headers = new Headers();
            foreach (var (name, value) in MeteredBlock.Headers(block.Table, block.Rows, block.Columns, block.Id, block.IsCounted))
                headers.Add(name, value.ToArray());
            await producer.ProduceAsync(topic, new Message<byte[], byte[]> { Value = block.Bytes.ToArray(), Headers = headers });
        }
        _stage = new SinkStage(_kafka, new LedgerOrigin("cluster", "topic", 0), new SinkOptions(), _ledger, new HurriedTime(hurry), NullLogger<SinkStage>.Instance);
        _running = _stage.RunAsync(_stop.Token);
    }

    private async Task<SinkStatus> UntilAsync(Func<SinkStatus, bool> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(40));
        while (true)
        {
            if (_stage.Status.FirstOrDefault(condition) is { } status)
                return status;
            await Task.Delay(20, limit.Token);
        }
    }

    /// <summary>The system's time, whose timers are due a number of times sooner.</summary>
    private sealed class HurriedTime(int times) : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / times : dueTime, period);
    }
}
