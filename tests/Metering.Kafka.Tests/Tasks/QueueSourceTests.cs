using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;
using Metering.Kafka.Native;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>Batches from the client's own memory hold what Consume gives.</summary>
public sealed class QueueSourceTests(KafkaFixture kafka)
{
    private const int Records = 5_000;

    [Fact]
    public async Task Records_taken_in_batches_equal_those_that_Consume_gives()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        var topic = settings.Topic("input");
        await kafka.CreateTopicAsync(topic, 2, ("max.message.bytes", "2000000"));
        Produce(settings, topic);

        var expected = Take(settings, topic, (consumer, _) => new ConsumeSource(consumer));
        var taken = Take(settings, topic, (consumer, name) => new QueueSource(consumer, name));

        Assert.Equal(Records, expected.Count);
        Assert.Equal(expected, taken);
    }

    [Fact]
    public async Task R8_R10_Stage_that_takes_records_one_by_one_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        await bench.ProduceAsync(5_000);
        await using (var first = bench.Start(oneByOne: true))
        {
            await first.UntilReadyAsync();
            await bench.ProduceAsync(5_000);
        }
        await using var second = bench.Start(oneByOne: true);
        await bench.ExpectEachOnceAsync();
    }

    [Fact]
    public void Native_message_looks_as_Confluents_own_declaration_says() => Assert.Null(MessageLayout.Difference());

    [Theory]
    [InlineData(null, "no Impl.rd_kafka_message")]
    [InlineData(typeof(WithoutKey), "no field key")]
    [InlineData(typeof(KeyFirst), "rd_kafka_message.err lies at")]
    public void Native_message_of_another_layout_is_told(Type? theirs, string difference) =>
        Assert.Contains(difference, MessageLayout.Difference(theirs), StringComparison.Ordinal);

    private static void Produce(KafkaSettings settings, string topic)
    {
        var config = settings.Producer();
        config.LingerMs = 20;
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(config).Build();
        for (var i = 0; i < Records; i++)
        {
            var message = new Message<byte[]?, byte[]?>
            {
                Key = i % 5 == 0 ? null : Encoding.UTF8.GetBytes($"key {i % 41}"),
                Value = i % 7 == 0 ? null : new byte[i % 1000 == 999 ? 700_000 : i % 300],
            };
            if (message.Value is { Length: > 0 })
                message.Value[^1] = (byte)i;
            for (var header = 0; header < i % 4; header++)
                (message.Headers ??= []).Add(header == 2 ? "again" : "n", header == 1 ? [] : Encoding.UTF8.GetBytes($"{i}"));
            producer.Produce(new TopicPartition(topic, i % 2), message);
        }
        producer.Flush(TimeSpan.FromSeconds(60));
    }

    private static List<string> Take(KafkaSettings settings, string topic, Func<IConsumer<byte[], byte[]>, string, IBatchSource> open)
    {
        var config = settings.Reader();
        config.EnablePartitionEof = true;
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).Build();
        consumer.Assign([new TopicPartitionOffset(topic, 0, Offset.Beginning), new TopicPartitionOffset(topic, 1, Offset.Beginning)]);
        var source = open(consumer, topic);
        var router = new Collector();
        var start = TimeProvider.System.GetTimestamp();
        while (router.Ends.Count < 2 && TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60))
        {
            source.Take(router, TimeSpan.FromMilliseconds(100));
            router.Read();
        }
        (source as IDisposable)?.Dispose();
        Assert.Equal(Records / 2, router.Ends[0]);
        Assert.Equal(Records / 2, router.Ends[1]);
        return [.. router.Seen[0], .. router.Seen[1]];
    }

    private sealed class Collector : IRecordRouter
    {
        private readonly RecordBatch[] _batches = [new(), new()];

        public List<string>[] Seen { get; } = [[], []];

        public Dictionary<int, long> Ends { get; } = [];

        public bool WantsMore => true;

        public RecordBatch BatchFor(int partition, long offset)
        {
            if (_batches[partition].IsFull)
                Read();
            return _batches[partition];
        }

        public void AtEnd(int partition, long offset) => Ends[partition] = offset;

        public void Failed(TopicPartition source, Error error) => throw new KafkaException(error);

        public void Read()
        {
            for (var partition = 0; partition < 2; partition++)
            {
                var batch = _batches[partition];
                for (var i = 0; i < batch.Count; i++)
                {
                    var record = batch[i];
                    var headers = string.Join(", ", record.Headers.Select(h => $"{h.Name}={Convert.ToHexString(h.Value.Span)}"));
                    Seen[partition].Add($"{partition} {record.Offset} {record.ArrivedAtMs} {Convert.ToHexString(record.Key)} {Convert.ToHexString(record.Value)} [{headers}]");
                }
                batch.Clear();
                batch.Begin(partition, 1);
            }
        }
    }

#pragma warning disable CS0649, IDE1006 // as Confluent.Kafka names them; only their places matter
    [StructLayout(LayoutKind.Sequential)]
    private struct WithoutKey
    {
        internal ErrorCode err;
        internal nint rkt;
        internal int partition;
        internal nint val;
        internal nuint len;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct KeyFirst
    {
        internal nint key;
        internal ErrorCode err;
    }
#pragma warning restore CS0649, IDE1006
}
