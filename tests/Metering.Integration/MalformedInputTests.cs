using System.Security.Cryptography;
using System.Text;
using Avro.Generic;
using Confluent.Kafka;
using Confluent.Kafka.SyncOverAsync;
using Confluent.SchemaRegistry;
using Confluent.SchemaRegistry.Serdes;
using Metering.Core.Sources;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>Hostile records between good ones, from a plain producer to the dead letters.</summary>
public sealed class MalformedInputTests(KafkaFixture kafka)
{
    private const int Partitions = 2;
    private const string ForeignSchema = """{"type":"record","name":"Tree","fields":[{"name":"height","type":"double"}]}""";

    [Fact]
    public async Task Each_kind_of_malformed_record_becomes_a_dead_letter_and_stops_nothing_R5_R6_R15_R16_R21()
    {
        await using var stand = new Stand(kafka.Brokers);
        await stand.ReadyUpAsync();
        using var registry = new CachedSchemaRegistryClient(new SchemaRegistryConfig { Url = stand.Registry });
        var records = new HostileRecords(
            (await registry.GetLatestSchemaAsync(stand.Prefix + "token-events-value")).Id,
            await registry.RegisterSchemaAsync("trees-value", new Schema(ForeignSchema, SchemaType.Avro)));

        var (hostile, good) = await ProduceAsync(stand, records);

        var letters = ReadDeadLetters(stand, registry, hostile.Count);
        Assert.Multiple([.. hostile.Select<HostileRecord, Action>(record => () => IsKept(record, letters[record.Name], stand.Prefix))]);
        var verify = await stand.AddsUpAsync();
        Assert.Equal(hostile.Count, verify.Last.GetProperty("rejected").GetInt64());
        Assert.Equal(good, await stand.Ledger.TotalsAsync(HostileRecords.Source));
        foreach (var reason in hostile.GroupBy(record => record.Reason, StringComparer.Ordinal))
            Assert.Equal(reason.Count(), await stand.Ledger.NumberAsync($"SELECT count() FROM metering.dead_letters WHERE reason = '{reason.Key}'"));
        Assert.Equal(hostile.Count(record => record.IsOfSource), await stand.Ledger.NumberAsync($"SELECT count() FROM metering.dead_letters WHERE source = '{HostileRecords.Source}' AND sequence > 0"));
    }

    private async Task<(List<HostileRecord> Hostile, Totals Good)> ProduceAsync(Stand stand, HostileRecords records)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
        {
            BootstrapServers = kafka.Brokers,
            CompressionType = CompressionType.Zstd, // 3 MB that the broker takes, for they are 1 KB on the wire
            MessageMaxBytes = 8 << 20,
        }).SetLogHandler((_, _) => { }).Build();
        var topic = stand.Prefix + "token-events";
        var home = Murmur2.PartitionOf(Encoding.UTF8.GetBytes(HostileRecords.Source), Partitions);
        var (hostile, good) = (records.All(), new Totals(0, 0, 0));
        foreach (var record in hostile)
        {
            var key = record.Key is null ? null : Encoding.UTF8.GetBytes(record.Key);
            var partition = record.IsElsewhere ? (home + 1) % Partitions : key is null ? home : Murmur2.PartitionOf(key, Partitions);
            await producer.ProduceAsync(new TopicPartition(topic, partition), new Message<byte[]?, byte[]?> { Key = key, Value = record.Value, Headers = new Headers { { "case", Encoding.UTF8.GetBytes(record.Name) } } });
            await producer.ProduceAsync(new TopicPartition(topic, home), new Message<byte[]?, byte[]?> { Key = Encoding.UTF8.GetBytes(HostileRecords.Source), Value = records.NextGood(out var e) });
            good += new Totals(1, e.InputTokens, e.OutputTokens);
        }
        return (hostile, good);
    }

    /// <summary>By the case's name, which travelled as a header.</summary>
    private Dictionary<string, GenericRecord> ReadDeadLetters(Stand stand, CachedSchemaRegistryClient registry, int count)
    {
        using var consumer = new ConsumerBuilder<string, GenericRecord>(new ConsumerConfig { BootstrapServers = kafka.Brokers, GroupId = stand.Prefix + "reader", AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false })
            .SetValueDeserializer(new AvroDeserializer<GenericRecord>(registry).AsSyncOverAsync())
            .SetLogHandler((_, _) => { })
            .Build();
        consumer.Subscribe(stand.Prefix + "dead-letters");
        var letters = new Dictionary<string, GenericRecord>(StringComparer.Ordinal);
        while (letters.Count < count && consumer.Consume(TimeSpan.FromSeconds(30)) is { } result)
        {
            var headers = (object[])result.Message.Value["headers"];
            var name = Assert.IsType<GenericRecord>(Assert.Single(headers));
            Assert.Equal("case", name["name"]);
            letters.Add(Encoding.UTF8.GetString((byte[])name["value"]), result.Message.Value);
        }
        consumer.Close();
        return letters;
    }

    private static void IsKept(HostileRecord record, GenericRecord letter, string prefix)
    {
        const int Whole = 1 << 20;
        var reason = ((GenericEnum)letter["reason"]).Value;
        Assert.True(record.Reason == reason, $"{record.Name}: {reason}, not {record.Reason}: {letter["detail"]}");
        Assert.Equal(prefix + "token-events", letter["topic"]);
        Assert.NotEqual("", letter["detail"]);
        Assert.Equal(record.Key is "" ? null : record.Key, letter["key"] is byte[] key ? Encoding.UTF8.GetString(key) : null);
        var original = record.Value ?? [];
        Assert.Equal((long)original.Length, letter["value_length"]);
        Assert.Equal(original.Length <= Whole ? original : original[..(64 << 10)], (byte[]?)letter["value"] ?? []);
        Assert.Equal(original.Length <= Whole ? null : SHA256.HashData(original), (byte[]?)letter["value_sha256"]);
        Assert.Equal(record.IsOfSource ? HostileRecords.Source : null, letter["source"]);
    }
}
