namespace Metering.Pipeline.Sink;

/// <summary>Where a task begins: what the group's offset and its metadata said at takeover.</summary>
internal sealed record SinkPartition(int Partition, long Offset, SinkPlan? OpenPlan, string GroupId, LedgerOrigin Origin)
{
    /// <summary>The partition's number in the ledger, where several origins may lie.</summary>
    public uint LedgerPartition => Origin.LedgerPartition(Partition);
}

/// <summary>Compares the roll-ups of a range of blocks with the events, and mends them by correcting rows (R19).</summary>
internal interface IRollupCheck
{
    /// <returns>Correcting rows written.</returns>
    Task<long> RepairAsync(string table, uint ledgerPartition, long fromBlock, long toBlock, CancellationToken cancellationToken);
}
