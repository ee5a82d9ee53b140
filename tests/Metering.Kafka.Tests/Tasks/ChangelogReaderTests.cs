using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>R8: what a task takes over is every committed record of its changelog, in order, to the very end.</summary>
public sealed class ChangelogReaderTests(KafkaFixture kafka)
{
    private const string Changelog = "changelog";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly KafkaSettings _settings = new() { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };

    [Fact]
    public async Task R8_Restore_reads_many_batches_leaves_out_what_was_aborted_and_ends_behind_the_last_marker()
    {
        await kafka.CreateTopicAsync(_settings.Topic(Changelog));
        // More than a batch holds in a transaction; the last two are aborted: only markers and what nobody sees are behind the end.
        var (from, position) = (0, 0);
        foreach (var (records, commits) in new[] { (1, true), (3_000, true), (2_500, false), (1_024, true), (10, false), (1, false) })
        {
            Write(from, records, position, commits);
            (from, position) = commits ? (from + records, position + 1) : (from, position);
        }

        var restored = new Restored();
        var told = new List<(long Read, long Of)>();
        Assert.Equal(position - 1, ChangelogReader.Restore(_settings, _settings.Topic(Changelog), 0, restored, (read, of) => told.Add((read, of)), TestContext.Current.CancellationToken));
        Assert.Equal(Enumerable.Range(0, from), restored.Values);
        Assert.All(told, at => Assert.InRange(at.Read, 1, at.Of));
    }

    [Fact]
    public async Task R8_Restore_of_an_empty_changelog_has_no_position()
    {
        await kafka.CreateTopicAsync(_settings.Topic(Changelog));
        Assert.Null(ChangelogReader.Restore(_settings, _settings.Topic(Changelog), 0, new Restored(), static (_, _) => { }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Restore_ends_when_it_is_cancelled_or_meets_a_record_of_another_program()
    {
        await kafka.CreateTopicAsync(_settings.Topic(Changelog));
        Write(0, 5_000, 0, commits: true);
        using var cancelled = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => ChangelogReader.Restore(
            _settings, _settings.Topic(Changelog), 0, new Restored { Taken = count => { if (count == 1_500) cancelled.Cancel(); } }, static (_, _) => { }, cancelled.Token));

        using (var other = new ProducerBuilder<byte[]?, byte[]>(_settings.Producer()).Build())
        {
            await other.ProduceAsync(_settings.Topic(Changelog), new() { Value = [1] });
        }
        var stopped = Assert.Throws<TaskStoppedException>(() => ChangelogReader.Restore(_settings, _settings.Topic(Changelog), 0, new Restored(), static (_, _) => { }, TestContext.Current.CancellationToken));
        Assert.Contains("another program writes to it", stopped.Message, StringComparison.Ordinal);
    }

    private void Write(int from, int records, int position, bool commits)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(_settings.TransactionalProducer("writer")).Build();
        producer.InitTransactions(Patience);
        producer.BeginTransaction();
        for (var i = from; i < from + records; i++)
            producer.Produce(_settings.Topic(Changelog), new() { Key = Encoding.ASCII.GetBytes("k" + i.ToString(CultureInfo.InvariantCulture)), Value = BitConverter.GetBytes(i) });
        producer.Produce(_settings.Topic(Changelog), new() { Key = PositionRecord.Key.ToArray(), Value = PositionRecord.Encode(position) });
        producer.Flush(Patience); // else an abort takes back what was not sent
        if (commits)
            producer.CommitTransaction(Patience);
        else
            producer.AbortTransaction(Patience);
        // An answered commit may not be readable yet: its markers come behind the answer. As a task does that takes over: fence first.
        using var successor = new ProducerBuilder<byte[], byte[]>(_settings.TransactionalProducer("writer")).Build();
        successor.InitTransactions(Patience);
    }

    private sealed class Restored : IPartitionProcessor
    {
        public List<int> Values { get; } = [];

        public Action<int>? Taken { get; init; }

        public bool WantsCommit => false;

        public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            Values.Add(BitConverter.ToInt32(value));
            Taken?.Invoke(Values.Count);
        }

        public ProcessResult Process(in InputRecord record) => throw new NotSupportedException();

        public void OnCommit(DateTimeOffset now, ITransactionOutput output) => throw new NotSupportedException();
    }
}
