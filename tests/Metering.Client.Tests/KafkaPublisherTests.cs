using System.Diagnostics;
using System.Text;
using Confluent.Kafka;
using Metering.Client.Tests.Sending;
using Metering.Events;
using Metering.Testing;

namespace Metering.Client.Tests;

/// <summary>The publisher against a real Kafka; the schema ids come from a fake registry.</summary>
public sealed class KafkaPublisherTests(OwnKafkaFixture kafka) : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ListLogger _log = new();
    private readonly string _prefix = KafkaFixture.UniquePrefix();

    [Fact]
    public async Task Publish_100k_with_the_broker_killed_and_revived_in_the_middle_leaves_no_gap_R2_R3()
    {
        await CreateTopicsAsync();
        long epoch;
        await using (var publisher = await StartAsync())
        {
            epoch = publisher.Epoch;
            PublisherBench.Publish(publisher, 40_000);
            await kafka.ControlAsync("kill");
            PublisherBench.Publish(publisher, 30_000);
            Assert.True(publisher.Stats.SpooledEvents >= 30_000, "what is published while the broker is away waits in the spool");
            await kafka.ControlAsync("revive");
            PublisherBench.Publish(publisher, 30_000);
            Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(90)), publisher.Stats.ToString());
        }
        var log = ReadEvents();
        EventSenderTests.AssertNoGaps(log.Select(e => (e.Epoch, e.Sequence)), epoch, 100_000);
        Assert.All(log, e => Assert.Equal("unit", e.Source));
        var report = ReadReports().Last();
        Assert.Equal((epoch, 100_000, 100_000, 1_200_000, 3_400_000, true),
            (report.Epoch, report.LastSequence, report.Acknowledged, report.InputTokens, report.OutputTokens, report.Closed));
    }

    [Fact]
    public async Task Restart_resends_what_was_spooled_under_the_old_epoch_R2()
    {
        await CreateTopicsAsync();
        long old;
        await using (var first = await StartAsync(o => (o.Brokers, o.CloseTimeout) = ("127.0.0.1:1", TimeSpan.Zero)))
        {
            old = first.Epoch;
            PublisherBench.Publish(first, 1000);
        }
        long epoch;
        await using (var second = await StartAsync())
        {
            epoch = second.Epoch;
            PublisherBench.Publish(second, 1000);
        }
        var log = ReadEvents().Select(e => (e.Epoch, e.Sequence)).ToArray();
        Assert.Equal([.. Enumerable.Range(1, 1000).Select(i => (old, (long)i)), .. Enumerable.Range(1, 1000).Select(i => (epoch, (long)i))], log);
        // A report whose answer was late is sent again: it is absolute.
        Assert.Equal([old, epoch], ReadReports().Where(r => r.Closed).Select(r => r.Epoch).Distinct());
    }

    [Fact]
    public async Task Two_publishers_of_one_name_on_two_machines_both_count_R1()
    {
        await CreateTopicsAsync();
        using var otherMachine = new TempFolder();
        long one, two;
        await using (var a = await StartAsync())
        await using (var b = await StartAsync(o => o.DataFolder = otherMachine.Path))
        {
            (one, two) = (a.Epoch, b.Epoch);
            await Task.WhenAll(Task.Run(() => PublisherBench.Publish(a, 2000)), Task.Run(() => PublisherBench.Publish(b, 3000)));
        }
        var log = ReadEvents().Select(e => (e.Epoch, e.Sequence)).ToArray();
        EventSenderTests.AssertNoGaps(log, one, 2000);
        EventSenderTests.AssertNoGaps(log, two, 3000);
        Assert.Equal(5000, log.Length);
    }

    [Fact]
    public async Task Topic_missing_at_first_delays_and_loses_nothing()
    {
        await using var publisher = await StartAsync(o => o.KafkaConfig["topic.metadata.propagation.max.ms"] = "500");
        PublisherBench.Publish(publisher, 500);
        await PublisherBench.UntilAsync(() => publisher.Stats.Trouble is not null, "the missing topic is named as the trouble");
        await CreateTopicsAsync();
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(60)));
        EventSenderTests.AssertNoGaps(ReadEvents().Select(e => (e.Epoch, e.Sequence)), publisher.Epoch, 500);
    }

    private async Task CreateTopicsAsync()
    {
        await kafka.CreateTopicAsync(_prefix + "token-events", partitions: 4);
        await kafka.CreateTopicAsync(_prefix + "source-reports");
    }

    private Task<TokenEventPublisher> StartAsync(Action<PublisherOptions>? configure = null)
    {
        var options = new PublisherOptions
        {
            Brokers = kafka.Brokers,
            Registry = "http://none",
            Source = "unit",
            TopicPrefix = _prefix,
            DataFolder = _folder.Path,
            CloseTimeout = TimeSpan.FromSeconds(20),
            ReportInterval = TimeSpan.FromMilliseconds(200),
        };
        configure?.Invoke(options);
        return TokenEventPublisher.StartAsync(options, new FakeBroker(), (sink, slots) => new Client.Sending.KafkaTransport(options, sink, slots, _log), _log, TimeProvider.System);
    }

    private List<TokenEvent> ReadEvents() => Read<TokenEvent>("token-events", (key, value) =>
    {
        Assert.Equal("unit", key);
        var e = new TokenEvent();
        Assert.Equal(DecodeError.None, TokenEvent.TryRead(value, new StringPool(), e, out _));
        return e;
    });

    private List<SourceReport> ReadReports() => Read<SourceReport>("source-reports", (key, value) =>
    {
        var report = new SourceReport();
        Assert.Equal(DecodeError.None, SourceReport.TryRead(value, new StringPool(), report, out _));
        Assert.Equal(FormattableString.Invariant($"unit/{report.Epoch}"), key);
        return report;
    });

    // All records of a topic. Events of one source are in one partition (R5), which is asserted.
    private List<T> Read<T>(string topic, Func<string, ReadOnlySpan<byte>, T> decode)
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig
        {
            BootstrapServers = kafka.Brokers,
            GroupId = "none",
            EnablePartitionEof = true,
            AutoOffsetReset = AutoOffsetReset.Earliest,
        }).Build();
        var partitions = topic == "token-events" ? 4 : 1;
        consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(_prefix + topic, p, Offset.Beginning)));
        var found = new List<T>();
        var used = new HashSet<int>();
        var deadline = Stopwatch.GetTimestamp();
        for (var ended = 0; ended < partitions;)
        {
            Assert.True(Stopwatch.GetElapsedTime(deadline) < TimeSpan.FromSeconds(30), "the topic could not be read to its end");
            if (consumer.Consume(TimeSpan.FromSeconds(1)) is not { } record)
                continue;
            if (record.IsPartitionEOF)
            {
                ended++;
                continue;
            }
            used.Add(record.Partition.Value);
            Assert.Equal(258, System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(record.Message.Value.AsSpan(1)));
            found.Add(decode(Encoding.UTF8.GetString(record.Message.Key), record.Message.Value.AsSpan(5)));
        }
        Assert.Single(used);
        return found;
    }

    public void Dispose() => _folder.Dispose();
}
