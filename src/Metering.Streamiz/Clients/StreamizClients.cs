using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Streamiz.Tasks;
using Streamiz.Kafka.Net.Kafka;
using Streamiz.Kafka.Net.Metrics;

namespace Metering.Streamiz.Clients;

/// <summary>Gives Streamiz its clients: with the settings that every client of ours has, and with the guards. They are all
/// ended by <see cref="Dispose"/>, for after an error Streamiz leaves its own where they are, members of the group among them.</summary>
internal sealed class StreamizClients(HostSession session) : IKafkaSupplier, IDisposable
{
    private readonly List<GuardedProducer> _producers = [];
    private readonly List<ForwardingConsumer> _consumers = [];

    public StreamMetricsRegistry? MetricsRegistry { get; set; }

    public IConsumer<byte[], byte[]> GetConsumer(ConsumerConfig config, IConsumerRebalanceListener rebalanceListener)
    {
        var ours = session.Settings.GroupConsumer(StageContext.GroupName(session.Options.Stage));
        // Not the one of our own host: so the group refuses members of both hosts at the same time.
        ours.PartitionAssignmentStrategy = PartitionAssignmentStrategy.RoundRobin;
        ours.MaxPollIntervalMs = (int)StreamizRun.MaxPoll.TotalMilliseconds;
        ours.EnablePartitionEof = true;     // R14: tells markers at the end from records that lag.
        return Added(GuardedConsumer.Build(session, ours, rebalanceListener));
    }

    public IProducer<byte[], byte[]> GetProducer(ProducerConfig config)
    {
        // One for all partitions of this run, so the id says nothing about a partition: it fences nobody, the group does.
        var producer = new ProducerBuilder<byte[], byte[]>(session.Settings.TransactionalProducer($"{StageContext.GroupName(session.Options.Stage)}-streamiz-{Guid.NewGuid():N}"))
            .SetLogHandler((_, message) => ClientLog.Write(session.Logger, message))
            .SetErrorHandler((_, error) => ClientLog.Write(session.Logger, error))
            .Build();
        var guarded = new GuardedProducer(producer, session);
        _producers.Add(guarded);
        session.SendBy(guarded);
        return guarded;
    }

    public IConsumer<byte[], byte[]> GetRestoreConsumer(ConsumerConfig config)
    {
        var ours = session.Settings.Reader();
        ours.EnablePartitionEof = true;
        return Added(new RestoreConsumer(Reader(ours), () =>
        {
            var uncommitted = session.Settings.Reader();
            uncommitted.IsolationLevel = IsolationLevel.ReadUncommitted;
            return Reader(uncommitted);
        }));
    }

    public IAdminClient GetAdmin(AdminClientConfig config) => new AdminClientBuilder(session.Settings.Admin())
        .SetLogHandler((_, message) => ClientLog.Write(session.Logger, message))
        .SetErrorHandler((_, error) => ClientLog.Write(session.Logger, error))
        .Build();

    public IConsumer<byte[], byte[]> GetGlobalConsumer(ConsumerConfig config) => throw new NotSupportedException("The topology has no global store.");

    public void Dispose()
    {
        foreach (var producer in _producers)
        {
            producer.AbandonTransaction();
            producer.Dispose();
        }
        foreach (var consumer in _consumers)
        {
            consumer.Close();       // Leaves the group now, not after the session timeout.
            consumer.Dispose();
        }
    }

    private T Added<T>(T consumer)
        where T : ForwardingConsumer
    {
        _consumers.Add(consumer);
        return consumer;
    }

    private IConsumer<byte[], byte[]> Reader(ConsumerConfig config) => new ConsumerBuilder<byte[], byte[]>(config)
        .SetLogHandler((_, message) => ClientLog.Write(session.Logger, message))
        .Build();
}
