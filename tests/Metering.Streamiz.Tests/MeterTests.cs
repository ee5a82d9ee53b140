using System.Buffers;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Core.Pricing;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Tests.Meter;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using KafkaSettings = Metering.Kafka.KafkaSettings;
using PriceEntry = Metering.Core.Pricing.PriceEntry;
using PriceTier = Metering.Core.Pricing.PriceTier;

namespace Metering.Streamiz.Tests;

public sealed class MeterTests(KafkaFixture kafka)
{
    private const int Partitions = 2;
    private const int SchemaId = 7;
    private const int Events = 5_000;
    private static readonly DateTimeOffset Start = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Meter_under_either_host_makes_the_same_rows_dead_letters_and_accounts_of_the_same_input()
    {
        var native = await MeterAsync((settings, options) => new TransactionalStage(settings, options, NullLogger<TransactionalStage>.Instance, TimeProvider.System));
        var streamiz = await MeterAsync((settings, options) => new StreamizStage(settings, options, NullLoggerFactory.Instance, TimeProvider.System));
        Assert.Equal(Events, native.Rows.Count);
        Assert.Equal(native.Rows, streamiz.Rows);
        Assert.Equal(3, native.Letters);
        Assert.Equal(native.Letters, streamiz.Letters);
        Assert.Equal(native.State, streamiz.State);
        Assert.Equal(native.Usage, streamiz.Usage);
        Assert.Equal(native.Rows.Count, native.Usage["*"].Requests);
    }

    private sealed record Made(List<string> Rows, int Letters, SortedDictionary<string, string> State, SortedDictionary<string, (long Requests, long Tokens)> Usage);

    // The hosts' intervals differ, and so do the deltas; their sums do not.
    private SortedDictionary<string, (long Requests, long Tokens)> Usage(KafkaSettings settings)
    {
        var usage = new SortedDictionary<string, (long Requests, long Tokens)>(StringComparer.Ordinal);
        var delta = new UsageDelta();
        foreach (var record in Read(settings, "usage-deltas"))
        {
            Assert.True(WireFormat.TryReadHeader(record.Message.Value, out _, out var body));
            Assert.Equal(DecodeError.None, UsageDelta.TryRead(body, new StringPool(), delta));
            var (requests, tokens) = usage.GetValueOrDefault(delta.Scope);
            usage[delta.Scope] = (requests + delta.Requests, tokens + delta.InputTokens + delta.OutputTokens);
        }
        return usage;
    }

