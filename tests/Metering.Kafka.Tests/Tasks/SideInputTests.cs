using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>A stage whose tasks read a second topic by partition (R12), on a real Kafka.</summary>
public sealed class SideInputTests(KafkaFixture kafka)
{
    private const string Side = "side";

    // Copies what it gets from either topic to one output, with a running number that is its state.
    private sealed class Copier(int partition) : IPartitionProcessor
    {
        private readonly List<string> _pending = [];
        private long _count;

        public bool WantsCommit => false;

        public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _count = long.Parse(Encoding.UTF8.GetString(value), CultureInfo.InvariantCulture);

        public ProcessResult Process(in InputRecord record)
        {
            Take("input", record);
            return ProcessResult.Taken;
        }

        public void ProcessSide(string topic, in InputRecord record)
        {
            Assert.Equal(partition, record.Partition);
            Take(topic, record);
        }

        public void OnCommit(DateTimeOffset now, ITransactionOutput output)
        {
            foreach (var text in _pending)
                output.Send(CountingProcessor.Output, partition, Encoding.UTF8.GetBytes("k"), Encoding.UTF8.GetBytes(text));
            _pending.Clear();
            output.SaveState("count"u8, Encoding.UTF8.GetBytes(_count.ToString(CultureInfo.InvariantCulture)));
        }

        private void Take(string topic, in InputRecord record) =>
            _pending.Add(string.Create(CultureInfo.InvariantCulture, $"{topic}:{Encoding.UTF8.GetString(record.Value)}#{++_count}"));
    }

    [Fact]
    public async Task R12_Tasks_read_their_partition_of_a_side_topic_and_go_on_behind_their_last_commit_also_after_faults()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        await kafka.CreateTopicAsync(bench.Settings.Topic(Side), 2);
        await ProduceSideAsync(bench, from: 0, count: 100);
        var faults = 2;
        await using (Start(bench, (point, _) => ThrowOnce(point, ref faults)))
        {
            await bench.ProduceAsync(200);
            AssertAll(await Task.Run(() => bench.Read(300)), input: 200, side: 100);
        }
        Assert.Equal(0, faults);
        await ProduceSideAsync(bench, from: 100, count: 50);
        await using (Start(bench, fault: null))
            AssertAll(await Task.Run(() => bench.Read(350)), input: 200, side: 150);
    }

    [Fact]
    public async Task R13_What_retention_took_of_a_side_topic_is_skipped()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await kafka.CreateTopicAsync(bench.Settings.Topic(Side), 1);
        await ProduceSideAsync(bench, from: 0, count: 10);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteRecordsAsync([new(bench.Settings.Topic(Side), 0, 6)]);
        await using (Start(bench, fault: null))
            Assert.Equal(4, (await Task.Run(() => bench.Read(4))).Count);
    }

    private static RunningStage Start(StageBench bench, Action<CommitPoint, int>? fault) => new(new TransactionalStage(
        bench.Settings,
        StageBench.Options() with { SideTopics = [Side], CreateProcessor = partition => new Copier(partition) },
        NullLogger<TransactionalStage>.Instance, TimeProvider.System)
    { Fault = fault });

    private static void ThrowOnce(CommitPoint point, ref int faults)
    {
        if (point == CommitPoint.AfterSend && Volatile.Read(ref faults) > 0 && Interlocked.Decrement(ref faults) >= 0)
            throw new KafkaException(new Error(ErrorCode.Local_Transport, "a lost transaction"));
    }

    // Each record once, and the running number of each partition without a gap.
    private static void AssertAll(List<(int Partition, string Value)> records, int input, int side)
    {
        var texts = records.ConvertAll(record => record.Value.Split('#')[0]);
        Assert.Equal(input, texts.Where(text => text.StartsWith("input:", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(side, texts.Where(text => text.StartsWith("side:", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(input + side, texts.Count);
        foreach (var partition in records.GroupBy(record => record.Partition))
            Assert.Equal(Enumerable.Range(1, partition.Count()).Select(n => (long)n), partition.Select(record => long.Parse(record.Value.Split('#')[1], CultureInfo.InvariantCulture)).Order());
    }

    private static async Task ProduceSideAsync(StageBench bench, int from, int count)
    {
        using var producer = new ProducerBuilder<Null, string>(bench.Settings.Producer()).Build();
        for (var i = from; i < from + count; i++)
            await producer.ProduceAsync(new TopicPartition(bench.Settings.Topic(Side), i % bench.Partitions), new() { Value = i.ToString(CultureInfo.InvariantCulture) });
    }
}
