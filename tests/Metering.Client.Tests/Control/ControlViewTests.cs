using System.Buffers;
using Confluent.Kafka;
using Metering.Events;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Client.Tests.Control;

/// <summary>The view on a real Kafka; the schemas come from a fake registry.</summary>
public sealed class ControlViewTests(OwnKafkaFixture kafka)
{
    private const int DecisionId = 1, PolicyId = 2, KeyId = 3;

    private readonly string _prefix = KafkaFixture.UniquePrefix();
    private readonly List<(string Lease, bool InForce)> _grants = [];

    private static long Now => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1000;

    private static Decision Of(string scope, DecisionAction action, long version, string policy = "p", string? lease = null) => new()
    {
        Key = action == DecisionAction.Heartbeat ? "heartbeat|0" : lease is null ? $"{scope}|{policy}" : $"{scope}|{policy}|g1|{lease}",
        Scope = scope,
        Policy = policy,
        Version = version,
        Action = action,
        Enforce = true,
        Gateway = lease is null ? null : "g1",
        LeaseId = lease,
        DecidedAtMicros = Now,
        EffectiveAtMicros = Now,
    };

    private static byte[] Bytes<T>(int id, T record)
        where T : IAvroRecord
    {
        var output = new ArrayBufferWriter<byte>();
        WireFormat.Write(output, id, record);
        return output.WrittenSpan.ToArray();
    }

    [Fact]
    public async Task Start_reads_the_whole_topic_first_and_then_follows_it_R24_R30()
    {
        foreach (var (topic, partitions) in new[] { ("control", 2), ("policies", 1), ("keys", 1), ("prices", 1) })
            await kafka.CreateTopicAsync(_prefix + topic, partitions, ("cleanup.policy", "compact"));
        using var producer = new ProducerBuilder<string, byte[]>(new ProducerConfig { BootstrapServers = kafka.Brokers, TransactionalId = _prefix + "governor" }).Build();
        producer.InitTransactions(TimeSpan.FromSeconds(30));
        Commit(producer, ("control", 0, "tenant=acme|p", Bytes(DecisionId, Of("tenant=acme", DecisionAction.Throttle, 1))),
            ("control", 1, "tenant=blue|p", Bytes(DecisionId, Of("tenant=blue", DecisionAction.Deny, 1))),
            ("control", 1, "bad|p", [1, 2, 3]),
            ("policies", 0, "p", Bytes(PolicyId, new Policy { Name = "p" })),
            ("keys", 0, "k1", Bytes(KeyId, new GatewayKey { Id = "k1", Tenant = "acme" })));
        producer.BeginTransaction();
        Send(producer, "control", 0, "tenant=acme|p", Bytes(DecisionId, Of("tenant=acme", DecisionAction.Deny, 9)));
        producer.Flush(TimeSpan.FromSeconds(30));
        producer.AbortTransaction(TimeSpan.FromSeconds(30)); // never decided

        await using var view = new ControlView(new ControlOptions { Brokers = kafka.Brokers, Registry = "none", TopicPrefix = _prefix }, FindAsync, null,
            (_, decision, isTakenBack) => Hear(decision, isTakenBack), NullLoggerFactory.Instance, TimeProvider.System);
        await view.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(2, view.Partitions);
        Assert.Equal(DecisionAction.Throttle, view.InForce("tenant=acme", "p")!.Action);
        Assert.Equal(DecisionAction.Deny, view.InForce("tenant=blue", "p")!.Action);
        Assert.Equal("p", Assert.Single(view.Policies).Name);
        Assert.Equal("acme", Assert.Single(view.Keys).Tenant);
        Assert.False(view.HasControl(0));

        Commit(producer, ("control", 0, "tenant=acme|p", Bytes(DecisionId, Of("tenant=acme", DecisionAction.CapOutput, 10))),
            ("control", 0, "tenant=acme|p|g1|L1", Bytes(DecisionId, Of("tenant=acme", DecisionAction.Grant, 11, lease: "L1"))),
            ("control", 0, "heartbeat|0", Bytes(DecisionId, Of("", DecisionAction.Heartbeat, 12))),
            ("control", 1, "tenant=blue|p", null),
            ("policies", 0, "p", null));
        Commit(producer, ("control", 0, "tenant=acme|p|g1|L1", null));
        await UntilAsync(() => { lock (_grants) return _grants.Count == 2; });
        Assert.Equal([("L1", true), ("L1", false)], _grants);
        Assert.Equal(DecisionAction.CapOutput, view.InForce("tenant=acme", "p")!.Action);
        Assert.True(view.HasControl(0));
        await UntilAsync(() => view.InForce("tenant=blue", "p") is null && view.Policies.Count == 0);
        Assert.False(view.HasControl(1));
        Assert.Null(view.Staleness());
    }

    private void Hear(Decision decision, bool isTakenBack)
    {
        if (decision.Action != DecisionAction.Grant)
            return;
        lock (_grants)
            _grants.Add((decision.LeaseId!, !isTakenBack));
    }

    private static Task<string?> FindAsync(int id, CancellationToken cancellationToken) => Task.FromResult(id switch
    {
        DecisionId => Decision.SchemaJson,
        PolicyId => Policy.SchemaJson,
        KeyId => GatewayKey.SchemaJson,
        _ => null,
    });

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
            await Task.Delay(20, limit.Token);
    }

    private void Commit(IProducer<string, byte[]> producer, params (string Topic, int Partition, string Key, byte[]? Value)[] records)
    {
        producer.BeginTransaction();
        foreach (var (topic, partition, key, value) in records)
            Send(producer, topic, partition, key, value);
        producer.CommitTransaction(TimeSpan.FromSeconds(30));
    }

    private void Send(IProducer<string, byte[]> producer, string topic, int partition, string key, byte[]? value) =>
        producer.Produce(new TopicPartition(_prefix + topic, partition), new Message<string, byte[]> { Key = key, Value = value! });
}
