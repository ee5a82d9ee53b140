using System.Text;
using Confluent.Kafka;
using Metering.Kafka.Native;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests;

/// <summary>What is sent from memory arrives as if Confluent.Kafka had sent it.</summary>
public sealed class NativeSenderTests(KafkaFixture kafka)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private sealed record Sample(string? Key, string? Value, int Partition, (string Name, string Value)[] Headers);

    private static readonly Sample[] Samples =
    [
        new("a key", "a value", -1, []),
        new(null, "to a partition", 3, [("table", "token_events"), ("rows", "12"), ("none", "")]),
        new("a key", "", -1, [("twice", "1"), ("twice", "2")]),
        new("a tombstone", null, 1, []),
        new("ünïcode", new string('x', 900_000), -1, [("größe", "ö")]),
        new("another key", "a value", -1, []),
    ];

    [Fact]
    public async Task Records_arrive_as_if_Produce_had_sent_them()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        var (theirs, ours) = (settings.Topic("theirs"), settings.Topic("ours"));
        await kafka.CreateTopicAsync(theirs, 4);
        await kafka.CreateTopicAsync(ours, 4);
        using (var producer = new ProducerBuilder<byte[]?, byte[]?>(settings.Producer()).Build())
        {
            using var sender = new NativeSender(producer);
            foreach (var sample in Samples)
            {
                producer.Produce(new TopicPartition(theirs, sample.Partition), Message(sample));
                sender.Send(ours, sample.Partition, Bytes(sample.Key), Bytes(sample.Value), sample.Value is null,
                    [.. sample.Headers.Select(h => new RecordHeader(h.Name, Bytes(h.Value)))]);
            }
            producer.Flush(Patience);
        }
        var expected = Read(settings, theirs);
        Assert.Equal(Samples.Length, expected.Count);
        Assert.Equal(expected, Read(settings, ours));
    }

    [Fact]
    public void Full_queue_and_a_record_that_is_too_large_are_told()
    {
        var config = new ProducerConfig { BootstrapServers = "127.0.0.1:1", QueueBufferingMaxMessages = 1, MessageMaxBytes = 2_000 };
        using var producer = new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        using var sender = new NativeSender(producer);
        var tooLarge = Assert.Throws<KafkaException>(() => sender.Send("t", 0, [], new byte[3_000], isTombstone: false, null));
        Assert.Equal(ErrorCode.MsgSizeTooLarge, tooLarge.Error.Code);
        sender.Send("t", 0, [], [1], isTombstone: false, null);
        Assert.Equal(ErrorCode.Local_QueueFull, Assert.Throws<KafkaException>(() => sender.Send("t", 0, [], [2], isTombstone: false, null)).Error.Code);
        Assert.Throws<ArgumentException>(() => sender.Send("t", 0, [], [1], isTombstone: false, [.. Enumerable.Repeat(new RecordHeader("h", default), 17)]));
    }

    private static Message<byte[]?, byte[]?> Message(Sample sample)
    {
        var message = new Message<byte[]?, byte[]?> { Key = sample.Key is null ? null : Bytes(sample.Key), Value = sample.Value is null ? null : Bytes(sample.Value), Headers = [] };
        foreach (var (name, value) in sample.Headers)
            message.Headers.Add(name, Bytes(value));
        return message;
    }

    private static byte[] Bytes(string? text) => Encoding.UTF8.GetBytes(text ?? "");

    private static List<string> Read(KafkaSettings settings, string topic)
    {
        var config = settings.Reader();
        config.EnablePartitionEof = true;
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).Build();
        consumer.Assign(Enumerable.Range(0, 4).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        var seen = new List<string>();
        for (var ends = 0; ends < 4;)
        {
            var record = consumer.Consume(Patience) ?? throw new TimeoutException($"{topic} gave no end");
            if (record.IsPartitionEOF)
            {
                ends++;
                continue;
            }
            var headers = string.Join(", ", record.Message.Headers.Select(h => $"{h.Key}={Convert.ToHexString(h.GetValueBytes() ?? [])}"));
            seen.Add($"{record.Partition.Value} {record.Offset.Value} {Text(record.Message.Key)} {Text(record.Message.Value)} [{headers}]");
        }
        return [.. seen.Order(StringComparer.Ordinal)];
    }

    private static string Text(byte[]? bytes) => bytes is null ? "null" : $"'{Convert.ToHexString(bytes)}'";
}
