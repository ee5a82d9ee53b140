using System.Diagnostics;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Benchmarks.Broker;
using Metering.Testing;

namespace Metering.Benchmarks.Groups;

/// <summary>How a consumer joins and is told apart.</summary>
/// <param name="Name">In the figures.</param>
internal sealed record GroupKind(string Name, GroupProtocol Protocol, bool IsStatic);

/// <summary>
/// How long partitions are without an owner, by group protocol, on a real Kafka with its defaults: two members in processes of
/// their own share eight partitions; one stops, is killed, or is killed and started again. A time ends when all eight have
/// an owner. Kafka's newer protocol leaves session and heartbeats to the broker (45 s and 5 s), so its figure for
/// a kill is the broker's default. The kinds run side by side, for most of it is waiting.
/// </summary>
public static class GroupBench
{
    private const string Bench = "group";
    private const int Partitions = 8;

    private static readonly GroupKind[] Kinds =
    [
        new("classic, cooperative", GroupProtocol.Classic, IsStatic: false),
        new("classic, static members", GroupProtocol.Classic, IsStatic: true),
        new("group.protocol=consumer", GroupProtocol.Consumer, IsStatic: false),
        new("group.protocol=consumer, static members", GroupProtocol.Consumer, IsStatic: true),
    ];

    public static IReadOnlyList<Figure> Run() => BrokerUnderTest.IsKafkaThere
        ? RunAsync().GetAwaiter().GetResult()
        : [new Figure(Bench, "handovers", 0, "s", null, null, Met: true, "skipped: no Kafka (METERING_TEST_KAFKA, or METERING_SHARED with kafka/kafka)")];

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        await using var kafka = await BrokerUnderTest.StartKafkaAsync();
        var figures = await Task.WhenAll(Kinds.Select(kind => MeasureAsync(kind, kafka.Brokers)));
        return [.. figures.SelectMany(some => some)];
    }

    private static async Task<IReadOnlyList<Figure>> MeasureAsync(GroupKind kind, string brokers)
    {
        var topic = KafkaFixture.UniquePrefix() + "group";
        using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = brokers }).Build())
            await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = Partitions, ReplicationFactor = 1 }]);
        await using var stays = GroupMember.Start(kind, brokers, topic, "stays");
        await stays.HasAsync(Partitions);
        var leaves = GroupMember.Start(kind, brokers, topic, "leaves");
        try
        {
            await leaves.HasAsync(Partitions / 2);
            await stays.HasAsync(Partitions / 2);
            var stop = await TimeAsync(leaves.StopAsync, () => stays.HasAsync(Partitions));

            leaves = await AgainAsync(leaves, kind, brokers, topic);
            await stays.HasAsync(Partitions / 2);
            var restart = await TimeAsync(async () => leaves = await AgainAsync(leaves, kind, brokers, topic), () => Task.CompletedTask);

            var kill = await TimeAsync(leaves.KillAsync, () => stays.HasAsync(Partitions));
            return
            [
                Figure.Told(Bench, kind.Name + ": a member stops", stop, "s"),
                Figure.Told(Bench, kind.Name + ": a member is killed and started again", restart, "s"),
                Figure.Told(Bench, kind.Name + ": a member is killed", kill, "s"),
            ];
        }
        finally
        {
            await leaves.DisposeAsync();
        }
    }

    /// <summary>The process starts anew, after a kill if it still runs; until it has its half.</summary>
    private static async Task<GroupMember> AgainAsync(GroupMember before, GroupKind kind, string brokers, string topic)
    {
        await before.DisposeAsync();
        var member = GroupMember.Start(kind, brokers, topic, "leaves");
        await member.HasAsync(Partitions / 2);
        return member;
    }

    private static async Task<double> TimeAsync(Func<Task> act, Func<Task> reached)
    {
        var start = Stopwatch.GetTimestamp();
        await act();
        await reached();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
