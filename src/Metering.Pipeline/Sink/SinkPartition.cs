namespace Metering.Pipeline.Sink;

/// <summary>Where a task begins: what the group's offset and its metadata said at takeover.</summary>
internal sealed record SinkPartition(int Partition, long Offset, SinkPlan? OpenPlan, string GroupId, LedgerOrigin Origin)
{
    /// <summary>The partition's number in the ledger, where several origins may lie.</summary>
    public uint LedgerPartition => Origin.LedgerPartition(Partition);
}
