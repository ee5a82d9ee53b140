using System.Globalization;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>What the broker tells of itself by the names of Kafka's settings. All are read-only: they are given at its start.</summary>
internal static class BrokerConfig
{
    private const byte Boolean = 1;
    private const byte Text = 2;
    private const byte Int = 3;
    private const byte Long = 5;
    private const byte List = 7;

    public static IReadOnlyList<ConfigEntry> Entries(CallContext context)
    {
        var listener = string.Create(CultureInfo.InvariantCulture, $"{(context.Sasl.IsRequired ? "SASL_PLAINTEXT" : "PLAINTEXT")}://{context.Host}:{context.Port}");
        var partitions = context.Options.DefaultPartitions.ToString(CultureInfo.InvariantCulture);
        return
        [
            new("broker.id", CallContext.NodeId.ToString(CultureInfo.InvariantCulture), false, Int, "The number of this broker, the only one."),
            new("node.id", CallContext.NodeId.ToString(CultureInfo.InvariantCulture), false, Int, "The number of this broker, the only one."),
            new("process.roles", "broker,controller", false, List, "One node does everything."),
            new("listeners", listener, false, Text, "Where it listens."),
            new("advertised.listeners", listener, false, Text, "Where clients reach it."),
            new("log.dirs", context.Options.Directory, false, Text, "The folder that holds everything."),
            new("num.partitions", partitions, context.Options.DefaultPartitions == 1, Int, "Partitions of a topic whose maker names no number."),
            new("default.replication.factor", "1", true, Int, "This broker never replicates."),
            new("min.insync.replicas", "1", true, Int, "This broker never replicates."),
            new("offsets.topic.replication.factor", "1", false, Int, "This broker never replicates."),
            new("transaction.state.log.replication.factor", "1", false, Int, "This broker never replicates."),
            new("auto.create.topics.enable", "false", false, Boolean, "Topics are made by those who own them."),
            new("delete.topic.enable", "true", true, Boolean, "Topics can be deleted."),
            new("offsets.retention.minutes", "2147483647", false, Int, "Committed offsets never expire."),
            new("log.flush.interval.messages", context.Options.Durability == Durability.Disk ? "1" : "9223372036854775807", false, Long, "1: acknowledged means on disk, by group commit. Else: in the operating system's hands."),
            new("fetch.max.bytes", WireLimits.FetchBytes.ToString(CultureInfo.InvariantCulture), false, Int, "All partitions of a fetch together, but at least one batch."),
            new("socket.request.max.bytes", WireLimits.ProduceFrameBytes.ToString(CultureInfo.InvariantCulture), true, Int, "The largest request."),
            new("max.connections", WireLimits.Connections.ToString(CultureInfo.InvariantCulture), false, Int, "Connections at the same time."),
        ];
    }
}