    private async Task<Made> MeterAsync(Func<KafkaSettings, TaskOptions, IStageHost> host)
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        // The producer's time, so that both runs see the same arrivals.
        await kafka.CreateTopicAsync(settings.Topic(MeterProcessor.InputTopic), Partitions, ("message.timestamp.type", "CreateTime"));
        await kafka.CreateTopicAsync(settings.Topic(MeteredBlock.Topic), Partitions);
        await kafka.CreateTopicAsync(settings.Topic("usage-deltas"), Partitions);
        await kafka.CreateTopicAsync(settings.Topic("dead-letters"), Partitions);
        await kafka.CreateTopicAsync(settings.Topic("signals"), Partitions);
        await kafka.CreateTopicAsync(settings.Topic("metering-meter-changelog"), Partitions, ("cleanup.policy", "compact"));
        var sent = Produce(settings);
        var schemas = new SchemaBook(new OneSchema(), TimeProvider.System, NullLogger<SchemaBook>.Instance);
        var context = new MeterContext { Partitions = Partitions, Schemas = schemas, DeadLetterSchemaId = 9, UsageDeltaSchemaId = 10, SignalSchemaId = 11, Prices = PriceBook.Create([new ModelPrices("small", "", null, null, [new PriceEntry(0, [new PriceTier(0, 2, 3, 1)])])]) };
        await using (var stage = new RunningStage(host(settings, new TaskOptions
        {
            Stage = "meter",
            InputTopic = MeterProcessor.InputTopic,
            CreateProcessor = partition => new MeterProcessor(partition, context),
            WaitAsync = schemas.ResolvePendingAsync,
        })))
            await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Sum(t => t.Records) == sent || stage.Run.IsFaulted, "all records to be committed");
        var state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        // When a checkpoint for losses is made depends on the host's intervals.
        foreach (var record in Read(settings, "metering-meter-changelog").Where(record => record.Message.Key[0] != EpochLossCodec.KeyTag))
            state[$"{record.Partition.Value} {Convert.ToHexString(record.Message.Key)}"] = Convert.ToHexString(record.Message.Value ?? []);
        return new(Rows(settings), Read(settings, "dead-letters").Count, state, Usage(settings));
    }

    // Of three sources: in order, with a duplicate and a gap now and then, and three records that are no events.
    private static int Produce(KafkaSettings settings)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(settings.Producer()).Build();
        var bytes = new ArrayBufferWriter<byte>();
        var count = 0;
        for (var i = 1; i <= Events; i++)
        {
            var source = "gateway-" + (i % 3).ToString(CultureInfo.InvariantCulture);
            bytes.ResetWrittenCount();
            WireFormat.Write(bytes, SchemaId, new TokenEvent
            {
                Source = source,
                Epoch = 42,
                Sequence = i,
                EventTimeMicros = (Start.ToUnixTimeMilliseconds() + i) * 1000,
                RequestId = "request-" + i.ToString(CultureInfo.InvariantCulture),
                Tenant = "acme",
                Model = "small",
                InputTokens = i,
                OutputTokens = 5,
            });
            Send(Encoding.UTF8.GetBytes(source), bytes.WrittenSpan.ToArray(), i);
            if (i % 500 == 0)
                Send(Encoding.UTF8.GetBytes(source), bytes.WrittenSpan.ToArray(), i);
        }
        Send(null, [9, 9], Events);                                   // No key: Streamiz by itself drops it unseen.
        Send("gateway-1"u8.ToArray(), null, Events);
        Send("gateway-1"u8.ToArray(), [0, 0, 0, 0, 7, 255], Events);
        producer.Flush(TimeSpan.FromSeconds(30));
        return count;

        void Send(byte[]? key, byte[]? value, int atMs)
        {
            var partition = key is null ? 0 : Murmur2.PartitionOf(key, Partitions);
            producer.Produce(new TopicPartition(settings.Topic(MeterProcessor.InputTopic), partition), new()
            {
                Key = key!,
                Value = value!,
                Timestamp = new Timestamp(Start.AddMilliseconds(atMs).UtcDateTime),
            });
            count++;
        }
    }

    private static List<string> Rows(KafkaSettings settings)
    {
        var rows = new List<string>();
        foreach (var record in Read(settings, MeteredBlock.Topic))
        {
            var block = MeteredBlock.Read(record.Offset.Value, name => record.Message.Headers.GetLastBytes(name), record.Message.Value);
            if (block.Table != "token_events")
                continue;
            var (names, read) = NativeReader.Read(record.Message.Value);
            foreach (var row in read)
                rows.Add(string.Join('|', names.Select(name => Convert.ToString(row[name], CultureInfo.InvariantCulture))));
        }
        rows.Sort(StringComparer.Ordinal);
        return rows;
    }

    private static List<ConsumeResult<byte[], byte[]>> Read(KafkaSettings settings, string topic)
    {
        var config = settings.Reader();
        config.EnablePartitionEof = true;
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).Build();
        consumer.Assign(Enumerable.Range(0, Partitions).Select(p => new TopicPartitionOffset(settings.Topic(topic), p, Offset.Beginning)));
        var records = new List<ConsumeResult<byte[], byte[]>>();
        for (var ends = 0; ends < Partitions;)
        {
            var record = consumer.Consume(TimeSpan.FromSeconds(20)) ?? throw new TimeoutException(topic);
            if (record.IsPartitionEOF)
                ends++;
            else
                records.Add(record);
        }
        return records;
    }

    private sealed class OneSchema : ISchemaSource
    {
        public Task<string?> FindAsync(int schemaId, CancellationToken cancellationToken) => Task.FromResult<string?>(TokenEvent.SchemaJson);
    }
}
