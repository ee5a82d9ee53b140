using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Events;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Benchmarks.Loop;

/// <summary>Publishes decisions as a governor does, a transaction each, beside the governors: published is when the commit is acknowledged.</summary>
internal sealed class DecisionSource(KafkaSettings kafka, int schemaId, int partitions, InForceWatch watch)
{
    private const string Policy = "published";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), Between = TimeSpan.FromMilliseconds(50);

    private int _number;

    /// <summary>Timestamps; 0 until they are there.</summary>
    internal sealed class Published
    {
        public long CommitBegunAt;

        public long CommittedAt;

        public long InForceAt;
    }

    /// <summary>Publishes for so long, and waits until the last is in force.</summary>
    public async Task<IReadOnlyList<Published>> RunAsync(TimeSpan time)
    {
        using var stop = new CancellationTokenSource(time);
        var published = await Task.Factory.StartNew(() => Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (var since = Stopwatch.GetTimestamp(); published.Exists(static one => Volatile.Read(ref one.InForceAt) == 0); await Task.Delay(20))
        {
            if (Stopwatch.GetElapsedTime(since) > Patience)
                throw new TimeoutException($"a decision that was published is not in force within {Patience.TotalSeconds} s");
        }
        return published;
    }

    private List<Published> Run(CancellationToken stop)
    {
        var all = new List<Published>();
        using var producer = new ProducerBuilder<byte[], byte[]>(kafka.TransactionalProducer("bench-decisions")).SetLogHandler((_, _) => { }).Build();
        producer.InitTransactions(Patience);
        for (; !stop.IsCancellationRequested; _number++)
        {
            var scope = string.Create(CultureInfo.InvariantCulture, $"tenant=published-{_number}");
            var published = new Published();
            watch.Await(scope, Policy, (_, at) => Volatile.Write(ref published.InForceAt, at));
            producer.BeginTransaction();
            producer.Produce(new TopicPartition(kafka.Topic("control"), _number % partitions), new() { Key = Encoding.UTF8.GetBytes(scope + "|" + Policy), Value = Encode(scope) });
            published.CommitBegunAt = Stopwatch.GetTimestamp();
            producer.CommitTransaction(Patience);
            published.CommittedAt = Stopwatch.GetTimestamp();
            all.Add(published);
            stop.WaitHandle.WaitOne(Between);
        }
        return all;
    }

    private byte[] Encode(string scope)
    {
        var now = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var output = new ArrayBufferWriter<byte>();
        WireFormat.Write(output, schemaId, new Decision
        {
            Key = scope + "|" + Policy,
            Scope = scope,
            Policy = Policy,
            Action = DecisionAction.Deny,
            Version = now,
            Enforce = true,
            Because = new Dictionary<string, long>(StringComparer.Ordinal),
            DecidedAtMicros = now,
            EffectiveAtMicros = now,
        });
        return output.WrittenSpan.ToArray();
    }
}
