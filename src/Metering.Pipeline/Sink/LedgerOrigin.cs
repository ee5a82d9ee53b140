namespace Metering.Pipeline.Sink;

/// <summary>Which cluster and which topic the blocks come from: part of every token (R18), and a number in the ledger.</summary>
/// <param name="TopicId">The id that Kafka gave the topic when it was created: a topic made anew has another.</param>
/// <param name="Number">The ledger's number for this origin, 0, 1, 2, …</param>
public sealed record LedgerOrigin(string ClusterId, string TopicId, uint Number)
{
    /// <summary>More partitions than any topic of Kafka has in practice.</summary>
    public const uint PartitionsPerOrigin = 65_536;

    public uint LedgerPartition(int partition) => checked((Number * PartitionsPerOrigin) + (uint)partition);
}
