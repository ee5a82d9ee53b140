using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Benchmarks.Meter;
using Metering.Core.Sources;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter;

namespace Metering.Benchmarks.Engine;

/// <summary>Taking over: a changelog of accounts, each of them many times as its source has published, read into a new processor.</summary>
internal static class RestoreRun
{
    private const int Entries = 2_000_000, Accounts = 100_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Entries a second, the median of three; an empty reader first.</summary>
    public static async Task<double> MeasureAsync(MeterTopic topic)
    {
        var changelog = await topic.CreateAsync("metering-restored-changelog");
        Fill(topic, changelog);
        var context = await FleetMeter.CreateContextAsync();
        return Rounds.Median(Enumerable.Range(0, 4).Select(_ => Restore(topic, changelog, context)).Skip(1).ToArray());
    }

    private static double Restore(MeterTopic topic, string changelog, MeterContext context)
    {
        var processor = new MeterProcessor(0, context);
        var start = Stopwatch.GetTimestamp();
        var position = ChangelogReader.Restore(topic.Kafka, changelog, 0, processor, static (_, _) => { }, CancellationToken.None);
        var elapsed = Stopwatch.GetElapsedTime(start);
        return position == Entries ? Entries / elapsed.TotalSeconds : throw new InvalidOperationException($"the changelog's position is {position}, not {Entries}");
    }

    private static void Fill(MeterTopic topic, string changelog)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(topic.Kafka.Producer()).SetLogHandler((_, _) => { }).Build();
        var accounts = Enumerable.Range(0, Accounts).Select(i => new EpochAccount(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"gateway-eu-{i}")), i)).ToArray();
        var (key, value) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        for (var i = 0; i < Entries; i++)
        {
            var account = accounts[i % Accounts];
            account.Sequences.Take((i / Accounts) + 1);
            account.AddMetered(i, 1000, 100);
            key.ResetWrittenCount();
            value.ResetWrittenCount();
            EpochAccountCodec.WriteKey(key, account);
            EpochAccountCodec.WriteValue(value, account);
            producer.Produce(changelog, new() { Key = key.WrittenSpan.ToArray(), Value = value.WrittenSpan.ToArray() });
            if (i % 50_000 == 0)
                producer.Flush(Patience);
        }
        producer.Produce(changelog, new() { Key = PositionRecord.Key.ToArray(), Value = PositionRecord.Encode(Entries) });
        producer.Flush(Patience);
    }
}
