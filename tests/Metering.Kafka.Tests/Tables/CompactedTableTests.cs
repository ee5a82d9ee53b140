using System.Collections.Concurrent;
using System.Text;
using Confluent.Kafka;
using Metering.Kafka.Tables;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Kafka.Tests.Tables;

public sealed class CompactedTableTests(KafkaFixture kafka)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private sealed class Prices
    {
        public ConcurrentDictionary<string, string> Values { get; } = new(StringComparer.Ordinal);

        public void Take(in TableRecord record)
        {
            var key = Encoding.UTF8.GetString(record.Key);
            if (record.IsTombstone)
                Values.TryRemove(key, out _);
            else
                Values[key] = Encoding.UTF8.GetString(record.Value);
        }
    }

    private CompactedTable Table(KafkaSettings settings, TableRecordHandler handler) =>
        new(settings, "prices", handler, NullLogger<CompactedTable>.Instance, TimeProvider.System);

    private static async Task SendAsync(KafkaSettings settings, params (string Key, string? Value)[] records)
    {
        using var producer = new ProducerBuilder<string, string?>(settings.Producer()).Build();
        await Task.WhenAll(records.Select(r => producer.ProduceAsync(settings.Topic("prices"), new() { Key = r.Key, Value = r.Value })));
    }

    [Fact]
    public async Task R22_ReadToEnd_completes_when_all_partitions_went_through_and_then_it_tails()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        await kafka.CreateTopicAsync(settings.Topic("prices"), partitions: 3, ("cleanup.policy", "compact"));
        await SendAsync(settings, [.. Enumerable.Range(0, 20).Select(i => ($"model-{i}", (string?)$"price-{i}")), ("model-3", null)]);
        var prices = new Prices();
        using var stop = new CancellationTokenSource();
        var table = Table(settings, prices.Take);
        var run = table.RunAsync(stop.Token);
        await table.ReadToEndAsync().WaitAsync(Patience);
        Assert.Equal(19, prices.Values.Count);
        Assert.False(prices.Values.ContainsKey("model-3"));
        Assert.True(table.Status.IsReadToEnd);
        await SendAsync(settings, ("model-3", "again"));
        await StageBench.UntilAsync(() => prices.Values.GetValueOrDefault("model-3") == "again", "the table to tail", Patience);
        await StageBench.UntilAsync(() => table.Status is { Lag: 0, Records: 22 }, "the status to follow", Patience);
        await stop.CancelAsync();
        await run.WaitAsync(Patience);
    }

    [Fact]
    public async Task R14_ReadToEnd_of_a_topic_that_ends_in_markers_and_aborted_records_completes_without_them()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        await kafka.CreateTopicAsync(settings.Topic("prices"), 1, ("cleanup.policy", "compact"));
        using (var producer = new ProducerBuilder<string, string>(settings.TransactionalProducer("test")).Build())
        {
            producer.InitTransactions(Patience);
            foreach (var commit in (bool[])[true, false])
            {
                producer.BeginTransaction();
                producer.Produce(settings.Topic("prices"), new() { Key = "model", Value = commit ? "kept" : "aborted" });
                producer.Flush(Patience);
                if (commit)
                    producer.CommitTransaction(Patience);
                else
                    producer.AbortTransaction(Patience);
            }
        }
        var prices = new Prices();
        using var stop = new CancellationTokenSource();
        var table = Table(settings, prices.Take);
        var run = table.RunAsync(stop.Token);
        await table.ReadToEndAsync().WaitAsync(Patience);
        Assert.Equal("kept", prices.Values["model"]);
        await stop.CancelAsync();
        await run.WaitAsync(Patience);
    }

    [Fact]
    public async Task ReadToEnd_before_the_topic_exists_waits_for_it()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        using var stop = new CancellationTokenSource();
        var table = Table(settings, new Prices().Take);
        var run = table.RunAsync(stop.Token);
        await Task.Delay(300);
        Assert.False(table.Status.IsReadToEnd);
        await kafka.CreateTopicAsync(settings.Topic("prices"));
        await table.ReadToEndAsync().WaitAsync(Patience);
        await stop.CancelAsync();
        await run.WaitAsync(Patience);
    }

    [Fact]
    public async Task Run_with_a_handler_that_throws_fails_for_its_owner()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        await kafka.CreateTopicAsync(settings.Topic("prices"));
        await SendAsync(settings, ("model", "price"));
        var table = Table(settings, (in TableRecord _) => throw new InvalidDataException("no price"));
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => table.RunAsync(CancellationToken.None).WaitAsync(Patience));
        Assert.Equal("no price", error.Message);
        await Assert.ThrowsAsync<InvalidDataException>(() => table.ReadToEndAsync());
    }
}
